import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ZmqError } from '../../../src/errors.ts';
import type { Endpoint, IpcEndpoint } from '../../../src/transport/endpoint.ts';
import { formatEndpoint, formatTcp, ipcPath, parseEndpoint } from '../../../src/transport/endpoint.ts';

const tcp = (host: string, port: number, source: { host: string; port: number } | null = null): object => ({
  transport: 'tcp',
  host,
  port,
  source,
});
const ws = (transport: 'ws' | 'wss', host: string, port: number, path: string): object => ({
  transport,
  host,
  port,
  path,
});
const ipc = (kind: string, path: string): object => ({ transport: 'ipc', kind, path });

const GOOD: readonly (readonly [text: string, parsed: object, canonical?: string])[] = [
  ['tcp://127.0.0.1:5555', tcp('127.0.0.1', 5555)],
  ['tcp://127.0.0.1:1', tcp('127.0.0.1', 1)],
  ['tcp://127.0.0.1:65535', tcp('127.0.0.1', 65535)],
  ['tcp://127.0.0.1:05555', tcp('127.0.0.1', 5555), 'tcp://127.0.0.1:5555'],
  ['tcp://*:5555', tcp('*', 5555)],
  ['tcp://*:*', tcp('*', 0), 'tcp://*:0'],
  ['tcp://*:0', tcp('*', 0)],
  ['tcp://[::1]:5555', tcp('::1', 5555)],
  ['tcp://[::]:*', tcp('::', 0), 'tcp://[::]:0'],
  ['tcp://[*]:5555', tcp('*', 5555), 'tcp://*:5555'],
  ['tcp://[127.0.0.1]:5555', tcp('127.0.0.1', 5555), 'tcp://127.0.0.1:5555'],
  ['tcp://::1:5555', tcp('::1', 5555), 'tcp://[::1]:5555'],
  ['tcp://[fe80::1%eth0]:5555', tcp('fe80::1%eth0', 5555)],
  ['tcp://[fe80::1%3]:5555', tcp('fe80::1%3', 5555)],
  ['tcp://[::ffff:10.0.0.1]:80', tcp('::ffff:10.0.0.1', 80)],
  ['tcp://localhost:5555', tcp('localhost', 5555)],
  ['tcp://a-b.example.org:5555', tcp('a-b.example.org', 5555)],
  ['tcp://example.org.:5555', tcp('example.org.', 5555)],
  ['tcp://my_host:5555', tcp('my_host', 5555)],
  ['tcp://bücher.example:5555', tcp('bücher.example', 5555)],
  ['tcp://eth0:5555', tcp('eth0', 5555)],
  [
    'tcp://192.168.1.17:5555;192.168.1.1:5556',
    tcp('192.168.1.1', 5556, { host: '192.168.1.17', port: 5555 }),
  ],
  [
    'tcp://192.168.1.17:*;host:5556',
    tcp('host', 5556, { host: '192.168.1.17', port: 0 }),
    'tcp://192.168.1.17:0;host:5556',
  ],
  ['tcp://*:0;host:5556', tcp('host', 5556, { host: '*', port: 0 })],
  ['tcp://[::1]:0;[::2]:5556', tcp('::2', 5556, { host: '::1', port: 0 })],
  ['tcp://eth0:0;host:5556', tcp('host', 5556, { host: 'eth0', port: 0 })],
  ['ipc:///tmp/feeds/0', ipc('path', '/tmp/feeds/0')],
  ['ipc://relative', ipc('path', 'relative')],
  ['ipc://a b', ipc('path', 'a b')],
  ['ipc://*', ipc('wildcard', '')],
  ['ipc://*x', ipc('path', '*x')],
  ['inproc://name', { transport: 'inproc', name: 'name' }],
  ['inproc://a b/c:*;', { transport: 'inproc', name: 'a b/c:*;' }],
  [`inproc://${'n'.repeat(256)}`, { transport: 'inproc', name: 'n'.repeat(256) }],
  ['udp://239.1.2.3:5555', { transport: 'udp', host: '239.1.2.3', port: 5555 }],
  ['udp://*:*', { transport: 'udp', host: '*', port: 0 }, 'udp://*:0'],
  ['ws://127.0.0.1:5555', ws('ws', '127.0.0.1', 5555, '/'), 'ws://127.0.0.1:5555/'],
  ['ws://*:*', ws('ws', '*', 0, '/'), 'ws://*:0/'],
  ['wss://[::1]:5555/a/b?c=%20', ws('wss', '::1', 5555, '/a/b?c=%20')],
  ['wss://::1:5555', ws('wss', '::1', 5555, '/'), 'wss://[::1]:5555/'],
  ['ws://example.org', ws('ws', 'example.org', 80, '/'), 'ws://example.org:80/'],
  ['wss://example.org/zmq', ws('wss', 'example.org', 443, '/zmq'), 'wss://example.org:443/zmq'],
  ['wss://[::1]/zmq', ws('wss', '::1', 443, '/zmq'), 'wss://[::1]:443/zmq'],
];

const BAD: readonly (readonly [text: string, code: string, detail: RegExp])[] = [
  ['', 'EINVAL', /transport:\/\/address/],
  ['foo-bar', 'EINVAL', /transport:\/\/address/],
  ['tcp:/127.0.0.1:5555', 'EINVAL', /transport:\/\/address/],
  ['127.0.0.1:5555', 'EINVAL', /transport:\/\/address/],
  ['://127.0.0.1:5555', 'EINVAL', /transport in front/],
  ['tcp://', 'EINVAL', /address behind/],
  ['foo://', 'EINVAL', /address behind/],
  ['foo://bar', 'EPROTONOSUPPORT', /"foo"/],
  ['TCP://127.0.0.1:5555', 'EPROTONOSUPPORT', /"TCP"/],
  ['pgm://127.0.0.1:5555', 'EPROTONOSUPPORT', /there is tcp, ipc, inproc, udp, ws and wss/],
  [' tcp://127.0.0.1:5555', 'EPROTONOSUPPORT', /" tcp"/],
  ['tcp://127.0.0.1', 'EINVAL', /port is missing/],
  ['tcp://localhost', 'EINVAL', /port is missing/],
  ['tcp://:5555', 'EINVAL', /host .* missing/],
  ['tcp://127.0.0.1:', 'EINVAL', /port is ""/],
  ['tcp://127.0.0.1:65536', 'EINVAL', /65536/],
  ['tcp://127.0.0.1:123456', 'EINVAL', /123456/],
  ['tcp://127.0.0.1:-1', 'EINVAL', /"-1"/],
  ['tcp://127.0.0.1:1e3', 'EINVAL', /1e3/],
  ['tcp://127.0.0.1: 5555', 'EINVAL', /" 5555"/],
  ['tcp://127.0.0.1:5555/', 'EINVAL', /"5555\/"/],
  ['tcp://127.0.0.1:http', 'EINVAL', /http/],
  ['tcp://127.0.0.256:5555', 'EINVAL', /IPv4/],
  ['tcp://127.0.1:5555', 'EINVAL', /IPv4/],
  ['tcp://[::1]', 'EINVAL', /./],
  ['tcp://[::1:5555', 'EINVAL', /IPv6/],
  ['tcp://[::g]:5555', 'EINVAL', /IPv6/],
  ['tcp://[]:5555', 'EINVAL', /IPv6/],
  ['tcp://[localhost]:5555', 'EINVAL', /IPv6/],
  ['tcp://[fe80::1%]:5555', 'EINVAL', /IPv6/],
  ['tcp://[127.0.0.1%eth0]:5555', 'EINVAL', /IPv6/],
  ['tcp://1:2:3:5555', 'EINVAL', /IPv6/],
  ['tcp://ho st:5555', 'EINVAL', /host name/],
  ['tcp://user@host:5555', 'EINVAL', /host name/],
  ['tcp://host/path:5555', 'EINVAL', /host name/],
  ['tcp://-host:5555', 'EINVAL', /host name/],
  ['tcp://host-:5555', 'EINVAL', /host name/],
  ['tcp://ho\0st:5555', 'EINVAL', /host name/],
  ['tcp://;127.0.0.1:5555', 'EINVAL', /port is missing/],
  ['tcp://127.0.0.1:5555;', 'EINVAL', /port is missing/],
  ['tcp://127.0.0.1;127.0.0.1:5555', 'EINVAL', /port is missing/],
  ['tcp://a:1;b:2;c:3', 'EINVAL', /"a:1;b"/],
  ['ipc://@', 'EINVAL', /behind @/],
  ['ipc:///tmp/a\0b', 'EINVAL', /NUL/],
  [`ipc:///${'p'.repeat(300)}`, 'EINVAL', /at most/],
  ['inproc://', 'EINVAL', /address behind/],
  [`inproc://${'n'.repeat(257)}`, 'EINVAL', /256/],
  ['ws:///path', 'EINVAL', /host .* missing/],
  ['ws://host:/path', 'EINVAL', /port is ""/],
  ['ws://ho st/path', 'EINVAL', /host name/],
  ['ws://host/pa th', 'EINVAL', /path is "\/pa th"/],
  ['ws://host/path#part', 'EINVAL', /%XX/],
  ['ws://user:pass@host/', 'EINVAL', /port is "pass@host"/],
  [`wss://host/${'p'.repeat(2048)}`, 'EINVAL', /2048/],
];

const BIND_ONLY = [
  'tcp://*:5555',
  'tcp://127.0.0.1:*',
  'tcp://127.0.0.1:0',
  'tcp://h:0;h:*',
  'ipc://*',
  'ws://*:80',
];

function check(run: () => unknown, text: string, code: string, detail: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof ZmqError);
    assert.equal(error.code, code);
    assert.equal(error.address, text);
    assert.match(error.detail ?? '', detail);
    return true;
  });
}

describe('endpoints', () => {
  for (const [text, parsed, canonical = text] of GOOD) {
    it(`reads ${JSON.stringify(text.slice(0, 60))}`, () => {
      const endpoint = parseEndpoint(text);
      assert.deepEqual(endpoint, { ...parsed, text });
      assert.equal(formatEndpoint(endpoint), canonical);
      // The canonical text means the same again.
      assert.deepEqual(parseEndpoint(canonical), { ...parsed, text: canonical });
    });
  }

  for (const [text, code, detail] of BAD) {
    it(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
      check(() => parseEndpoint(text), text, code, detail);
    });
  }

  for (const text of BIND_ONLY) {
    it(`refuses ${text} for connect`, () => {
      check(() => parseEndpoint(text, 'connect'), text, 'EINVAL', /connect needs/);
      if (!text.includes(';')) assert.ok(parseEndpoint(text, 'bind'));
    });
  }

  it('refuses a source address for bind', () => {
    check(() => parseEndpoint('tcp://a:1;b:2', 'bind'), 'tcp://a:1;b:2', 'EINVAL', /connect only/);
  });

  it('messages are those of libzmq', () => {
    assert.throws(() => parseEndpoint('foo-bar'), { message: 'Invalid argument' });
    assert.throws(() => parseEndpoint('foo://bar'), { message: 'Protocol not supported' });
  });

  it('writes a mapped IPv4 address as IPv4', () => {
    assert.equal(formatTcp('::ffff:10.0.0.7', 5), 'tcp://10.0.0.7:5');
    assert.equal(formatTcp('::ffff:0:1', 5), 'tcp://[::ffff:0:1]:5');
    assert.equal(formatTcp('10.0.0.7', 5), 'tcp://10.0.0.7:5');
  });
});

describe('paths of ipc endpoints', () => {
  const path = (value: string): IpcEndpoint => ({
    transport: 'ipc',
    text: `ipc://${value}`,
    kind: value.startsWith('@') ? 'abstract' : 'path',
    path: value.replace(/^@/, ''),
  });

  it('are taken as they are on Unix', () => {
    assert.equal(ipcPath(path('/tmp/x'), 'linux'), '/tmp/x');
    assert.equal(ipcPath(path('x'), 'darwin'), 'x');
  });

  it('have the limit of sun_path, in octets', () => {
    for (const [platform, limit] of [
      ['linux', 107],
      ['darwin', 103],
      ['freebsd', 103],
    ] as const) {
      assert.equal(ipcPath(path('p'.repeat(limit)), platform).length, limit);
      const long = path('p'.repeat(limit + 1));
      check(() => ipcPath(long, platform), long.text, 'EINVAL', new RegExp(`at most ${limit} octets`));
    }
    const wide = path('ü'.repeat(54));
    check(() => ipcPath(wide, 'linux'), wide.text, 'EINVAL', /has 108/);
  });

  it('of an abstract name begin with a zero, on Linux alone', () => {
    assert.equal(ipcPath(path('@x'), 'linux'), '\0x');
    assert.equal(ipcPath(path(`@${'x'.repeat(106)}`), 'linux').length, 107);
    const long = path(`@${'x'.repeat(107)}`);
    check(() => ipcPath(long, 'linux'), long.text, 'EINVAL', /at most 107/);
    check(() => ipcPath(path('@x'), 'darwin'), 'ipc://@x', 'EINVAL', /Linux only/);
    check(() => ipcPath(path('@x'), 'win32'), 'ipc://@x', 'EINVAL', /Linux only/);
  });

  it('are pipe names on Windows, different for different endpoints', () => {
    const vectors: readonly (readonly [string, string])[] = [
      ['name', '\\\\.\\pipe\\name'],
      ['/tmp/feeds/0', '\\\\.\\pipe\\%2Ftmp%2Ffeeds%2F0'],
      ['C:\\data\\x', '\\\\.\\pipe\\C:%2Fdata%2Fx'],
      ['C:/data/x', '\\\\.\\pipe\\C:%2Fdata%2Fx'],
      ['a%2Fb', '\\\\.\\pipe\\a%252Fb'],
      ['\\\\.\\pipe\\own\\name', '\\\\.\\pipe\\own\\name'],
      ['//./pipe/own', '\\\\.\\pipe\\own'],
    ];
    for (const [name, pipe] of vectors) assert.equal(ipcPath(path(name), 'win32'), pipe);
    const long = path('p'.repeat(250));
    check(() => ipcPath(long, 'win32'), long.text, 'EINVAL', /pipe name/);
  });

  it('parse with the rules of this platform', () => {
    const text = 'ipc://@name';
    if (process.platform === 'linux') {
      const endpoint: Endpoint = parseEndpoint(text);
      assert.deepEqual(endpoint, { transport: 'ipc', text, kind: 'abstract', path: 'name' });
      assert.equal(formatEndpoint(endpoint), text);
    } else {
      check(() => parseEndpoint(text), text, 'EINVAL', /Linux only/);
    }
  });
});
