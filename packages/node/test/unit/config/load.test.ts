import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { streamsOf } from '../../../src/config/streams.ts';
import { DEFAULT_CONFIG_YAML, INIT_TEMPLATE } from '../../../src/config/templates.ts';
import { CONTEXT, good, route } from './support.ts';

const DEFAULTS = {
  sendHighWaterMark: 1000,
  receiveHighWaterMark: 1000,
  maxMessageSize: 64 * 1024 * 1024,
  maxPeers: 10_000,
  heartbeatInterval: 10_000,
  heartbeatTimeout: 60_000,
  timeout: 0,
  handshakeInterval: 30_000,
  reconnectInterval: 100,
  reconnectMaxInterval: 10_000,
  ipv6: false,
  wsOrigins: '',
  tcpKeepalive: false,
  tcpKeepaliveIdle: 0,
  stream: null,
};

const STREAM = {
  retain: { bytes: 10 * 1024 ** 3, age: 0, count: 0 },
  fsync: 'always',
  fsyncInterval: 100,
};
const SESSIONS = {
  maxSessions: 10_000,
  maxMessageSize: 64 * 1024 * 1024,
  heartbeatInterval: 5_000,
  ipv6: false,
  wsOrigins: '',
};

describe('the configurations that come with the node', () => {
  it('the default one has a route of each pattern on loopback', () => {
    const { routes, log, node, streams, sessions } = good(DEFAULT_CONFIG_YAML);
    const at = (port: number) => ({ bind: [`tcp://127.0.0.1:${port}`], connect: [] });
    assert.deepEqual(routes, [
      { name: 'telemetry', pattern: 'pubsub', frontend: at(5555), backend: at(5556), ...DEFAULTS },
      { name: 'orders', pattern: 'reqrep', frontend: at(5557), backend: at(5558), ...DEFAULTS },
      { name: 'jobs', pattern: 'pipeline', frontend: at(5560), backend: at(5561), ...DEFAULTS },
    ]);
    assert.deepEqual(streams, [{ name: 'events', ...STREAM }]);
    assert.deepEqual(sessions, { bind: ['tcp://127.0.0.1:5550'], ...SESSIONS });
    assert.deepEqual(log, { level: 'info', format: 'auto' });
    assert.deepEqual(node, {
      name: 'plant-7',
      dataDir: resolve('/etc/zeroth/data'),
      stopTimeout: 10_000,
      watch: true,
    });
  });

  it('the template of "zeroth init" says the same', () => {
    assert.deepEqual(good(INIT_TEMPLATE), good(DEFAULT_CONFIG_YAML));
  });

  it('every key that the template shows as a comment is right', () => {
    const shown = INIT_TEMPLATE.replace(/^( +)# ([A-Za-z]+: (\S+|\{ .* \}))$/gm, '$1$2');
    assert.match(shown, /^ {4}retain: /m);
    const { routes, admin, ...rest } = good(shown);
    assert.equal(admin.tokenFile, resolve('/etc/zeroth/admin.secret'));
    // The stream of a route is the one key whose default is not to be there.
    assert.deepEqual(
      routes.map(({ stream }) => stream),
      [null, null, STREAM],
    );
    const kept = routes.map((route) => ({ ...route, stream: null }));
    // Nor is a token the default.
    const open = { ...admin, tokenFile: '' };
    assert.deepEqual({ ...rest, routes: kept, admin: open }, good(DEFAULT_CONFIG_YAML));
  });
});

describe('values', () => {
  it('are normalised', () => {
    const { routes, node, log } = good(`
node: { name: a.b_c-1, dataDir: data/x, stopTimeout: 2m }
log: { level: silent, format: json }
routes:
  "7":
    pattern: reqrep
    frontend: { bind: [tcp://*:1, "tcp://[::1]:2"], connect: ipc:///a }
    backend: { connect: [tcp://10.0.0.5:6000] }
    sendHighWaterMark: 0
    receiveHighWaterMark: 0x10
    maxMessageSize: 512
    maxPeers: 1e3
    heartbeatInterval: 0s
    tcpKeepalive: true
    tcpKeepaliveIdle: 1h
    reconnectMaxInterval: 0s
    reconnectInterval: 2s
    ipv6: True
`);
    assert.deepEqual(node, {
      name: 'a.b_c-1',
      dataDir: resolve('/etc/zeroth/data/x'),
      stopTimeout: 120_000,
      watch: true,
    });
    assert.deepEqual(log, { level: 'silent', format: 'json' });
    assert.deepEqual(routes, [
      {
        ...DEFAULTS,
        name: '7',
        pattern: 'reqrep',
        frontend: { bind: ['tcp://*:1', 'tcp://[::1]:2'], connect: ['ipc:///a'] },
        backend: { bind: [], connect: ['tcp://10.0.0.5:6000'] },
        sendHighWaterMark: 0,
        receiveHighWaterMark: 16,
        maxMessageSize: 512,
        maxPeers: 1000,
        heartbeatInterval: 0,
        tcpKeepalive: true,
        tcpKeepaliveIdle: 3_600_000,
        reconnectInterval: 2_000,
        reconnectMaxInterval: 0,
        ipv6: true,
      },
    ]);
  });

  it('of streams: a section that is there has its defaults, one that is not is null', () => {
    const routes = `
routes:
  a: { pattern: pipeline, frontend: { bind: tcp://*:1 }, backend: { bind: tcp://*:2 }, stream: }
  b: { pattern: pubsub, frontend: { bind: tcp://*:3 }, backend: { bind: tcp://*:4 }, stream: {} }
  c: { pattern: pubsub, frontend: { bind: tcp://*:5 }, backend: { bind: tcp://*:6 } }
  d:
    pattern: pipeline
    frontend: { bind: tcp://*:7 }
    backend: { bind: tcp://*:8 }
    stream: { retain: { bytes: 1GiB, age: 365d, count: 5 }, fsync: interval, fsyncInterval: 1s }
`;
    const d = {
      retain: { bytes: 1024 ** 3, age: 365 * 86_400_000, count: 5 },
      fsync: 'interval',
      fsyncInterval: 1000,
    };
    const without = good(routes);
    assert.deepEqual(
      without.routes.map(({ stream }) => stream),
      [STREAM, STREAM, null, d],
    );
    assert.deepEqual([without.streams, without.sessions], [[], null]);

    const all = good(`${routes}
streams: { e: , "f.dead": { fsync: never }, c: {} }
sessions: { bind: ["tcp://[::1]:9", ipc:///s], ipv6: true, wsOrigins: "https://a.example http://b.example:8080", maxSessions: 5, heartbeatInterval: 1s, maxMessageSize: 1MiB }
`);
    assert.deepEqual(all.sessions, {
      bind: ['tcp://[::1]:9', 'ipc:///s'],
      maxSessions: 5,
      maxMessageSize: 1024 ** 2,
      heartbeatInterval: 1000,
      ipv6: true,
      wsOrigins: 'https://a.example http://b.example:8080',
    });
    assert.deepEqual(streamsOf(all), [
      { name: 'a', ...STREAM },
      { name: 'b', ...STREAM },
      { name: 'd', ...d },
      { name: 'e', ...STREAM },
      { name: 'f.dead', ...STREAM, fsync: 'never' },
      { name: 'c', ...STREAM },
    ]);
  });

  it('are frozen all the way down', () => {
    const config = good(DEFAULT_CONFIG_YAML);
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      assert.ok(Object.isFrozen(value), path);
      for (const [key, child] of Object.entries(value)) walk(child, `${path}.${key}`);
    };
    walk(config, 'config');
  });

  it('of anchors are shared', () => {
    const { routes } = good(`
routes:
  a: { pattern: pipeline, frontend: { bind: tcp://*:1 }, backend: &there { connect: &where [tcp://10.0.0.5:6000] } }
  b: { pattern: pipeline, frontend: { bind: tcp://*:2 }, backend: *there }
  c: { pattern: pipeline, frontend: { bind: tcp://*:3 }, backend: { connect: *where } }
`);
    assert.deepEqual(
      routes.map(({ backend }) => backend.connect),
      [['tcp://10.0.0.5:6000'], ['tcp://10.0.0.5:6000'], ['tcp://10.0.0.5:6000']],
    );
  });

  it('sections whose keys are all commented out have their defaults', () => {
    const config = good(`node:\nlog:\n  # level: debug\n${route('')}`);
    assert.equal(config.log.level, 'info');
    assert.equal(config.node.stopTimeout, 10_000);
  });

  it('names that objects have of their own are only names', () => {
    const side = (port: number) =>
      `{ pattern: pipeline, frontend: { bind: tcp://*:${port} }, backend: { connect: tcp://a:1 } }`;
    const { routes } = good(
      `routes:\n  __proto__: ${side(1)}\n  constructor: ${side(2)}\n  toString: ${side(3)}\n`,
    );
    assert.deepEqual(
      routes.map(({ name }) => name),
      ['__proto__', 'constructor', 'toString'],
    );
    assert.equal(Object.getPrototypeOf(routes[0]), Object.prototype);
  });
});

describe('defaults that depend on the machine', () => {
  const nameOn = (hostName: string): string | undefined => {
    const { config } = loadConfig({ text: DEFAULT_CONFIG_YAML, source: 'x' }, { ...CONTEXT, hostName });
    return config?.node.name;
  };
  it('a host name becomes a node name', () => {
    assert.equal(nameOn('Plant 7 (北京)'), 'Plant-7-----');
    assert.equal(nameOn(''), 'node');
    assert.equal(nameOn('..'), 'node');
    assert.equal(nameOn('a'.repeat(200)), 'a'.repeat(64));
  });

  it('without a context they are those of this machine', () => {
    const { config } = loadConfig({ text: DEFAULT_CONFIG_YAML, source: 'x' });
    assert.equal(config?.node.dataDir, resolve('data'));
    assert.equal(config?.node.name, nameOn(hostname()));
  });
});

describe('rules that must not get in the way', () => {
  const fine: [string, string][] = [
    [
      'the same port on two addresses',
      'frontend: { bind: tcp://127.0.0.1:1 }, backend: { bind: tcp://127.0.0.2:1 }',
    ],
    ['any free port, twice', 'frontend: { bind: [tcp://*:0, tcp://*:0] }, backend: { bind: tcp://*:* }'],
    [
      'IPv4 and IPv6 loopback',
      'ipv6: true, frontend: { bind: tcp://127.0.0.1:1 }, backend: { bind: "tcp://[::1]:1" }',
    ],
    [
      'a bridge to the same port elsewhere',
      'frontend: { bind: tcp://*:1 }, backend: { connect: tcp://10.0.0.5:1 }',
    ],
    ['two sources', 'frontend: { connect: [tcp://a;c:1, tcp://b;c:1] }, backend: { bind: tcp://*:1 }'],
    ['temporary paths', 'frontend: { bind: ipc://* }, backend: { bind: ipc://* }'],
  ];
  for (const [what, text] of fine) {
    it(what, () => {
      good(`routes: { r: { pattern: pipeline, ${text} } }`);
    });
  }

  it('only streams and sessions', () => {
    good('{ streams: { a: }, sessions: { bind: tcp://*:1 } }');
  });

  it('sessions for the streams of routes only', () => {
    good(`${route('    stream:\n')}sessions: { bind: tcp://*:1 }`);
  });

  it('a stream with the name of a route that has none', () => {
    good(`${route('')}streams: { r: }\nsessions: { bind: tcp://*:1 }`);
  });

  it('inproc between two routes', () => {
    good(`
routes:
  a: { pattern: pipeline, frontend: { bind: tcp://*:1 }, backend: { bind: inproc://x } }
  b: { pattern: pipeline, frontend: { connect: inproc://x }, backend: { bind: tcp://*:2 } }
`);
  });
});

describe('warnings', () => {
  const cases: [string, string, string][] = [
    ['{}', 'CONFIG_NO_ROUTES', 'routes'],
    ['routes:', 'CONFIG_NO_ROUTES', 'routes'],
    ['streams: { a: }', 'CONFIG_NO_SESSIONS', 'streams'],
    [`${route('')}streams: { a: }`, 'CONFIG_NO_SESSIONS', 'streams'],
    ['sessions: { bind: tcp://*:1 }', 'CONFIG_NO_STREAMS', 'sessions'],
    [`${route('')}sessions: { bind: tcp://*:1 }`, 'CONFIG_NO_STREAMS', 'sessions'],
    [
      route('').replace('bind: tcp://*:5561', 'connect: inproc://x'),
      'CONFIG_INPROC_UNBOUND',
      'routes.r.backend.connect',
    ],
    [`%SOMETHING else\n---\n${route('')}`, 'CONFIG_YAML_WARNING', ''],
  ];
  for (const [text, code, key] of cases) {
    it(code, () => {
      const { config, warnings } = loadConfig({ text, source: 'x' });
      assert.ok(config !== null);
      assert.deepEqual(
        warnings.map((warning) => [warning.code, warning.key]),
        [[code, key]],
      );
    });
  }
});
