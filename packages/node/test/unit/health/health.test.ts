import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/types.ts';
import type { PeerEvent, RoutePeer } from '../../../src/flow/status.ts';
import { startHealth } from '../../../src/health/health.ts';
import type { WatchedNode } from '../../../src/health/types.ts';
import { silentLog } from '../../../src/log/log.ts';
import { testLog } from '../../support/log.ts';
import { infoOf, peerOf } from './support.ts';

function configOf(health = '{}'): Config {
  const { config } = loadConfig({
    text: `health: ${health}
routes: { jobs: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:1" }, backend: { bind: "tcp://127.0.0.1:2" } } }`,
    source: 'test',
  });
  assert.ok(config !== null);
  return config;
}

/** A node with one worker, which says nothing unless it is told to. */
class Stub implements WatchedNode {
  readonly config: Config = configOf();
  readonly pausedSince = null;
  isolated = false;
  heard = 0;
  looks = 0;
  listener: ((event: PeerEvent) => void) | null = null;

  status(): [] {
    return [];
  }
  sessionStatus(): null {
    return null;
  }
  streams(): [] {
    return [];
  }
  peers(): RoutePeer[] {
    this.looks++;
    const { heard, isolated } = this;
    return [peerOf(infoOf({ id: 1, heard, isolated, remote: 'ipc:///x' }), { heartbeatInterval: 50 })];
  }
  isolate(_route: string, _side: string, _peer: number, on: boolean): boolean {
    this.isolated = on;
    return true;
  }
  watch(listener: (event: PeerEvent) => void): () => void {
    this.listener = listener;
    return () => {
      this.listener = null;
    };
  }
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    assert.ok(performance.now() < end, 'waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('health', () => {
  it('looks again and again, isolates, tells the log, and stops when it is told to', async () => {
    const node = new Stub();
    const lines: Record<string, unknown>[] = [];
    const log = testLog((_level, fields) => lines.push(fields));
    const health = startHealth({ node, config: node.config, log });
    try {
      assert.equal(health.report().ready, true);
      await until(() => node.isolated);
      assert.equal(health.report().status, 'degraded');
      node.heard++;
      await until(() => !node.isolated);
      const told = lines.map(({ event, route, side, remote, isolated }) => ({
        event,
        route,
        side,
        remote,
        isolated,
      }));
      const who = { route: 'jobs', side: 'backend', remote: 'ipc:///x' };
      assert.deepEqual(told.slice(0, 2), [
        { event: 'peer:silent', ...who, isolated: true },
        { event: 'peer:back', ...who, isolated: false },
      ]);
    } finally {
      health.stop();
    }
    assert.equal(node.listener, null);
    assert.equal(health.report().ready, false);
    const { looks } = node;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(node.looks, looks);
  });

  it('takes over another configuration at once', async () => {
    const node = new Stub();
    const health = startHealth({ node, config: configOf('{ missedHeartbeats: 100 }'), log: silentLog });
    try {
      await until(() => node.looks > 8);
      assert.equal(node.isolated, false);
      health.apply(configOf('{ missedHeartbeats: 2 }'));
      await until(() => node.isolated);
    } finally {
      health.stop();
    }
  });
});
