/** The peers of a ROUTER by their routing ids: what waits for them, and how one is parted from. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { RouterPeers } from '../../src/run.ts';
import { MIB } from '../support/payload.ts';
import { link, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

const tcp = transports.find(({ name }) => name === 'tcp')!;

describe('the peers of a ROUTER', { timeout: 30_000 }, () => {
  it('can be asked for what waits for them, and ended one by one', async (t) => {
    const s = scope(t, tcp);
    const router = s.open(zmq.Router, { mandatory: true, sendHighWaterMark: 0 });
    const peers = new RouterPeers(router);
    const deaf = s.open(zmq.Dealer, { routingId: 'deaf', receiveHighWaterMark: 1, reconnectInterval: -1 });
    const other = s.open(zmq.Dealer, { routingId: 'other' });
    await link(tcp, router, deaf, other);
    const id = Buffer.from('deaf');
    assert.equal(peers.waiting(id), 0);
    assert.equal(peers.waiting(Buffer.from('nobody')), 0);
    for (let sent = 0; peers.waiting(id) < 16 * MIB; sent++) {
      assert.ok(sent < 1000, 'it piles up');
      router.trySend([id, Buffer.alloc(MIB)]);
      await new Promise(setImmediate);
    }
    const gone = new Promise<zmq.EventOfType<'peer:gone'>>((resolve) => {
      router.events.on('peer:gone', resolve);
    });
    peers.end(id, 'it does not read');
    peers.end(Buffer.from('nobody'), '');
    const { peer, error } = await gone;
    assert.deepEqual(peer.routingId, id);
    assert.match(`${error?.detail}`, /it does not read/);
    assert.equal(peers.waiting(id), 0);
    assert.throws(() => router.trySend([id, 'x']), { code: 'EHOSTUNREACH' });
    await router.send(['other', 'x']);
    assert.equal(String((await other.receive())[0]), 'x');
  });
});
