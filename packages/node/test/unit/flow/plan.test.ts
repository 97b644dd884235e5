/** What has to be done for a change, and which endpoints are in each other's way. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/types.ts';
import { Holders, pinned, without } from '../../../src/flow/endpoints.ts';
import { planOf } from '../../../src/flow/plan.ts';
import { route, routes } from './support.ts';

function config(text: string): Config {
  const { config: loaded, problems } = loadConfig({ text: `node: { name: n }\n${text}`, source: 'test' });
  assert.deepEqual(problems, []);
  return loaded as Config;
}

describe('endpoints', () => {
  it('clash when both can not be bound', () => {
    const bound = (configured: string, address = configured) => ({ configured, address });
    for (const [wanted, there, expected] of [
      ['tcp://127.0.0.1:5555', bound('tcp://127.0.0.1:5555'), true],
      ['tcp://127.0.0.1:5555', bound('tcp://127.0.0.1:5556'), false],
      ['tcp://127.0.0.1:5555', bound('tcp://127.0.0.2:5555'), false],
      ['tcp://*:5555', bound('tcp://127.0.0.1:5555'), true],
      ['tcp://127.0.0.1:5555', bound('tcp://*:*', 'tcp://0.0.0.0:5555'), true],
      ['tcp://localhost:5555', bound('tcp://127.0.0.1:5555'), true],
      ['tcp://[::1]:5555', bound('tcp://127.0.0.1:5555'), false],
      ['tcp://[::1]:5555', bound('tcp://*:5555', 'tcp://[::]:5555'), true],
      ['tcp://eth0:5555', bound('tcp://eth0:5555', 'tcp://10.0.0.5:5555'), true],
      ['tcp://127.0.0.1:*', bound('tcp://127.0.0.1:*', 'tcp://127.0.0.1:40001'), false],
      ['tcp://127.0.0.1:40001', bound('tcp://127.0.0.1:*', 'tcp://127.0.0.1:40001'), true],
      ['ipc:///tmp/a', bound('ipc:///tmp/a'), true],
      ['ipc:///tmp/a', bound('ipc:///tmp/b'), false],
      ['ipc://*', bound('ipc://*', 'ipc:///tmp/x'), false],
      ['inproc://a', bound('inproc://a'), true],
      ['inproc://a', bound('ipc://a'), false],
    ] as const) {
      const holders = new Holders<string>();
      holders.add(bound('tcp://127.0.0.9:5555'), 'another');
      holders.add(there, 'who');
      const found = holders.of(wanted).includes('who');
      assert.equal(found, expected, `${wanted} and ${there.configured} at ${there.address}`);
    }
  });

  it('keep the port that they got, in the form in which they are configured', () => {
    for (const [configured, address, expected] of [
      ['tcp://*:*', 'tcp://0.0.0.0:40001', 'tcp://*:40001'],
      ['tcp://127.0.0.1:0', 'tcp://127.0.0.1:40001', 'tcp://127.0.0.1:40001'],
      ['tcp://[::1]:*', 'tcp://[::1]:40001', 'tcp://[::1]:40001'],
      ['tcp://*:5555', 'tcp://0.0.0.0:5555', 'tcp://*:5555'],
      ['ipc://*', 'ipc:///tmp/x', 'ipc:///tmp/x'],
      ['ipc:///run/a', 'ipc:///run/a', 'ipc:///run/a'],
      ['inproc://a', 'inproc://a', 'inproc://a'],
    ] as const)
      assert.equal(pinned({ configured, address }), expected);
  });

  it('that stand twice are two', () => {
    assert.deepEqual(without(['a', 'b', 'a'], ['a']), ['b', 'a']);
    assert.deepEqual(without(['a'], ['a', 'a']), []);
    assert.deepEqual(without([], ['a']), []);
  });
});

describe('a plan', () => {
  const steps = (before: string, after: string): string[] =>
    planOf(config(before), config(after)).routes.map((step) =>
      step.how === 'removed' ? `${step.before.name} removed` : `${step.after.name} ${step.how}`,
    );

  it('tells routes that keep their sockets from those that need others', () => {
    const r = (more: string, pattern = 'pipeline'): string => routes(route('r', { more, pattern }));
    assert.deepEqual(steps(r(''), r('')), []);
    assert.deepEqual(steps(r(''), r('sendHighWaterMark: 5')), ['r changed']);
    assert.deepEqual(steps(r('stream: {}'), r('stream: { fsync: never }')), ['r changed']);
    assert.deepEqual(steps(r(''), r('stream: {}')), ['r replaced']);
    assert.deepEqual(steps(r('stream: {}'), r('')), ['r replaced']);
    assert.deepEqual(steps(r(''), r('ipv6: true')), ['r replaced']);
    assert.deepEqual(steps(r(''), r('', 'pubsub')), ['r replaced']);
    assert.deepEqual(steps(routes(route('a'), route('b')), routes(route('c'), route('a'))), [
      'c added',
      'b removed',
    ]);
  });

  it('keeps what needs a restart, each key by its name, and is frozen like what was loaded', () => {
    const all = `${routes(route('r'))}streams: { s: }\n`;
    const before = config(`${all}sessions: { bind: "tcp://*:5550" }\n`);
    const after = config(
      `${all}log: { level: debug, format: json }\nsessions: { bind: "tcp://*:5551", ipv6: true }\nsource: { kind: etcd, url: "http://127.0.0.1:2379" }\n`,
    );
    const plan = planOf(before, after);
    assert.deepEqual(plan.restart, ['log.format', 'sessions.ipv6', 'source']);
    assert.equal(plan.config.log.level, 'debug');
    assert.equal(plan.config.log.format, 'auto');
    assert.deepEqual(plan.config.sessions?.bind, ['tcp://*:5551']);
    assert.equal(plan.config.sessions?.ipv6, false);
    assert.equal(plan.config.source, null);
    assert.ok(Object.isFrozen(plan.config) && Object.isFrozen(plan.config.sessions));
    assert.deepEqual([plan.kept, plan.changed], [['routes.r', 'streams.s'], ['sessions']]);
  });

  it('takes sessions that come or go as a whole, with every key of theirs', () => {
    const streams = 'streams: { s: }\n';
    const sessions = `${streams}sessions: { bind: "tcp://*:5550", ipv6: true }\n`;
    const come = planOf(config(streams), config(sessions));
    assert.deepEqual([come.added, come.restart], [['sessions'], []]);
    assert.equal(come.config.sessions?.ipv6, true);
    assert.deepEqual(planOf(config(sessions), config(streams)).removed, ['sessions']);
  });

  it('for a start adds everything', () => {
    const plan = planOf(null, config(`${routes(route('r', { more: 'stream: {}' }))}streams: { s: }\n`));
    assert.deepEqual(plan.added, ['routes.r', 'streams.s']);
    assert.deepEqual(
      plan.opened.map(({ name }) => name),
      ['r', 's'],
    );
  });
});
