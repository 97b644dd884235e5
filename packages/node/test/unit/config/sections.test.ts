/** admin, source and telemetry: what is refused there, and what is never shown. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import type { Problem } from '../../../src/config/problem.ts';
import { bad, CONTEXT, codes, good, route } from './support.ts';

const SECRET = 'hunter2hunter2hunter2';

function one(text: string): Problem {
  const problems = bad(text);
  assert.deepEqual(codes(problems).slice(1), [], JSON.stringify(problems));
  return problems[0] as Problem;
}

describe('a secret of the real keys is in no problem', () => {
  const cases: [what: string, yaml: string][] = [
    ['a token with a space', `admin: { token: "${SECRET} x" }`],
    ['a token that is too short', 'admin: { token: hunter2 }'],
    ['a token that is a list', `admin: { token: [${SECRET}] }`],
    ['a mistyped token', `admin: { tokn: ${SECRET} }`],
    ['a token beside a mistake', `{ admin: { token: ${SECRET}, details: sometimes } }`],
    ['two tokens', `admin: { token: ${SECRET}, tokenFile: ./x }`],
    ['a password of a source', `source: { kind: etcd, url: "http://a:1", password: [${SECRET}] }`],
    ['a password beside a mistake', `{ source: { kind: etcdd, url: "http://a:1", password: ${SECRET} } }`],
    ['a token of a source', `{ source: { kind: nats, url: nats, token: ${SECRET} } }`],
    ['user and password in the URL', `source: { kind: nats, url: "nats://me:${SECRET}@10.0.0.5:4222" }`],
    ['with a slash in it', `source: { kind: nats, url: "nats://me:a/${SECRET}@10.0.0.5:4222" }`],
    ['a URL under a wrong key', `source: { kind: nats, address: "nats://me:${SECRET}@10.0.0.5:4222" }`],
    ['in the URL of a collector', `telemetry: { endpoint: "http://me:${SECRET}@collector:4318" }`],
    ['in an endpoint', `admin: { bind: "tcp://me:${SECRET}@127.0.0.1:1" }`],
    ['headers that are none', `telemetry: { headers: ${SECRET} }`],
    ['headers that are a mapping', `telemetry: { headers: { authorization: ${SECRET} } }`],
    ['headers beside a mistake', `{ telemetry: { headers: "a=${SECRET}", interval: 5 } }`],
    ['headers in broken YAML', `telemetry:\n  headers: "a=${SECRET}\n`],
  ];
  for (const [what, yaml] of cases) {
    it(what, () => assert.doesNotMatch(JSON.stringify(bad(yaml)), /hunter2/));
  }
});

describe('admin', () => {
  for (const bind of ['tcp://*:5580', 'tcp://0.0.0.0:5580', '"tcp://[::]:5580"', 'tcp://10.0.0.5:5580']) {
    it(`needs a token to be reached at ${bind}`, () => {
      const problem = one(`admin: { bind: ${bind} }\n${route('')}`);
      assert.equal(problem.code, 'CONFIG_CONFLICT');
      assert.equal(problem.key, 'admin.bind');
      assert.match(problem.message, /can be reached from other machines, and there is no token/);
      good(`admin: { bind: ${bind}, token: ${SECRET} }\n${route('')}`);
      good(`admin: { bind: ${bind}, tokenFile: ./x }\n${route('')}`);
    });
  }
  it('needs none on this machine', () => {
    for (const bind of ['tcp://127.0.0.1:5580', '"tcp://[::1]:5580"', 'tcp://localhost:5580', 'ipc:///run/z'])
      good(`admin: { bind: ${bind} }\n${route('')}`);
  });
  it('is not reached by inproc', () => {
    assert.equal(one(`admin: { bind: inproc://a }\n${route('')}`).code, 'CONFIG_CONFLICT');
  });
});

describe('a port twice', () => {
  const SESSIONS = 'streams: { s: {} }\nsessions: { bind: "tcp://127.0.0.1:5550" }\n';
  const cases: [what: string, yaml: string, key: string][] = [
    ['admin and a route', `${route('')}admin: { bind: tcp://127.0.0.1:5560 }`, 'admin.bind'],
    ['admin and sessions', `${SESSIONS}admin: { bind: tcp://127.0.0.1:5550 }`, 'admin.bind'],
    ['admin twice', `${route('')}admin: { bind: [tcp://127.0.0.1:1, tcp://127.0.0.1:1] }`, 'admin.bind[1]'],
    [
      'sessions and a route',
      `${route('')}streams: { s: {} }\nsessions: { bind: tcp://127.0.0.1:5561 }`,
      'sessions.bind',
    ],
  ];
  for (const [what, yaml, key] of cases) {
    it(what, () => {
      const problem = one(yaml);
      assert.deepEqual([problem.code, problem.key], ['CONFIG_ENDPOINT_TWICE', key]);
      assert.match(problem.message, /is already taken by .*line \d/);
    });
  }
});

describe('source.url', () => {
  const source = (url: string): boolean => {
    const text = `source: { kind: etcd, url: "${url}" }\n${route('')}`;
    return loadConfig({ text, source: 'x' }, CONTEXT).config !== null;
  };
  it('takes one URL or several', () => {
    for (const url of ['http://a:1', 'https://a:1/x,http://b:2', 'http://[::1]:2379'])
      assert.ok(source(url), url);
  });
  it('refuses users, spaces and other schemes', () => {
    for (const url of [
      'http://u@a',
      'http://u:p@a:1',
      'http://a:1,http://u@b',
      'ftp://a',
      'a:1',
      'http://a b',
      '',
    ])
      assert.ok(!source(url), url);
  });
  it('has the scheme of its kind, and Nacos a key without slashes', () => {
    const of = (rest: string): string => `source: { ${rest} }\n${route('')}`;
    const told = (rest: string): string[] =>
      bad(of(rest)).map(({ code, key, line }) => `${code} ${key} ${line}`);
    assert.deepEqual(told('kind: nats, url: "http://a"'), ['CONFIG_CONFLICT source.url 1']);
    assert.deepEqual(told('kind: etcd, url: "http://a,nats://b"'), ['CONFIG_CONFLICT source.url 1']);
    assert.deepEqual(told('kind: nacos, url: "http://a"'), ['CONFIG_CONFLICT source.key 1']);
    good(of('kind: nats, url: "nats://a,tls://b"'));
    good(of('kind: nacos, url: "http://a", key: zeroth.yaml'));
  });
  it('is checked in no time, whatever stands there', () => {
    assert.ok(!source(`http://a/${',http://a/'.repeat(100)} `));
  });
});

it('headers are names with values', () => {
  for (const [headers, right] of [
    ['a=b', true],
    ['authorization=Bearer x==, b=c', true],
    ['', true],
    ['a', false],
    ['a=b,c', false],
    ['a=b\\r\\nc=d', false],
  ] as const) {
    const text = `telemetry: { headers: "${headers}" }\n${route('')}`;
    assert.equal(loadConfig({ text, source: 'x' }, CONTEXT).config !== null, right, headers);
  }
});
