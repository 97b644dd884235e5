/** What a socket tells of its peers: who is there, what went to and fro, what was dropped, who was turned away. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { payload, text } from '../support/payload.ts';
import { arrived, bindTo, left, link, ready, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

for (const transport of transports) {
  describe(`peers and counters over ${transport.name}`, { timeout: 30_000 }, () => {
    it('peers() tells who is there, and what went to and fro', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      const dealer = s.open(zmq.Dealer, { routingId: 'who' });
      assert.deepEqual(router.peers(), []);
      const endpoint = await link(transport, router, dealer);
      await dealer.send(['one', 'two']);
      await dealer.send('three');
      await arrived(router, 2);
      const [peer] = router.peers();
      assert.ok(peer !== undefined);
      assert.equal(peer.endpoint, endpoint);
      assert.equal(peer.state, 'ready');
      assert.equal(peer.socketType, 'DEALER');
      assert.equal(String(peer.routingId), 'who');
      assert.ok(Math.abs((peer.connectedAt as number) - Date.now()) < 60_000);
      assert.equal(peer.messagesIn, 2);
      assert.equal(peer.messagesOut, 0);
      assert.ok(peer.bytesIn >= 11);
      assert.equal(peer.queuedIn, 2);
      assert.equal(peer.dropped, 0);
      await router.receive();
      assert.equal(router.peers()[0]?.queuedIn, 1);
      await router.send(['who', 'answer']);
      assert.deepEqual(text(await dealer.receive()), ['answer']);
      const [other] = dealer.peers();
      assert.equal(other?.socketType, 'ROUTER');
      assert.equal(other?.messagesOut, 2);
      assert.equal(other?.messagesIn, 1);
      assert.equal(other?.id, dealer.peers()[0]?.id);
      dealer.close();
      await left(router, transport, 0);
      assert.deepEqual(router.peers(), []);
    });

    it('stats add up, peers that are gone included', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull);
      const endpoint = await bindTo(pull, transport);
      for (let round = 0; round < 3; round += 1) {
        const push = s.open(zmq.Push);
        push.connect(endpoint);
        await ready(pull, transport);
        for (let index = 0; index < 10; index += 1) await push.send('12345678');
        await until(() => pull.stats.messagesIn === 10 * (round + 1), 'ten more messages');
        assert.equal(push.stats.messagesOut, 10);
        push.close();
        await left(pull, transport, 0);
      }
      const { stats } = pull;
      assert.equal(stats.peers, 0);
      assert.equal(stats.messagesIn, 30);
      assert.ok(stats.bytesIn >= 240);
      assert.equal(stats.dropped, 0);
      assert.deepEqual(stats.droppedBy, {});
    });

    it('what was received stays to be read when its sender is gone', async (t) => {
      const s = scope(t, transport);
      const [pull, push] = [s.open(zmq.Pull), s.open(zmq.Push)];
      await link(transport, pull, push);
      for (let index = 0; index < 50; index += 1) await push.send(String(index));
      await arrived(pull, 50);
      push.close();
      await left(pull, transport, 0);
      for (let index = 0; index < 50; index += 1)
        assert.deepEqual(text(await pull.receive()), [String(index)]);
    });

    it('drops are counted, for each peer and in all, and told of', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { sendHighWaterMark: 2 });
      const log = watch(xpub);
      const sub = s.open(zmq.Subscriber, { receiveHighWaterMark: 2 });
      sub.subscribe('');
      await link(transport, xpub, sub);
      await xpub.receive();
      const body = payload(1024 * 1024);
      for (let index = 0; index < 60; index += 1) await xpub.send([String(index), body]);
      const { dropped } = xpub.stats;
      assert.ok(dropped > 0 && dropped < 60, `${dropped} dropped`);
      assert.deepEqual(xpub.stats.droppedBy, { highWaterMark: dropped });
      assert.equal(xpub.peers()[0]?.dropped, dropped);
      const event = await log.next('drop');
      assert.equal(event.reason, 'highWaterMark');
      assert.ok((event.count ?? 0) > 0);
      for (let index = 0; index < 60 - dropped; index += 1) await sub.receive();
      await xpub.send('sentinel');
      assert.deepEqual(text(await sub.receive()), ['sentinel']);
      sub.close();
      await left(xpub, transport, 0);
      assert.equal(xpub.stats.dropped, dropped);
    });

    it('ROUTER drops what a full peer has no room for, and counts it', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router, { sendHighWaterMark: 2 });
      const dealer = s.open(zmq.Dealer, { routingId: 'slow', receiveHighWaterMark: 2 });
      await link(transport, router, dealer);
      const body = payload(1024 * 1024);
      for (let index = 0; index < 60; index += 1) await router.send(['slow', String(index), body]);
      const { dropped } = router.stats;
      assert.ok(dropped > 0 && dropped < 60, `${dropped} dropped`);
      assert.deepEqual(router.stats.droppedBy, { highWaterMark: dropped });
      for (let index = 0; index < 60 - dropped; index += 1) {
        assert.ok((await dealer.receive())[1]?.equals(body));
      }
      assert.equal(dealer.readable, false);
    });

    it('ROUTER counts what it could not deliver', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      await bindTo(router, transport);
      for (let index = 0; index < 7; index += 1) await router.send(['nobody', 'x']);
      assert.equal(router.stats.dropped, 7);
      assert.equal(
        Object.values(router.stats.droppedBy).reduce((sum, count) => sum + (count ?? 0), 0),
        7,
      );
    });

    it('tells of peers that come and go', async (t) => {
      const s = scope(t, transport);
      const server = s.open(zmq.Router);
      const log = watch(server);
      const dealer = s.open(zmq.Dealer, { routingId: 'guest' });
      const endpoint = await link(transport, server, dealer);
      const came = await log.next('peer:ready');
      assert.equal(came.address, endpoint);
      assert.equal(came.peer?.socketType, 'DEALER');
      dealer.close();
      const went = await log.next('peer:gone');
      assert.equal(went.peer?.id, came.peer?.id);
      assert.equal(went.error, undefined);
    });

    it('refuses peers of a type that does not fit, on both sides', async (t) => {
      const s = scope(t, transport);
      const rep = s.open(zmq.Reply);
      const sub = s.open(zmq.Subscriber, { reconnectInterval: 20 });
      const [serverLog, clientLog] = [watch(rep), watch(sub)];
      sub.connect(await bindTo(rep, transport));
      assert.equal((await serverLog.next('peer:refused')).error?.code, 'ERR_ZMTP_SOCKET_TYPE');
      const { error } = await clientLog.next('peer:refused');
      // Whoever is first to say so: the other side may see the connection close.
      assert.ok(
        ['ERR_ZMTP_SOCKET_TYPE', 'ECONNRESET', 'ERR_ZMTP_PEER_ERROR'].includes(error?.code ?? ''),
        error?.code,
      );
      assert.equal(rep.stats.peers, 0);
      assert.equal(sub.stats.peers, 0);
    });

    it('maxPeers turns away the one too many, until there is room', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull, { maxPeers: 2 });
      const log = watch(pull);
      const pushes = [s.open(zmq.Push), s.open(zmq.Push)] as const;
      const endpoint = await link(transport, pull, ...pushes);
      const third = s.open(zmq.Push, { reconnectInterval: 5 });
      third.connect(endpoint);
      assert.equal((await log.next('peer:refused')).error?.code, 'ERR_TOO_MANY_PEERS');
      assert.equal(pull.stats.peers, 2);
      pushes[0].close();
      await ready(third, transport);
      await third.send('in');
      assert.deepEqual(text(await pull.receive()), ['in']);
    });
  });
}
