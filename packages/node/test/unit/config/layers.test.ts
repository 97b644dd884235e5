import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LayersResult } from '../../../src/config/layers.ts';
import { loadLayers, readLocal } from '../../../src/config/layers.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/types.ts';
import { CONTEXT, route } from './support.ts';

const FILE = 'node: { name: plant-7 }\n';
const NAME = 'etcd http://a:1, key k';

interface Given {
  readonly centre?: string | null;
  readonly file?: string;
  /** `key=value` */
  readonly sets?: readonly string[];
}

function load({ centre = null, file = FILE, sets = [] }: Given): LayersResult {
  return loadLayers(
    {
      centre: centre === null ? null : { name: NAME, text: centre },
      file: { name: 'zeroth.yaml', text: file },
      sets: sets.map((set) => {
        const [key, text] = set.split('=', 2) as [string, string];
        return { path: key.split('.'), secret: /token|password/.test(key), text };
      }),
    },
    'plant-7',
    CONTEXT,
  );
}

function merged(given: Given): Config {
  const { config, problems } = load(given);
  assert.deepEqual(problems, []);
  assert.ok(config !== null);
  return config;
}

/** Where it is wrong, how, and what was found. */
function refused(given: Given): string[] {
  const { config, problems } = load(given);
  assert.equal(config, null);
  return problems.map(({ code, file, line, key, value }) => `${file}:${line} ${key} ${code} ${value}`);
}

describe('layers', () => {
  it('a file alone is what it is', () => {
    const text = route('');
    const alone = loadConfig({ text, source: 'zeroth.yaml' }, CONTEXT);
    assert.deepEqual(load({ file: text }).config, alone.config);
    const wrong = route('    maxPeers: many\n    maxPers: 1\n');
    assert.deepEqual(
      load({ file: wrong }).problems,
      loadConfig({ text: wrong, source: 'zeroth.yaml' }, CONTEXT).problems,
    );
  });

  it('the file counts above the centre, key by key, and lists as a whole', () => {
    const centre = `${route('    maxPeers: 5\n    heartbeatInterval: 1s\n')}streams: { s: {} }\nlog: { level: warn }\n`;
    const file = `${FILE}routes:\n  r:\n    maxPeers: 9\n    frontend: { bind: [tcp://*:1, tcp://*:2] }\nlog:\n`;
    const { routes, streams, log, node } = merged({ centre, file });
    assert.equal(routes[0]?.maxPeers, 9);
    assert.equal(routes[0]?.heartbeatInterval, 1000);
    assert.deepEqual(routes[0]?.frontend.bind, ['tcp://*:1', 'tcp://*:2']);
    assert.deepEqual(routes[0]?.backend.bind, ['tcp://*:5561']);
    assert.deepEqual(
      streams.map(({ name }) => name),
      ['s'],
    );
    assert.equal(log.level, 'warn', 'a section without keys says nothing');
    assert.equal(node.name, 'plant-7');
  });

  it('what the centre says for this node counts above what it says for all', () => {
    const centre = `${route('    maxPeers: 5\n')}nodes:\n  plant-7: { routes: { r: { maxPeers: 6, sendHighWaterMark: 1 } } }\n  other: { routes: { r: { maxPeers: 7 } } }\n`;
    assert.equal(merged({ centre }).routes[0]?.maxPeers, 6);
    const file = `${FILE}routes: { r: { maxPeers: 8 } }\n`;
    const [own] = merged({ centre, file }).routes;
    assert.deepEqual([own?.maxPeers, own?.sendHighWaterMark], [8, 1]);
  });

  it('keys that were set count above all', () => {
    const centre = route('    maxPeers: 5\n');
    const sets = [
      'routes.r.maxPeers=1',
      'routes.r.frontend.bind=[tcp://*:1, "tcp://[::1]:2"]',
      'routes.r.ipv6=true',
    ];
    const [own] = merged({ centre, file: `${FILE}routes: { r: { maxPeers: 8 } }\n`, sets }).routes;
    assert.deepEqual([own?.maxPeers, own?.frontend.bind], [1, ['tcp://*:1', 'tcp://[::1]:2']]);
    assert.equal(
      merged({ file: route(''), sets: ['routes.r.maxPeers=1', 'routes.r.maxPeers=2'] }).routes[0]?.maxPeers,
      2,
    );
  });

  it('aliases stay in their text', () => {
    const centre = `routes:\n  r: &r\n    pattern: pipeline\n    frontend: { bind: tcp://*:5560 }\n    backend: &b { connect: tcp://b:1 }\n  q:\n    pattern: pubsub\n    frontend: { bind: tcp://*:5570 }\n    backend: *b\n`;
    const file = `${FILE}routes:\n  q: { backend: { connect: [tcp://c:1] }, maxPeers: &n 3 }\n  r: { maxPeers: *n }\n`;
    const [r, q] = merged({ centre, file }).routes;
    assert.deepEqual(
      [r?.backend.connect, q?.backend.connect, r?.maxPeers],
      [['tcp://b:1'], ['tcp://c:1'], 3],
    );
    assert.deepEqual(refused({ centre, file: `${FILE}routes: { q: *r }\n` }), [
      'zeroth.yaml:2  CONFIG_SYNTAX null',
    ]);
  });

  it('what was set of something that is gone does not count, and makes nothing', () => {
    const { config, orphans } = load({
      file: route(''),
      sets: [
        'routes.gone.maxPeers=1',
        'routes.r.stream.fsync=never',
        'telemetry.interval=1s',
        'routes.r.maxPeers=2',
      ],
    });
    assert.deepEqual(
      orphans.map(({ path }) => path.join('.')),
      ['routes.gone.maxPeers', 'routes.r.stream.fsync', 'telemetry.interval'],
    );
    assert.deepEqual([config?.routes.length, config?.routes[0]?.maxPeers, config?.telemetry], [1, 2, null]);
  });
});

describe('problems of layers name the text and its line', () => {
  it('each its own', () => {
    const centre = `${route('    maxPeers: many\n')}lg: {}\n`;
    const file = `${FILE}\n\nroutes:\n  r: { maxPers: 1 }\n`;
    assert.deepEqual(refused({ centre, file, sets: ['routes.r.heartbeatInterval=5'] }), [
      `${NAME}:6 routes.r.maxPeers CONFIG_WRONG_TYPE many`,
      `${NAME}:7 lg CONFIG_UNKNOWN_KEY null`,
      'zeroth.yaml:5 routes.r.maxPers CONFIG_UNKNOWN_KEY null',
      'set routes.r.heartbeatInterval:0 routes.r.heartbeatInterval CONFIG_BAD_UNIT 5',
    ]);
  });

  it('what is wrong below and right above does not count', () => {
    assert.equal(
      merged({ centre: route('    maxPeers: many\n'), file: `${FILE}routes: { r: { maxPeers: 1 } }` })
        .routes[0]?.maxPeers,
      1,
    );
  });

  it('a port twice in two texts, with the other place', () => {
    const file = `${FILE}admin: { bind: tcp://127.0.0.1:5560 }\n`;
    const { problems } = load({ centre: route(''), file });
    assert.equal(problems[0]?.code, 'CONFIG_ENDPOINT_TWICE');
    assert.deepEqual([problems[0]?.file, problems[0]?.line], ['zeroth.yaml', 2]);
    assert.ok(problems[0]?.message.includes(`${NAME}, line 4`), problems[0]?.message);
    const [set] = load({ centre: route(''), sets: ['routes.r.backend.bind=tcp://*:5560'] }).problems;
    assert.equal(set?.file, 'set routes.r.backend.bind');
    assert.ok(set?.message.includes(`${NAME}, line 4`), set?.message);
  });

  it('a key twice, also where another text counts', () => {
    const centre = `${route('')}streams:\n  s: { fsync: never, fsync: always }\n`;
    assert.deepEqual(
      refused({
        centre,
        file: `${FILE}streams: { s: { fsync: interval } }\nsessions: { bind: tcp://*:1 }\n`,
      }),
      [`${NAME}:7 streams.s.fsync CONFIG_DUPLICATE_KEY null`],
    );
    assert.deepEqual(
      refused({ centre: route(''), file: `${FILE}routes: { r: { ipv6: true, ipv6: false } }\n` }),
      ['zeroth.yaml:2 routes.r.ipv6 CONFIG_DUPLICATE_KEY null'],
    );
  });

  it('excerpts are of the right text and hide what is secret in any', () => {
    const centre = `${route('')}admin: { token: hunter2hunter2hunter2, details: sometimes }\n`;
    const { problems } = load({ centre, file: `{ node: { name: plant-7, nme: 1 } }` });
    assert.deepEqual(
      problems.map(({ excerpt }) => excerpt?.text),
      ['admin: { token: …, details: sometimes }', '{ node: { name: plant-7, nme: 1 } }'],
    );
    for (const value of [
      'hunter2',
      '[hunter2',
      '{ a: hunter2 }',
      '"hunter2',
      '*hunter2',
      '!hunter2 x',
      '&a [hunter2, *b]',
    ]) {
      const { problems: wrong } = load({ file: route(''), sets: [`admin.token=${value}`] });
      assert.notEqual(wrong.length, 0, value);
      assert.doesNotMatch(JSON.stringify(wrong), /hunter2/, value);
    }
  });

  it('a missing key', () => {
    assert.deepEqual(
      refused({
        centre: 'routes:\n  r: { pattern: pubsub }\n',
        file: `${FILE}routes:\n  r: { ipv6: true }\n`,
      }),
      [
        'zeroth.yaml:3 routes.r.frontend CONFIG_MISSING_KEY null',
        'zeroth.yaml:3 routes.r.backend CONFIG_MISSING_KEY null',
      ],
    );
  });
});

describe('a centre', () => {
  const cases: [what: string, centre: string, expected: string][] = [
    ['that is empty', '', `${NAME}:0  CONFIG_EMPTY null`],
    ['that is a list', '- a\n', `${NAME}:1  CONFIG_NOT_A_MAPPING null`],
    ['that is cut', 'routes:\n  r: { pattern: [pub', `${NAME}:2  CONFIG_SYNTAX null`],
    ['with an alias in itself', 'routes: &a { r: *a }\n', `${NAME}:1  CONFIG_ALIAS_CYCLE null`],
    ['of more than the limit', '#'.repeat(1024 * 1024 + 1), `${NAME}:0  CONFIG_FILE_TOO_LARGE null`],
    [
      'that says where to ask',
      `source: { kind: etcd }\n${route('')}`,
      `${NAME}:1 source CONFIG_CONFLICT null`,
    ],
    ['that names the node', `node: { name: x }\n${route('')}`, `${NAME}:1 node.name CONFIG_CONFLICT null`],
    [
      'that names it for itself',
      `nodes: { plant-7: { node: { name: x } } }\n${route('')}`,
      `${NAME}:1 nodes.plant-7.node.name CONFIG_CONFLICT null`,
    ],
    ['with nodes that are a list', `nodes: [a]\n${route('')}`, `${NAME}:1 nodes CONFIG_WRONG_TYPE null`],
    [
      'with a node twice',
      `nodes:\n  plant-7: {}\n  plant-7: {}\n${route('')}`,
      `${NAME}:3 nodes.plant-7 CONFIG_DUPLICATE_KEY null`,
    ],
  ];
  for (const [what, centre, expected] of cases) {
    it(what, () => assert.deepEqual(refused({ centre }), [expected]));
  }
  it('nodes are for centres', () => {
    assert.deepEqual(refused({ file: `nodes: { a: {} }\n${route('')}` }), [
      'zeroth.yaml:1 nodes CONFIG_UNKNOWN_KEY null',
    ]);
  });
});

describe('what a file says about itself', () => {
  it('is read though the rest is in the centre', () => {
    const text =
      'node: { name: a }\nsource: { kind: etcd, url: "http://a:1" }\nroutes: { r: { maxPeers: 1 } }\n';
    const { node, source } = readLocal({ name: 'f', text }, CONTEXT);
    assert.deepEqual([node?.name, source?.kind], ['a', 'etcd']);
  });
  it('is checked', () => {
    const { problems } = readLocal(
      { name: 'f', text: 'source: { kind: etc, url: "http://a:1" }\n' },
      CONTEXT,
    );
    assert.deepEqual(
      problems.map(({ key, suggestion }) => [key, suggestion]),
      [['source.kind', 'etcd']],
    );
  });
});
