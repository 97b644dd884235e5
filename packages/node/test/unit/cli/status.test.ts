/** What status and top show: figures, rates, lines. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeLines } from '../../../src/cli/config/changes.ts';
import { figuresOf } from '../../../src/cli/status/figures.ts';
import { cut } from '../../../src/cli/status/full-screen.ts';
import { ageWords, rateWords, screenOf } from '../../../src/cli/status/screen.ts';
import type { RouteView, Status } from '../../../src/cli/status/types.ts';

const SIDE = { peers: 2, queuedIn: 1, queuedOut: 2, dropped: 3 };
const route = (messages: number, bytes: number): RouteView => ({
  name: 'jobs',
  pattern: 'pipeline',
  state: 'running',
  frontend: SIDE,
  backend: SIDE,
  toBack: { messages, bytes },
  toFront: { messages: 0, bytes: 0 },
  stream: { waiting: 10, trouble: null },
});

function status(more: Partial<Status> = {}, uptimeMs = 1000, pid = 1): Status {
  return {
    time: '2026-01-31T06:00:00.000Z',
    node: {
      name: 'plant-7',
      version: '1.2.3',
      pid,
      startedAt: '2026-01-31T05:00:00.000Z',
      uptimeMs,
      pausedSince: null,
    },
    health: { status: 'up', components: {} },
    config: {
      version: 4,
      origin: 'zeroth.yaml',
      appliedAt: '2026-01-31T05:00:00.000Z',
      by: { via: 'file', who: 'zeroth.yaml' },
      overrides: [],
      restart: [],
      sources: [],
    },
    routes: [route(100, 1000)],
    streams: [],
    sessions: null,
    peers: { total: 4, troubled: [] },
    ...more,
  };
}

describe('the first line', () => {
  it('says since when the node is paused', () => {
    const running = status();
    const line = (of: Status): string => screenOf(of, figuresOf(of, null), false)[0] as string;
    assert.doesNotMatch(line(running), /paused/);
    const node = { ...running.node, pausedSince: '2026-01-31T05:30:00.000Z' };
    assert.match(line({ ...running, node }), /, paused since 2026-01-31 05:30:00Z$/);
  });
});

describe('figures', () => {
  it('are counters of one look, and rates of two', () => {
    const [alone] = figuresOf(status(), null).routes;
    assert.deepEqual(
      [alone?.messages, alone?.messagesPerSecond, alone?.queued, alone?.dropped, alone?.frontendPeers],
      [100, null, 16, 6, 2],
    );
    const [later] = figuresOf(status({ routes: [route(300, 3000)] }, 3000), status()).routes;
    assert.deepEqual([later?.messagesPerSecond, later?.bytesPerSecond], [100, 1000]);
  });

  it('know a route that began anew, a new one, and another process', () => {
    const anew = figuresOf(status({ routes: [route(5, 5)] }, 2000), status()).routes[0];
    assert.equal(anew?.messagesPerSecond, 0);
    assert.equal(figuresOf(status({}, 2000), status({ routes: [] })).routes[0]?.messagesPerSecond, null);
    assert.equal(figuresOf(status({}, 2000, 2), status()).routes[0]?.messagesPerSecond, null);
    assert.equal(figuresOf(status(), status()).routes[0]?.messagesPerSecond, null);
  });
});

describe('the screen', () => {
  const text = (given: Status, colour = false): string =>
    screenOf(given, figuresOf(given, null), colour).join('\n');

  it('says first what is wrong', () => {
    const troubled = text(
      status({
        health: {
          status: 'degraded',
          components: { disk: { status: 'degraded', message: '3 MiB are free' }, routes: { status: 'up' } },
        },
        peers: {
          total: 4,
          troubled: [
            {
              route: 'jobs',
              side: 'backend',
              remote: 'tcp://10.0.0.1:1',
              routingId: null,
              status: 'silent',
              since: new Date(Date.now() - 65_000).toISOString(),
              reason: 'was not heard for 3 intervals',
              isolated: true,
            },
          ],
        },
      }),
    );
    const lines = troubled.split('\n');
    assert.equal(lines[0], 'plant-7 is degraded: zeroth 1.2.3, process 1, up 1s, 4 peers');
    assert.equal(lines[1], '  degraded: disk: 3 MiB are free');
    assert.ok(!troubled.includes('routes: '));
    assert.match(troubled, /jobs +backend +tcp:\/\/10\.0\.0\.1:1 +silent, isolated +1m \ds +was not heard/);
  });

  it('names what was set, what waits, and sources', () => {
    const config = {
      ...status().config,
      overrides: [{ key: 'log.level', value: 'debug', expiresAt: '2026-01-31T06:10:00.000Z' }],
      restart: ['node.name'],
      sources: [{ name: 'etcd http://127.0.0.1:2379 zeroth/config', state: 'down', error: 'no answer' }],
    };
    const shown = text(status({ config }));
    assert.match(shown, /^ {2}set by hand: log\.level: debug until 2026-01-31 06:10:00Z$/m);
    assert.match(shown, /^ {2}waits for the next start: node\.name$/m);
    assert.match(shown, /^ {2}source etcd .*: down: no answer$/m);
  });

  it('writes no control characters from outside', () => {
    const shown = text(
      status({
        health: { status: 'down', components: { x: { status: 'down', message: 'a\u001b[2Jb\nc' } } },
        peers: {
          total: 1,
          troubled: [
            {
              route: 'jobs',
              side: 'backend',
              remote: 'x',
              routingId: '\u001b]0;title\u0007',
              status: 'gone',
              since: '2026-01-31T05:00:00.000Z',
              reason: null,
              isolated: false,
            },
          ],
        },
      }),
    );
    assert.ok(!shown.includes('\u001b'));
    assert.ok(!shown.includes('\u0007'));
    assert.ok(text(status(), true).includes('\u001b[1m'));
  });
});

describe('words', () => {
  it('of ages and rates', () => {
    assert.deepEqual([0, 59_999, 60_000, 3_661_000, 90_061_000].map(ageWords), [
      '0s',
      '59s',
      '1m',
      '1h 1m',
      '1d 1h',
    ]);
    assert.deepEqual([null, 0, 0.25, 9.96, 10, 12_345.6].map(rateWords), [
      '-',
      '0',
      '0.3',
      '10.0',
      '10',
      '12346',
    ]);
  });

  it('of changes', () => {
    const lines = changeLines(
      [
        { key: 'routes.a', kind: 'added', before: null, after: '{ pattern: pubsub }', reloadable: true },
        { key: 'routes.b', kind: 'removed', before: '{}', after: null, reloadable: true },
        { key: 'node.name', kind: 'changed', before: 'x', after: 'y\u001b', reloadable: false },
      ],
      false,
    );
    assert.equal(
      lines,
      '+ routes.a: { pattern: pubsub }\n- routes.b: {}\n~ node.name: x -> y\\u001b  (counts from the next start)\n',
    );
  });

  it('are cut to the width of a terminal, colours with them', () => {
    assert.equal(cut('abcdef', 4), 'abcd');
    assert.equal(cut('\u001b[31mabcdef\u001b[0mgh', 4), '\u001b[31mabcd\u001b[0m');
    assert.equal(cut('ab', 4), 'ab');
  });
});
