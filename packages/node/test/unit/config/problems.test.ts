/** What is wrong with one key, or with several together: code, key, place and suggestion. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bad, codes, route } from './support.ts';

type Case = [what: string, text: string, code: string, key: string, place: string, suggestion: string | null];

const CASES: Case[] = [
  ['unknown key at the top', `nod: {}\n${route('')}`, 'CONFIG_UNKNOWN_KEY', 'nod', '1:1', 'node'],
  [
    'unknown key in a section',
    `node: { nme: a }\n${route('')}`,
    'CONFIG_UNKNOWN_KEY',
    'node.nme',
    '1:9',
    'name',
  ],
  [
    'unknown key in a route',
    route('    hwm: 1\n'),
    'CONFIG_UNKNOWN_KEY',
    'routes.r.hwm',
    '6:5',
    'sendHighWaterMark',
  ],
  [
    'a key that belongs elsewhere',
    route('    level: info\n'),
    'CONFIG_UNKNOWN_KEY',
    'routes.r.level',
    '6:5',
    null,
  ],
  ['a merge key', route('    <<: {}\n'), 'CONFIG_UNKNOWN_KEY', 'routes.r["<<"]', '6:5', null],
  ['__proto__', route('    __proto__: {}\n'), 'CONFIG_UNKNOWN_KEY', 'routes.r.__proto__', '6:5', null],
  [
    'a duplicate key',
    route('    ipv6: true\n    ipv6: true\n'),
    'CONFIG_DUPLICATE_KEY',
    'routes.r.ipv6',
    '7:5',
    null,
  ],
  ['a duplicate route', `${route('')}  r: {}\n`, 'CONFIG_DUPLICATE_KEY', 'routes.r', '6:3', null],
  ['a key that is no word', 'node: { [a]: 1 }', 'CONFIG_WRONG_TYPE', 'node', '1:9', null],

  ['text: a number', 'node: { name: 7 }', 'CONFIG_WRONG_TYPE', 'node.name', '1:15', '"7"'],
  ['text: a list', 'node: { name: [a] }', 'CONFIG_WRONG_TYPE', 'node.name', '1:15', null],
  ['text: nothing', 'node: { name: }', 'CONFIG_WRONG_TYPE', 'node.name', '1:15', null],
  ['text: a space', 'node: { name: a b }', 'CONFIG_BAD_VALUE', 'node.name', '1:15', null],
  ['text: only dots', 'node: { name: .. }', 'CONFIG_BAD_VALUE', 'node.name', '1:15', null],
  ['path: a boolean', 'node: { dataDir: true }', 'CONFIG_WRONG_TYPE', 'node.dataDir', '1:18', '"true"'],
  ['path: empty', 'node: { dataDir: "" }', 'CONFIG_BAD_VALUE', 'node.dataDir', '1:18', null],
  ['path: NUL', 'node: { dataDir: "a\\0b" }', 'CONFIG_BAD_VALUE', 'node.dataDir', '1:18', null],
  ['duration: a number', 'node: { stopTimeout: 10 }', 'CONFIG_BAD_UNIT', 'node.stopTimeout', '1:22', '10s'],
  [
    'duration: a quoted number',
    'node: { stopTimeout: "10" }',
    'CONFIG_BAD_UNIT',
    'node.stopTimeout',
    '1:22',
    '10s',
  ],
  ['duration: a word', 'node: { stopTimeout: 5 sec }', 'CONFIG_BAD_UNIT', 'node.stopTimeout', '1:22', '5s'],
  [
    'duration: a boolean',
    'node: { stopTimeout: true }',
    'CONFIG_WRONG_TYPE',
    'node.stopTimeout',
    '1:22',
    null,
  ],
  ['duration: negative', 'node: { stopTimeout: -1s }', 'CONFIG_BAD_UNIT', 'node.stopTimeout', '1:22', null],
  [
    'duration: too long',
    'node: { stopTimeout: 2h }',
    'CONFIG_OUT_OF_RANGE',
    'node.stopTimeout',
    '1:22',
    null,
  ],
  [
    'size: unit',
    route('    maxMessageSize: 1mb\n'),
    'CONFIG_BAD_UNIT',
    'routes.r.maxMessageSize',
    '6:21',
    '1MB',
  ],
  [
    'size: nought',
    route('    maxMessageSize: 0\n'),
    'CONFIG_OUT_OF_RANGE',
    'routes.r.maxMessageSize',
    '6:21',
    null,
  ],
  [
    'size: too large',
    route('    maxMessageSize: 3GiB\n'),
    'CONFIG_OUT_OF_RANGE',
    'routes.r.maxMessageSize',
    '6:21',
    null,
  ],
  [
    'size: a fraction',
    route('    maxMessageSize: 1.5\n'),
    'CONFIG_BAD_UNIT',
    'routes.r.maxMessageSize',
    '6:21',
    null,
  ],
  [
    'size: a list',
    route('    maxMessageSize: []\n'),
    'CONFIG_WRONG_TYPE',
    'routes.r.maxMessageSize',
    '6:21',
    null,
  ],
  ['integer: a text', route('    maxPeers: many\n'), 'CONFIG_WRONG_TYPE', 'routes.r.maxPeers', '6:15', null],
  ['integer: quoted', route('    maxPeers: "5"\n'), 'CONFIG_WRONG_TYPE', 'routes.r.maxPeers', '6:15', '5'],
  [
    'integer: separators',
    route('    maxPeers: 1_000\n'),
    'CONFIG_WRONG_TYPE',
    'routes.r.maxPeers',
    '6:15',
    '1000',
  ],
  [
    'integer: a fraction',
    route('    maxPeers: 1.5\n'),
    'CONFIG_WRONG_TYPE',
    'routes.r.maxPeers',
    '6:15',
    null,
  ],
  [
    'integer: infinite',
    route('    maxPeers: .inf\n'),
    'CONFIG_WRONG_TYPE',
    'routes.r.maxPeers',
    '6:15',
    null,
  ],
  [
    'integer: negative',
    route('    maxPeers: -1\n'),
    'CONFIG_OUT_OF_RANGE',
    'routes.r.maxPeers',
    '6:15',
    null,
  ],
  ['integer: huge', route('    maxPeers: 1e99\n'), 'CONFIG_OUT_OF_RANGE', 'routes.r.maxPeers', '6:15', null],
  ['boolean: YAML 1.1', route('    ipv6: yes\n'), 'CONFIG_WRONG_TYPE', 'routes.r.ipv6', '6:11', 'true'],
  ['boolean: quoted', route('    ipv6: "false"\n'), 'CONFIG_WRONG_TYPE', 'routes.r.ipv6', '6:11', 'false'],
  ['boolean: a number', route('    ipv6: 1\n'), 'CONFIG_WRONG_TYPE', 'routes.r.ipv6', '6:11', 'true'],
  ['choice: case', 'log: { level: INFO }', 'CONFIG_BAD_VALUE', 'log.level', '1:15', 'info'],
  ['choice: abbreviated', 'log: { level: err }', 'CONFIG_BAD_VALUE', 'log.level', '1:15', 'error'],
  ['choice: unknown', 'log: { format: xml }', 'CONFIG_BAD_VALUE', 'log.format', '1:16', null],
  ['choice: an inherited name', 'log: { level: constructor }', 'CONFIG_BAD_VALUE', 'log.level', '1:15', null],
  ['choice: a number', 'log: { level: 3 }', 'CONFIG_WRONG_TYPE', 'log.level', '1:15', null],
  ['section: a text', 'log: info', 'CONFIG_WRONG_TYPE', 'log', '1:6', null],
  ['section: a list', 'log: [info]', 'CONFIG_WRONG_TYPE', 'log', '1:6', null],
  ['routes: a list', 'routes: [a]', 'CONFIG_WRONG_TYPE', 'routes', '1:9', null],
  [
    'a name with a space',
    route('').replace('  r:', '  my route:'),
    'CONFIG_BAD_NAME',
    'routes["my route"]',
    '2:3',
    'my-route',
  ],
  ['a name in Chinese', route('').replace('  r:', '  电:'), 'CONFIG_BAD_NAME', 'routes["电"]', '2:3', null],
  ['a name of dots', route('').replace('  r:', '  ..:'), 'CONFIG_BAD_NAME', 'routes[".."]', '2:3', null],
  ['an empty name', route('').replace('  r:', '  "":'), 'CONFIG_BAD_NAME', 'routes[""]', '2:3', null],

  [
    'no pattern',
    route('').replace(/ +pattern.*\n/, ''),
    'CONFIG_MISSING_KEY',
    'routes.r.pattern',
    '2:3',
    null,
  ],
  [
    'a mistyped pattern',
    route('').replace('pattern', 'patern'),
    'CONFIG_UNKNOWN_KEY',
    'routes.r.patern',
    '3:5',
    'pattern',
  ],
  [
    'no backend',
    route('').replace(/ +backend.*\n/, ''),
    'CONFIG_MISSING_KEY',
    'routes.r.backend',
    '2:3',
    null,
  ],
  [
    'an empty side',
    route('').replace('{ bind: tcp://*:5561 }', '{}'),
    'CONFIG_MISSING_KEY',
    'routes.r.backend',
    '5:5',
    null,
  ],
  [
    'a side of nothing',
    route('').replace('{ bind: tcp://*:5561 }', ''),
    'CONFIG_MISSING_KEY',
    'routes.r.backend',
    '5:5',
    null,
  ],
  [
    'a mistyped bind',
    route('').replace('{ bind: tcp://*:5561', '{ bnd: x'),
    'CONFIG_UNKNOWN_KEY',
    'routes.r.backend.bnd',
    '5:16',
    'bind',
  ],
  [
    'no endpoint',
    route('').replace('tcp://*:5561', '[]'),
    'CONFIG_OUT_OF_RANGE',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],
  [
    'a port only',
    route('').replace('tcp://*:5561', '5561'),
    'CONFIG_WRONG_TYPE',
    'routes.r.backend.bind',
    '5:22',
    'tcp://*:5561',
  ],
  [
    'no transport',
    route('').replace('tcp://*:5561', '"*:5561"'),
    'CONFIG_BAD_ENDPOINT',
    'routes.r.backend.bind',
    '5:22',
    'tcp://*:5561',
  ],
  [
    'a bad one in a list',
    route('').replace('tcp://*:5561', '[tcp://*:5561, tcp://*:x]'),
    'CONFIG_BAD_ENDPOINT',
    'routes.r.backend.bind[1]',
    '5:37',
    null,
  ],
  [
    'a list in a list',
    route('').replace('tcp://*:5561', '[[tcp://*:5561]]'),
    'CONFIG_WRONG_TYPE',
    'routes.r.backend.bind[0]',
    '5:23',
    null,
  ],
  [
    'a mapping',
    route('').replace('tcp://*:5561', '{ port: 1 }'),
    'CONFIG_WRONG_TYPE',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],
  [
    'port 0 to connect',
    route('').replace('bind: tcp://*:5561', 'connect: tcp://a:0'),
    'CONFIG_BAD_ENDPOINT',
    'routes.r.backend.connect',
    '5:25',
    null,
  ],
  [
    'too many endpoints',
    route('').replace('tcp://*:5561', `[${'x,'.repeat(257)}]`),
    'CONFIG_TOO_MANY',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],

  [
    'one endpoint twice',
    route('').replace('5561', '5560'),
    'CONFIG_ENDPOINT_TWICE',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],
  [
    'all addresses and one',
    route('').replace('*:5561', '127.0.0.1:5560'),
    'CONFIG_ENDPOINT_TWICE',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],
  [
    'one and all addresses',
    route('').replace('*:5560', '127.0.0.1:5560').replace('5561', '5560'),
    'CONFIG_ENDPOINT_TWICE',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],
  [
    'localhost and 127.0.0.1',
    route('').replace('*:5560', 'localhost:1').replace('*:5561', '127.0.0.1:1'),
    'CONFIG_ENDPOINT_TWICE',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],
  [
    'one path twice',
    route('').replaceAll(/tcp:\/\/\*:556./g, 'ipc:///a'),
    'CONFIG_ENDPOINT_TWICE',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],
  [
    'in one list',
    route('').replace('tcp://*:5561', '[tcp://*:5561, tcp://*:5561]'),
    'CONFIG_ENDPOINT_TWICE',
    'routes.r.backend.bind[1]',
    '5:37',
    null,
  ],
  [
    'connected twice',
    route('').replace('bind: tcp://*:5561', 'connect: [tcp://a:1, tcp://a:1]'),
    'CONFIG_ENDPOINT_TWICE',
    'routes.r.backend.connect[1]',
    '5:37',
    null,
  ],
  [
    'a loop by address',
    route('').replace('bind: tcp://*:5561', 'connect: tcp://127.0.0.1:5560'),
    'CONFIG_ROUTE_LOOP',
    'routes.r.backend.connect',
    '5:25',
    null,
  ],
  [
    'a loop by inproc',
    route('').replace('tcp://*:5560', 'inproc://x').replace('bind: tcp://*:5561', 'connect: inproc://x'),
    'CONFIG_ROUTE_LOOP',
    'routes.r.backend.connect',
    '5:25',
    null,
  ],
  [
    'both sides connected to one',
    route('').replaceAll(/bind: tcp:\/\/\*:556./g, 'connect: tcp://a:1'),
    'CONFIG_ROUTE_LOOP',
    'routes.r.backend.connect',
    '5:25',
    null,
  ],
  [
    'IPv6 that is off',
    route('').replace('tcp://*:5561', '"tcp://[::1]:1"'),
    'CONFIG_CONFLICT',
    'routes.r.backend.bind',
    '5:22',
    null,
  ],
  [
    'backoff upside down',
    route('    reconnectInterval: 20s\n'),
    'CONFIG_CONFLICT',
    'routes.r.reconnectInterval',
    '6:24',
    'reconnectMaxInterval: 20s',
  ],

  [
    'a stream of a reqrep route',
    route('    stream:\n      fsync: never\n').replace('pipeline', 'reqrep'),
    'CONFIG_CONFLICT',
    'routes.r.stream',
    '7:7',
    null,
  ],
  [
    'an empty stream of a reqrep route',
    route('    stream:\n').replace('pipeline', 'reqrep'),
    'CONFIG_CONFLICT',
    'routes.r.stream',
    '6:12',
    null,
  ],
  [
    'a message that no stream takes',
    route('    maxMessageSize: 2GiB\n    stream: {}\n'),
    'CONFIG_CONFLICT',
    'routes.r.maxMessageSize',
    '6:21',
    'maxMessageSize: 1GiB',
  ],
  [
    'a stream that differs from another in case alone',
    'streams:\n  events: {}\n  EVENTS: {}\nsessions: { bind: tcp://*:1 }\n',
    'CONFIG_CONFLICT',
    'streams.EVENTS',
    '3:3',
    null,
  ],
  [
    'a stream that differs from that of a route in case alone',
    `${route('    stream: {}\n')}streams:\n  R: {}\nsessions: { bind: tcp://*:1 }\n`,
    'CONFIG_CONFLICT',
    'streams.R',
    '8:3',
    null,
  ],
  [
    'a stream with the name of a device',
    'streams:\n  nul.x: {}\nsessions: { bind: tcp://*:1 }\n',
    'CONFIG_CONFLICT',
    'streams["nul.x"]',
    '2:3',
    null,
  ],
  [
    'the stream of a route with the name of a device',
    route('    stream: {}\n').replace(' r:', ' Con:'),
    'CONFIG_CONFLICT',
    'routes.Con',
    '2:3',
    null,
  ],
  [
    'a stream named as that of a route',
    `${route('    stream: {}\n')}streams:\n  q: {}\n  r: {}\nsessions: { bind: tcp://*:1 }\n`,
    'CONFIG_CONFLICT',
    'streams.r',
    '9:3',
    null,
  ],
  ['a stream on or off', route('    stream: true\n'), 'CONFIG_WRONG_TYPE', 'routes.r.stream', '6:13', null],
  [
    'a stream by another name',
    route('    durable: {}\n'),
    'CONFIG_UNKNOWN_KEY',
    'routes.r.durable',
    '6:5',
    'stream',
  ],
  [
    'retention by another name',
    'streams: { a: { retention: {} } }',
    'CONFIG_UNKNOWN_KEY',
    'streams.a.retention',
    '1:17',
    'retain',
  ],
  [
    'no such policy',
    'streams: { a: { fsync: sometimes } }',
    'CONFIG_BAD_VALUE',
    'streams.a.fsync',
    '1:24',
    null,
  ],
  [
    'a name of a stream that leaves the folder',
    'streams: { "../a": }',
    'CONFIG_BAD_NAME',
    'streams["../a"]',
    '1:12',
    '..-a',
  ],
  ['sessions of nothing', 'sessions:', 'CONFIG_MISSING_KEY', 'sessions.bind', '1:1', null],
  [
    'sessions where a route is',
    `${route('')}sessions: { bind: tcp://127.0.0.1:5560 }`,
    'CONFIG_ENDPOINT_TWICE',
    'sessions.bind',
    '6:19',
    null,
  ],
  [
    'sessions at an IPv6 address that is off',
    'sessions: { bind: "tcp://[::1]:1" }',
    'CONFIG_CONFLICT',
    'sessions.bind',
    '1:19',
    null,
  ],
  [
    'sessions that connect',
    'sessions: { connect: tcp://a:1, bind: tcp://*:1 }',
    'CONFIG_UNKNOWN_KEY',
    'sessions.connect',
    '1:13',
    null,
  ],
];

describe('each problem has its code, key, place and suggestion', () => {
  for (const [what, text, code, key, place, suggestion] of CASES) {
    it(`${what}: ${code}`, () => {
      const problems = bad(text);
      assert.deepEqual(
        problems.map((p) => [p.code, p.key, `${p.line}:${p.column}`, p.suggestion]),
        [[code, key, place, suggestion]],
      );
      assert.equal(problems[0]?.file, 'bad.yaml');
    });
  }
});

describe('what a problem says', () => {
  it('the value as it stands in the file, and what is allowed', () => {
    const [problem] = bad(route('    maxPeers: "5"\n'));
    assert.equal(problem?.value, '"5"');
    assert.deepEqual(problem?.allowed, ['0 to 1000000']);
    assert.match(problem?.message ?? '', /without quotes/);
  });

  it('where a key belongs', () => {
    assert.match(bad(route('    level: info\n'))[0]?.message ?? '', /belongs to log$/);
  });

  it('who has the endpoint', () => {
    assert.match(
      bad(route('').replace('5561', '5560'))[0]?.message ?? '',
      /routes\.r\.frontend\.bind \(tcp:\/\/\*:5560, line 4\)/,
    );
  });

  it('where a value that comes by an alias is used', () => {
    const [problem] = bad(`node: { name: &x a b }\nlog: { level: *x }\n${route('')}`).slice(1);
    assert.deepEqual(
      [problem?.key, problem?.line, problem?.column, problem?.value],
      ['log.level', 2, 15, 'a b'],
    );
  });
});

it('all problems are reported, in the order of the file', () => {
  const problems = bad(`
node: { name: a b, stopTimeout: 10, nme: x }
log: { level: loud }
routes:
  a: { pattern: pubsubb, frontend: { bind: 5555 }, backend: { bnd: tcp://*:1 } }
  b: { pattern: pubsub, frontend: { bind: tcp://*:2 }, backend: { bind: tcp://*:2 }, maxPeers: -1 }
`);
  assert.deepEqual(
    problems.map(({ code, key }) => [code, key]),
    [
      ['CONFIG_BAD_VALUE', 'node.name'],
      ['CONFIG_BAD_UNIT', 'node.stopTimeout'],
      ['CONFIG_UNKNOWN_KEY', 'node.nme'],
      ['CONFIG_BAD_VALUE', 'log.level'],
      ['CONFIG_BAD_VALUE', 'routes.a.pattern'],
      ['CONFIG_WRONG_TYPE', 'routes.a.frontend.bind'],
      ['CONFIG_UNKNOWN_KEY', 'routes.a.backend.bnd'],
      ['CONFIG_ENDPOINT_TWICE', 'routes.b.backend.bind'],
      ['CONFIG_OUT_OF_RANGE', 'routes.b.maxPeers'],
    ],
  );
});

it('a flood of problems ends after 1000, and says so', () => {
  const problems = bad(Array.from({ length: 5000 }, (_, i) => `k${i}: 1\n`).join(''));
  assert.equal(problems.length, 1001);
  assert.deepEqual(codes(problems.slice(-1)), ['CONFIG_TOO_MANY']);
});

it('routes have a limit', () => {
  const one = (i: number): string =>
    ` r${i}: { pattern: pipeline, frontend: { bind: tcp://*:${i + 1} }, backend: { connect: tcp://h:9 } }\n`;
  const text = `routes:\n${Array.from({ length: 1001 }, (_, i) => one(i)).join('')}`;
  assert.deepEqual(
    bad(text).map((p) => [p.code, p.key, p.line]),
    [['CONFIG_TOO_MANY', 'routes', 1002]],
  );
});
