import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerInfo } from '@zeroth/zmq';
import type { PeerHealth, PeerState } from '../../../src/health/types.ts';
import { type KnownPeer, type PeerRow, PeerTable } from '../../../src/metrics/peers.ts';

function peer(
  id: number,
  figures: Partial<PeerInfo> & { status?: PeerState; name?: string } = {},
): KnownPeer {
  const { status = 'healthy', name, ...more } = figures;
  const info: PeerInfo = {
    id,
    endpoint: 'tcp://127.0.0.1:1',
    remote: `tcp://10.0.0.1:${id}`,
    local: null,
    state: 'ready',
    socketType: 'PUSH',
    routingId: name === undefined ? null : Buffer.from(name),
    userId: null,
    metadata: null,
    connectedAt: 1,
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    queuedIn: 0,
    queuedOut: 0,
    dropped: 0,
    heard: 0,
    unanswered: 0,
    isolated: false,
    stalled: false,
    untaken: 0,
    paused: false,
    heartbeats: false,
    reconnects: 0,
    highWaterMarkHits: 0,
    ...more,
  };
  const of = {
    route: 'r',
    side: 'frontend',
    pattern: 'pipeline',
    heartbeatInterval: 0,
    timeout: 0,
    info,
  } as const;
  const health = { id, status } as PeerHealth;
  return { of, health, ageIn: 0, ageOut: 0 };
}

const named = (rows: readonly PeerRow[]): string[] => rows.map((row) => row.peer).sort();
const other = (rows: readonly PeerRow[]): PeerRow | undefined => rows.find((row) => row.peer === 'other');

describe('names of peers', () => {
  it('are routing ids, else addresses', () => {
    const rows = new PeerTable().rows([peer(1, { name: 'cnc-7' }), peer(2)]);
    assert.deepEqual(named(rows), ['cnc-7', 'tcp://10.0.0.1:2']);
  });

  it('are never those of two peers', () => {
    const same = { name: 'cnc', remote: 'ipc:///run/x' };
    const rows = new PeerTable().rows([
      peer(1, same),
      peer(2, same),
      peer(3, same),
      peer(4, { name: 'other' }),
    ]);
    assert.deepEqual(named(rows), ['cnc', 'ipc:///run/x', 'ipc:///run/x#3', 'tcp://10.0.0.1:4']);
  });

  it('stay while the peer is there, and are free after it', () => {
    const table = new PeerTable();
    table.rows([peer(1, { name: 'a' }), peer(2, { name: 'a' })]);
    assert.deepEqual(named(table.rows([peer(2, { name: 'a' })])), ['tcp://10.0.0.1:2']);
    assert.deepEqual(named(table.rows([peer(2, { name: 'a' }), peer(3, { name: 'a' })])), [
      'a',
      'tcp://10.0.0.1:2',
    ]);
  });

  it('are given to the troubled and the busy first', () => {
    const peers = [
      peer(1),
      peer(2, { status: 'silent' }),
      peer(3, { messagesIn: 9 }),
      peer(4, { messagesIn: 5 }),
    ];
    const rows = new PeerTable(2).rows(peers);
    assert.deepEqual(named(rows), ['other', 'tcp://10.0.0.1:2', 'tcp://10.0.0.1:3']);
  });

  it('are not given for long ids', () => {
    assert.deepEqual(named(new PeerTable().rows([peer(1, { name: 'x'.repeat(255) })])), ['tcp://10.0.0.1:1']);
  });
});

describe('all other peers', () => {
  it('have one row whose counters never go back', () => {
    const table = new PeerTable(0);
    const count = (rows: readonly PeerRow[]): number | undefined => other(rows)?.counters.messagesIn;
    assert.equal(count(table.rows([peer(1, { messagesIn: 5 }), peer(2, { messagesIn: 7 })])), 12);
    assert.equal(count(table.rows([peer(2, { messagesIn: 8 })])), 13);
    assert.equal(count(table.rows([peer(2, { messagesIn: 8 }), peer(3, { messagesIn: 1 })])), 14);
    assert.equal(count(table.rows([peer(3, { messagesIn: 2 })])), 15);
  });

  it('do not lose what was counted when one of them gets a name', () => {
    const table = new PeerTable(1);
    const first = table.rows([peer(1, { messagesIn: 9 }), peer(2, { messagesIn: 5 })]);
    assert.equal(other(first)?.counters.messagesIn, 5);
    const second = table.rows([peer(2, { messagesIn: 6 })]);
    assert.deepEqual(named(second), ['other', 'tcp://10.0.0.1:2']);
    assert.equal(other(second)?.counters.messagesIn, 5);
  });

  it('sum what waits, and their trouble by kind', () => {
    const row = other(
      new PeerTable(0).rows([
        peer(1, { queuedOut: 2, status: 'slow' }),
        peer(2, { queuedOut: 3, status: 'slow' }),
        peer(3),
      ]),
    );
    assert.equal(row?.queuedOut, 5);
    assert.deepEqual(row?.troubled, { slow: 2 });
  });
});
