import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerInfo } from '@zeroth/zmq';
import type { RoutePeer } from '../../../src/flow/status.ts';
import { Ages } from '../../../src/metrics/ages.ts';

function info(id: number, queuedIn: number, queuedOut: number, passed = 0): PeerInfo {
  return { id, queuedIn, queuedOut, messagesIn: passed + queuedIn, messagesOut: passed } as PeerInfo;
}

function ages(): { look(time: number, ...peers: readonly PeerInfo[]): void; of(id: number): object } {
  let now = 0;
  let peers: readonly PeerInfo[] = [];
  const node = { peers: () => peers.map((each) => ({ info: each }) as RoutePeer) };
  const tested = new Ages(node, () => now);
  return {
    look: (time, ...all) => {
      now = time;
      peers = all;
      tested.look();
    },
    of: (id) => tested.of({ id } as PeerInfo),
  };
}

describe('ages of queues', () => {
  it('are those of each peer and each direction', () => {
    const { look, of } = ages();
    look(1000, info(1, 5, 0), info(2, 0, 0));
    look(4000, info(1, 5, 3), info(2, 0, 1));
    look(5000, info(1, 5, 3), info(2, 0, 1));
    assert.deepEqual(of(1), { in: 4000, out: 1000 });
    assert.deepEqual(of(2), { in: 0, out: 1000 });
  });

  it('of one peer that is stuck do not vanish among others that are not', () => {
    const { look, of } = ages();
    for (let second = 1; second <= 60; second++)
      look(second * 1000, info(1, 0, 10, 0), info(2, 0, 10, second * 100));
    assert.deepEqual(of(1), { in: 0, out: 59_000 });
    assert.deepEqual(of(2), { in: 0, out: 0 });
  });

  it('end with the queue, and with the peer', () => {
    const { look, of } = ages();
    look(1000, info(1, 1, 0), info(2, 1, 0));
    look(2000, info(1, 0, 0, 1));
    look(3000, info(1, 1, 0, 1), info(2, 1, 0));
    look(4000, info(1, 1, 0, 1), info(2, 1, 0));
    assert.deepEqual(of(1), { in: 1000, out: 0 });
    assert.deepEqual(of(2), { in: 1000, out: 0 });
  });
});
