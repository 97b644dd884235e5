import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Endpoint, EndpointRole } from '../../../src/config/endpoint.ts';
import { checkEndpoint, reaches } from '../../../src/config/endpoint.ts';

function endpoint(text: string, role: EndpointRole): Endpoint {
  const checked = checkEndpoint(text, role);
  assert.ok(checked.ok, text);
  return checked.endpoint;
}

describe('endpoints that are right', () => {
  const both: EndpointRole[] = ['bind', 'connect'];
  const cases: [EndpointRole[], string, Endpoint][] = [
    [both, 'tcp://127.0.0.1:5555', { transport: 'tcp', host: '127.0.0.1', port: 5555 }],
    [both, 'tcp://[::1]:5555', { transport: 'tcp', host: '::1', port: 5555 }],
    [both, 'tcp://[fe80::1%eth0]:65535', { transport: 'tcp', host: 'fe80::1%eth0', port: 65535 }],
    [both, 'tcp://Plant-7.example.com:1', { transport: 'tcp', host: 'plant-7.example.com', port: 1 }],
    [both, 'tcp://eth0.100:5555', { transport: 'tcp', host: 'eth0.100', port: 5555 }],
    [['bind'], 'tcp://*:5555', { transport: 'tcp', host: '*', port: 5555 }],
    [['bind'], 'tcp://*:*', { transport: 'tcp', host: '*', port: 0 }],
    [['bind'], 'tcp://127.0.0.1:0', { transport: 'tcp', host: '127.0.0.1', port: 0 }],
    [['bind'], 'ipc://*', { transport: 'ipc', path: '*' }],
    [['connect'], 'tcp://192.168.0.5:0;10.0.0.5:6000', { transport: 'tcp', host: '10.0.0.5', port: 6000 }],
    [['connect'], 'tcp://eth0;server:6000', { transport: 'tcp', host: 'server', port: 6000 }],
    [['connect'], 'tcp://[::1]:0;[::1]:6000', { transport: 'tcp', host: '::1', port: 6000 }],
    [both, 'ipc:///run/zeroth.sock', { transport: 'ipc', path: '/run/zeroth.sock' }],
    [both, 'ipc://@abstract', { transport: 'ipc', path: '@abstract' }],
    [both, 'inproc://name', { transport: 'inproc', name: 'name' }],
    [both, 'ws://127.0.0.1:5557', { transport: 'ws', host: '127.0.0.1', port: 5557, path: '/' }],
    [both, 'ws://[::1]:5557/a/b?c', { transport: 'ws', host: '::1', port: 5557, path: '/a/b?c' }],
    [['bind'], 'ws://*:*', { transport: 'ws', host: '*', port: 0, path: '/' }],
    [['bind'], 'ws://*:0/pages', { transport: 'ws', host: '*', port: 0, path: '/pages' }],
  ];
  for (const [roles, text, expected] of cases) {
    for (const role of roles) it(`${role} ${text}`, () => assert.deepEqual(endpoint(text, role), expected));
  }
});

describe('endpoints that are refused', () => {
  const cases: [EndpointRole, string, RegExp, string | null][] = [
    ['bind', '', /begins with its transport/, null],
    ['bind', '*:5555', /begins with its transport/, 'tcp://*:5555'],
    ['bind', 'tcp:/127.0.0.1:5555', /begins with its transport/, 'tcp://127.0.0.1:5555'],
    ['bind', 'tcp:127.0.0.1:5555', /begins with its transport/, 'tcp://127.0.0.1:5555'],
    ['connect', '10.0.0.5:6000', /begins with its transport/, 'tcp://10.0.0.5:6000'],
    ['bind', 'TCP://*:5555', /unknown transport "TCP"/, 'tcp://*:5555'],
    ['bind', 'tpc://*:5555', /unknown transport/, 'tcp://*:5555'],
    ['bind', 'http://*:5555', /unknown transport/, null],
    ['bind', 'udp://*:5555', /unknown transport/, null],
    ['bind', 'tcp://', /port is missing/, null],
    ['bind', 'ws://*', /port is missing/, null],
    ['bind', 'ws://:5557', /host is missing/, 'ws://*:5557'],
    ['bind', 'ws://*:5557/#a', /%XX/, null],
    ['connect', 'ws://*:5557', /needs the host/, 'ws://127.0.0.1:5557'],
    ['connect', 'ws://eth0;server:5557', /source address is for tcp/, null],
    ['bind', 'wss://*:5557', /certificates.*proxy/, null],
    ['bind', 'tcp://*', /port is missing/, null],
    ['bind', 'tcp://*:', /port is missing/, null],
    ['bind', 'tcp://:5555', /host is missing/, 'tcp://*:5555'],
    ['bind', 'tcp://*:65536', /not a port/, null],
    ['bind', 'tcp://*:-1', /not a port/, null],
    ['bind', 'tcp://*:5555/', /nothing follows the port/, 'tcp://*:5555'],
    ['bind', 'tcp://*:http', /not a port/, null],
    ['bind', 'tcp://999.1.1.1:5555', /not an IPv4 address/, null],
    ['bind', 'tcp://1.2.3:5555', /not an IPv4 address/, null],
    ['bind', 'tcp://fe80::a:5555', /stands in brackets/, null],
    ['bind', 'tcp://[::g]:5555', /not an IPv6 address/, null],
    ['bind', 'tcp://[::1]', /port is missing/, null],
    ['bind', 'tcp://a b:5555', /no spaces/, null],
    ['bind', ' tcp://*:5555 ', /no spaces/, 'tcp://*:5555'],
    ['bind', 'tcp://a\u0000b:5555', /control characters/, null],
    ['bind', 'tcp://-a:5555', /not a host/, null],
    ['bind', 'tcp://eth0;a:5555', /source address/, null],
    ['connect', 'tcp://a;b;c:5555', /more than one/, null],
    ['connect', 'tcp://a:99999;c:5555', /not a source address/, null],
    ['connect', 'tcp://*:5555', /host of the peer/, 'tcp://127.0.0.1:5555'],
    ['connect', 'tcp://10.0.0.5:*', /port of the peer/, null],
    ['connect', 'tcp://10.0.0.5:0', /port of the peer/, null],
    ['connect', 'ipc://*', /nothing can connect/, null],
    ['connect', 'ws:/127.0.0.1:5555/feed', /begins with its transport/, 'ws://127.0.0.1:5555/feed'],
    ['bind', 'ipc://', /path after ipc/, null],
    ['bind', 'ipc://@', /path after ipc/, null],
    ['bind', 'inproc://', /name after inproc/, null],
    ['bind', `inproc://${'n'.repeat(257)}`, /at most 256/, null],
    ['bind', `ipc:///${'n'.repeat(2000)}`, /at most 1024/, null],
  ];
  for (const [role, text, message, suggestion] of cases) {
    it(`${role} ${JSON.stringify(text.slice(0, 40))}`, () => {
      const checked = checkEndpoint(text, role);
      assert.ok(!checked.ok);
      assert.match(checked.message, message);
      assert.equal(checked.suggestion, suggestion);
    });
  }
});

it('no text makes the check throw, and a suggestion is always right', () => {
  const pieces = fc.constantFrom(
    'tcp',
    'ipc',
    'inproc',
    '://',
    ':',
    '*',
    '[',
    ']',
    '::1',
    ';',
    '/',
    '5555',
    ' ',
    '\u0001',
    'a',
    '.',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, fc.constantFrom<EndpointRole>('bind', 'connect'), (candidate, role) => {
      const checked = checkEndpoint(candidate, role);
      if (!checked.ok && checked.suggestion !== null) assert.ok(checkEndpoint(checked.suggestion, role).ok);
    }),
    { numRuns: 2000 },
  );
});

describe('a connection that is sure to arrive at a bind of the same machine', () => {
  const cases: [connect: string, bind: string, ipv6: boolean, expected: boolean][] = [
    ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:1', false, true],
    ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:2', false, false],
    ['tcp://127.0.0.1:1', 'tcp://*:1', false, true],
    ['tcp://127.0.0.9:1', 'tcp://0.0.0.0:1', false, true],
    ['tcp://localhost:1', 'tcp://*:1', false, true],
    ['tcp://localhost:1', 'tcp://127.0.0.1:1', false, true],
    ['tcp://0.0.0.0:1', 'tcp://127.0.0.1:1', false, true],
    // The usual bridge: the same port here and there.
    ['tcp://10.0.0.5:1', 'tcp://*:1', false, false],
    ['tcp://server:1', 'tcp://*:1', false, false],
    ['tcp://10.0.0.5:1', 'tcp://10.0.0.5:1', false, true],
    ['tcp://[::1]:1', 'tcp://*:1', false, false],
    ['tcp://[::1]:1', 'tcp://*:1', true, true],
    ['tcp://127.0.0.1:1', 'tcp://[::]:1', true, true],
    ['tcp://constructor:1', 'tcp://*:1', false, false],
    ['tcp://127.0.0.1:1', 'tcp://*:0', false, false],
    ['ipc:///a', 'ipc:///a', false, true],
    ['ipc:///a', 'ipc:///b', false, false],
    ['inproc://a', 'inproc://a', false, true],
    ['inproc://a', 'ipc://a', false, false],
  ];
  for (const [connect, bind, ipv6, expected] of cases) {
    it(`${connect} -> ${bind}${ipv6 ? ' (IPv6)' : ''}: ${expected}`, () => {
      assert.equal(reaches(endpoint(connect, 'connect'), endpoint(bind, 'bind'), ipv6), expected);
    });
  }
});
