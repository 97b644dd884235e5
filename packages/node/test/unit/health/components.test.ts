import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Config } from '../../../src/config/types.ts';
import { ZerothError } from '../../../src/errors.ts';
import type { RouteStatus } from '../../../src/flow/status.ts';
import { Disk, type DiskFigures, type Findings, reportOf } from '../../../src/health/components.ts';
import { Peer } from '../../../src/health/peer.ts';
import { Registry } from '../../../src/health/registry.ts';
import type { PeerHealth } from '../../../src/health/types.ts';
import type { Stream } from '../../../src/store/store.ts';
import { infoOf, peerOf } from './support.ts';

const CONFIG = {
  node: { name: 'n', dataDir: '/nowhere' },
  health: { missedHeartbeats: 3, diskFree: 1024 * 1024, loopDelay: 1000 },
  routes: [],
  streams: [],
  sessions: null,
} as unknown as Config;
const CALM = { max: 5, p99: 2, mean: 1 };

function route(more: object = {}): RouteStatus {
  return { name: 'jobs', pattern: 'pipeline', state: 'running', stream: null, ...more } as RouteStatus;
}

function stream(more: object = {}): Stream {
  return { name: 'jobs', trouble: null, hasRoom: true, ...more } as unknown as Stream;
}

function peer(more: Partial<PeerHealth> = {}): PeerHealth {
  return { ...new Peer(peerOf(infoOf()), 0).health(), ...more };
}

function findings(more: Partial<Findings> = {}): Findings {
  return {
    config: CONFIG,
    routes: [route()],
    streams: [],
    sessions: null,
    peers: [],
    registry: new Registry(),
    disk: null,
    loop: { recent: CALM, sinceStart: CALM, utilization: 0.1 },
    sources: [],
    reload: null,
    pausedSince: null,
    stopping: false,
    ...more,
  };
}

/** `status live ready component message`, of the components that are not up. */
function verdict(more: Partial<Findings> = {}): string[] {
  const { status, live, ready, components } = reportOf(findings(more));
  const told = Object.entries(components)
    .filter((entry) => entry[1].status !== 'up')
    .map(([name, component]) => `${name} ${component.status}: ${component.message}`);
  return [`${status}${live ? ' live' : ''}${ready ? ' ready' : ''}`, ...told];
}

/** Not narrowed by what it was before. */
function figuresOf(disk: Disk): DiskFigures | null {
  return disk.figures;
}

describe('the verdict', () => {
  it('is up, live and ready when nothing is wrong', () => {
    const sessions = { sessions: 3, connected: 2, consumers: 1, malformed: 0, groups: [] };
    const disk = { free: 2 ** 30, size: 2 ** 40, trouble: null };
    const sources = [{ name: 'etcd', status: 'up', message: null }] as const;
    const reload = { ok: true, message: null, at: 0 };
    const more = { sessions, disk, sources, reload, streams: [stream()], peers: [peer()] };
    assert.deepEqual(verdict(more), ['up live ready']);
    const { components } = reportOf(findings(more));
    assert.deepEqual(Object.keys(components).sort(), [
      'configuration',
      'disk',
      'eventLoop',
      'peers',
      'routes',
      'sessions',
      'source',
      'streams',
    ]);
    assert.deepEqual(components.sessions, {
      status: 'up',
      sessions: 3,
      connected: 2,
      suspended: 1,
      consumers: 1,
    });
  });

  it('is down, and not live, with a route that failed', () => {
    assert.deepEqual(verdict({ routes: [route({ state: 'failed' }), route()] }), [
      'down',
      'routes down: failed: jobs',
    ]);
  });

  it('is down, not ready and live, with a route whose stream takes nothing', () => {
    const trouble = new ZerothError('STREAM_FAILED', 'the disk is full.');
    const held = {
      routes: [route({ stream: { trouble: trouble.message } })],
      streams: [stream({ trouble })],
    };
    assert.deepEqual(verdict(held), [
      'down live',
      'routes down: take nothing: jobs. the disk is full.',
      'streams degraded: accept no records: jobs. the disk is full.',
    ]);
  });

  it('is not ready while it starts or stops', () => {
    for (const state of ['opening', 'stopping'])
      assert.deepEqual(verdict({ routes: [route({ state })] }), ['up live']);
    assert.deepEqual(verdict({ stopping: true }), ['up live']);
  });

  it('is degraded and not ready while it is paused, and alive', () => {
    assert.deepEqual(verdict({ pausedSince: 0 }), [
      'degraded live',
      'intake degraded: paused: nothing is taken in, what is here is delivered',
    ]);
  });

  it('is degraded, and ready, for what somebody should look at', () => {
    const trouble = new ZerothError('STREAM_FAILED', 'Why.');
    const slept = { recent: { ...CALM, max: 2500 }, sinceStart: CALM, utilization: 0 };
    const registry = new Registry();
    registry.put('billing', 'a', { ttl: 1000, status: 'unhealthy' });
    const silent = peer({ status: 'silent', verdict: 'unhealthy', isolated: true, routingId: 'w1' });
    const cases: readonly [Partial<Findings>, RegExp][] = [
      [{ streams: [stream({ trouble })] }, /^streams degraded: accept no records: jobs\. Why\.$/],
      [
        { sources: [{ name: 'etcd', status: 'down', message: 'refused' }] },
        /^source degraded: etcd: refused$/,
      ],
      [
        { disk: { free: 1000, size: 2 ** 30, trouble: null } },
        /^disk degraded: 0B free; health.diskFree is 1MiB$/,
      ],
      [{ disk: { free: null, size: null, trouble: 'no answer' } }, /^disk degraded: no answer$/],
      [{ loop: slept }, /^eventLoop degraded: held up for 2500ms within .* health.loopDelay is 1s$/],
      [
        { reload: { ok: false, message: 'line 3', at: 0 } },
        /^configuration degraded: the last reload was refused: line 3$/,
      ],
      [{ registry }, /^services degraded: unhealthy: billing\/a$/],
      [{ peers: [peer(), silent] }, /^peers degraded: 1 unhealthy: jobs\/backend w1$/],
      [{ peers: [silent] }, /nobody is left at jobs: its messages wait, and its producers are held up$/],
    ];
    for (const [more, message] of cases) {
      const [first, second, third] = verdict(more);
      assert.equal(first, 'degraded live ready');
      assert.match(second ?? '', message);
      assert.equal(third, undefined);
    }
  });

  it('is not changed by peers that are slow or gone', () => {
    const peers = [
      peer({ status: 'slow', verdict: 'degraded' }),
      peer({ status: 'gone', verdict: 'unhealthy' }),
    ];
    assert.deepEqual(verdict({ peers }), ['up live ready']);
    assert.deepEqual(reportOf(findings({ peers })).components.peers, {
      status: 'up',
      healthy: 0,
      slow: 1,
      silent: 0,
      gone: 1,
      isolated: 0,
    });
  });

  it('names five, and counts the rest', () => {
    const routes = Array.from({ length: 8 }, (_, index) => route({ name: `r${index}`, state: 'failed' }));
    assert.equal(verdict({ routes })[1], 'routes down: failed: r0, r1, r2, r3, r4 and 3 more');
  });
});

describe('the disk', () => {
  it('is asked where streams are kept, and nowhere else', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'zeroth-health-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const disk = new Disk();
    await disk.look(CONFIG);
    assert.equal(figuresOf(disk), null);
    const kept = {
      ...CONFIG,
      streams: [{ name: 'events' }],
      node: { ...CONFIG.node, dataDir: dir },
    } as unknown as Config;
    await disk.look(kept);
    assert.ok((figuresOf(disk)?.size ?? 0) > 0 && figuresOf(disk)?.trouble === null);
    await disk.look({ ...kept, node: { ...kept.node, dataDir: join(dir, 'gone') } });
    assert.match(figuresOf(disk)?.trouble ?? '', /cannot look at the disk of .*gone/);
  });

  it('that does not answer is told', async () => {
    const disk = new Disk();
    const kept = {
      ...CONFIG,
      streams: [{ name: 'events' }],
      node: { ...CONFIG.node, dataDir: '/' },
    } as unknown as Config;
    const first = disk.look(kept);
    await disk.look(kept);
    assert.match(figuresOf(disk)?.trouble ?? '', /does not answer/);
    await first;
    assert.equal(figuresOf(disk)?.trouble, null);
  });
});
