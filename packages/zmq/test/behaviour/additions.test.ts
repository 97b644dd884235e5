/** What is ours beside zeromq.js: synchronous calls, batches, signals, disposal, draining, counters. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { turn, until, within } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { payload, text } from '../support/payload.ts';
import { arrived, bindTo, left, link, ready, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

for (const transport of transports) {
  describe(`additions over ${transport.name}`, { timeout: 30_000 }, () => {
    it('sends that wait are queued, and go out in order', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push), s.open(zmq.Pull)];
      const endpoint = await bindTo(push, transport);
      const sending = Array.from({ length: 200 }, (_, index) => push.send(String(index)));
      pull.connect(endpoint);
      await within(Promise.all(sending), 'all sends');
      for (let index = 0; index < 200; index += 1) assert.deepEqual(text(await pull.receive()), [String(index)]);
    });

    it('receives that wait are served in order', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push), s.open(zmq.Pull)];
      await link(transport, pull, push);
      const receiving = Array.from({ length: 5 }, () => pull.receive());
      for (let index = 0; index < 5; index += 1) await push.send(String(index));
      assert.deepEqual((await Promise.all(receiving)).flatMap(text), ['0', '1', '2', '3', '4']);
    });

    it('trySend and tryReceive say at once whether it worked', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push, { sendHighWaterMark: 10 }), s.open(zmq.Pull)];
      assert.equal(push.trySend('nobody'), false);
      assert.equal(pull.tryReceive(), null);
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      let sent = 0;
      while (push.trySend(['n', String(sent)])) sent += 1;
      assert.equal(sent, 10);
      await pull.bind(endpoint);
      await arrived(pull, 10);
      for (let index = 0; index < 10; index += 1) assert.deepEqual(text(pull.tryReceive() ?? []), ['n', String(index)]);
      assert.equal(pull.tryReceive(), null);
    });

    it('waitWritable resolves when there is room', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push, { sendHighWaterMark: 2 }), s.open(zmq.Pull)];
      const endpoint = await bindTo(pull, transport);
      let room = false;
      const waiting = push.waitWritable().then(() => {
        room = true;
      });
      await turn();
      assert.equal(room, false);
      push.connect(endpoint);
      await within(waiting, 'room');
      assert.equal(push.trySend('first'), true);
      let sent = 1;
      for (; sent < 500; sent += 1) {
        while (!push.trySend(String(sent))) await within(push.waitWritable(), 'room again');
      }
      for (let index = 0; index < 500; index += 1) await pull.receive();
      await within(push.waitWritable(), 'room at once');
    });

    it('receiveBatch gives at least one message, and at most as many as asked for', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push), s.open(zmq.Pull)];
      await link(transport, pull, push);
      const first = pull.receiveBatch();
      await push.send('0');
      const [only, ...rest] = await first;
      assert.deepEqual(text(only as Buffer[]), ['0']);
      assert.equal(rest.length, 0);
      for (let index = 0; index < 100; index += 1) await push.send(['n', String(index)]);
      await arrived(pull, 100);
      assert.deepEqual((await pull.receiveBatch(7)).map((message) => text(message)[1]), ['0', '1', '2', '3', '4', '5', '6']);
      assert.equal((await pull.receiveBatch()).length, 93);
      pull.receiveTimeout = 5;
      await assert.rejects(pull.receiveBatch(), { code: 'EAGAIN' });
    });

    it('a signal ends one receive or send, and nothing else', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push), s.open(zmq.Pull)];
      const controller = new AbortController();
      const { signal } = controller;
      const endpoint = await bindTo(push, transport);
      const given = assert.rejects(pull.receive({ signal }), (error) => error === signal.reason);
      const taken = assert.rejects(push.send('aborted', { signal }), { name: 'AbortError' });
      const kept = push.send('kept');
      controller.abort();
      await within(Promise.all([given, taken]), 'both to end');
      await assert.rejects(async () => pull.receive({ signal }), { name: 'AbortError' });
      await assert.rejects(async () => push.send('late', { signal }), { name: 'AbortError' });
      pull.connect(endpoint);
      await kept;
      assert.deepEqual(text(await pull.receive()), ['kept']);
      assert.equal(pull.closed, false);
    });

    it('a signal in the constructor closes the socket', async (t) => {
      const s = scope(t, transport);
      const controller = new AbortController();
      const pull = s.use(new zmq.Pull({ ...transport.options, signal: controller.signal }));
      await bindTo(pull, transport);
      const reading = (async () => {
        for await (const _ of pull) assert.fail('a message');
      })();
      controller.abort();
      await within(reading, 'the iteration to end');
      assert.equal(pull.closed, true);
      const never = new zmq.Pull({ ...transport.options, signal: controller.signal });
      assert.equal(never.closed, true);
    });

    it('disposes: at once, or when everything is closed', async (t) => {
      const s = scope(t, transport);
      const push = s.use(new zmq.Push(transport.options));
      push[Symbol.dispose]();
      assert.equal(push.closed, true);
      const endpoint = await transport.fixed();
      const first = s.use(new zmq.Pull(transport.options));
      await first.bind(endpoint);
      await first[Symbol.asyncDispose]();
      assert.equal(first.closed, true);
      const second = s.open(zmq.Pull);
      await second.bind(endpoint);
    });

    it('drain delivers what is queued, refuses more, and closes', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push), s.open(zmq.Pull)];
      await link(transport, pull, push);
      for (let index = 0; index < 500; index += 1) await push.send([String(index), payload(500)]);
      const draining = push.drain({ timeout: 10_000 });
      await assert.rejects(async () => push.send('too late'));
      for (let index = 0; index < 500; index += 1) {
        assert.equal((await pull.receive())[0]?.toString(), String(index));
      }
      assert.deepEqual(await draining, { undelivered: 0 });
      assert.equal(push.closed, true);
    });

    it('drain counts what nobody took in time', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      push.connect(await transport.fixed());
      for (let index = 0; index < 25; index += 1) await push.send(String(index));
      assert.deepEqual(await push.drain({ timeout: 20 }), { undelivered: 25 });
      assert.equal(push.closed, true);
    });

    it('drain can be cut short by a signal', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      push.connect(await transport.fixed());
      for (let index = 0; index < 5; index += 1) await push.send(String(index));
      const controller = new AbortController();
      const draining = push.drain({ signal: controller.signal });
      controller.abort();
      assert.deepEqual(await within(draining, 'the drain to end'), { undelivered: 5 });
    });

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
      for (let index = 0; index < 50; index += 1) assert.deepEqual(text(await pull.receive()), [String(index)]);
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

    it('ROUTER counts what it could not deliver', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      await bindTo(router, transport);
      for (let index = 0; index < 7; index += 1) await router.send(['nobody', 'x']);
      assert.equal(router.stats.dropped, 7);
      assert.equal(Object.values(router.stats.droppedBy).reduce((sum, count) => sum + (count ?? 0), 0), 7);
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
      assert.ok(['ERR_ZMTP_SOCKET_TYPE', 'ECONNRESET', 'ERR_ZMTP_PEER_ERROR'].includes(error?.code ?? ''), error?.code);
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

    it('the observer closes on its own, and the socket lives on', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      one.events.close();
      assert.equal(one.events.closed, true);
      await link(transport, one, two);
      await two.send('still here');
      assert.deepEqual(text(await one.receive()), ['still here']);
    });
  });
}
