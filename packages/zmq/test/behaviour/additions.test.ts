/** What is ours beside zeromq.js: synchronous calls, batches, signals, disposal, draining. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { turn, within } from '../support/deadline.ts';
import { payload, text } from '../support/payload.ts';
import { arrived, bindTo, link, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

/** Sends until nothing goes for a while: the marks are reached and what is below them is full. */
async function jam(trySend: () => boolean): Promise<void> {
  let sent = 0;
  for (let quiet = 0; quiet < 30; quiet += 1) {
    for (; trySend(); sent += 1) quiet = 0;
    assert.ok(sent < 500, 'it is never full');
    await turn();
  }
}

for (const transport of transports) {
  describe(`additions over ${transport.name}`, { timeout: 30_000 }, () => {
    it('sends that wait are queued, and go out in order', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push), s.open(zmq.Pull)];
      const endpoint = await bindTo(push, transport);
      const sending = Array.from({ length: 200 }, (_, index) => push.send(String(index)));
      pull.connect(endpoint);
      await within(Promise.all(sending), 'all sends');
      for (let index = 0; index < 200; index += 1)
        assert.deepEqual(text(await pull.receive()), [String(index)]);
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
      for (let index = 0; index < 10; index += 1)
        assert.deepEqual(text(pull.tryReceive() ?? []), ['n', String(index)]);
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
      assert.deepEqual(
        (await pull.receiveBatch(7)).map((message) => text(message)[1]),
        ['0', '1', '2', '3', '4', '5', '6'],
      );
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

    it('the observer closes on its own, and the socket lives on', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      one.events.close();
      assert.equal(one.events.closed, true);
      await link(transport, one, two);
      await two.send('still here');
      assert.deepEqual(text(await one.receive()), ['still here']);
    });

    it('a mandatory send that waits for a full peer fails when that peer leaves', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router, { mandatory: true, sendHighWaterMark: 1 });
      const dealer = s.open(zmq.Dealer, { routingId: 'full', receiveHighWaterMark: 1 });
      await link(transport, router, dealer);
      const body = payload(1024 * 1024);
      await jam(() => router.trySend(['full', body]));
      const waiting = assert.rejects(router.send(['full', body]), { code: 'EHOSTUNREACH' });
      dealer.close();
      await within(waiting, 'the send to fail');
    });

    it('noDrop: a send waits for the slowest subscriber, and for no other', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { noDrop: true, sendHighWaterMark: 2 });
      const slow = s.open(zmq.Subscriber, { receiveHighWaterMark: 2 });
      slow.subscribe('');
      await link(transport, xpub, slow);
      await xpub.receive();
      const body = payload(1024 * 1024);
      let sent = 0;
      await jam(() => {
        const taken = xpub.trySend([String(sent), body]);
        if (taken) sent += 1;
        return taken;
      });
      let through = false;
      const waiting = xpub.send([String(sent), body]).then(() => {
        through = true;
      });
      await turn();
      assert.equal(through, false);
      for (let index = 0; index <= sent; index += 1)
        assert.equal(String((await slow.receive())[0]), String(index));
      await within(waiting, 'the send');
      await jam(() => xpub.trySend(['more', body]));
      const freed = xpub.send('when it is gone');
      slow.close();
      await within(freed, 'the send after the slow one left');
      assert.equal(xpub.stats.droppedBy.highWaterMark, undefined);
    });
  });
}
