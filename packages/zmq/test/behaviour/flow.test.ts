/** Marks, timeouts and the options that change what is queued: who waits, who fails, what is thrown away. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as zmq from '../../src/index.ts';
import { turn, until } from '../support/deadline.ts';
import { MIB, payload, text } from '../support/payload.ts';
import { arrived, bindTo, left, link, ready, scope } from '../support/scope.ts';
import { transports, wires } from '../support/transports.ts';

const EAGAIN = { code: 'EAGAIN', message: 'Operation was not possible or timed out' };

for (const transport of transports) {
  describe(`marks and timeouts over ${transport.name}`, { timeout: 30_000 }, () => {
    it('queues as many messages as the mark says for a peer that is not there yet', async (t) => {
      const s = scope(t, transport);
      const options = { sendHighWaterMark: 5, sendTimeout: 0 };
      for (const [sender, receiver] of [
        [s.open(zmq.Push, options), s.open(zmq.Pull)],
        [s.open(zmq.Dealer, options), s.open(zmq.Dealer)],
        [s.open(zmq.Pair, options), s.open(zmq.Pair)],
      ] as const) {
        const endpoint = await transport.fixed();
        sender.connect(endpoint);
        assert.equal(sender.writable, true);
        for (let index = 0; index < 5; index += 1) await sender.send(String(index));
        assert.equal(sender.writable, false);
        await assert.rejects(sender.send('too much'), EAGAIN);
        await receiver.bind(endpoint);
        for (let index = 0; index < 5; index += 1)
          assert.deepEqual(text(await receiver.receive()), [String(index)]);
        await until(() => sender.writable, 'the sender to be writable');
        await sender.send('room again');
        assert.deepEqual(text(await receiver.receive()), ['room again']);
      }
    });

    it('makes the sender wait for a receiver that does not read, and loses nothing', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { sendHighWaterMark: 3, sendTimeout: 0 });
      const pull = s.open(zmq.Pull, { receiveHighWaterMark: 3 });
      await link(transport, pull, push);
      const body = payload(MIB, 7);
      let sent = 0;
      await assert.rejects(
        (async () => {
          for (; sent < 200; sent += 1) await push.send([String(sent), body]);
        })(),
        EAGAIN,
      );
      // Both marks, and what the operating system holds for a connection.
      assert.ok(sent >= 3 && sent < 60, `${sent} messages of 1 MiB were accepted`);
      push.sendTimeout = -1;
      const waiting = push.send([String(sent), body]);
      for (let index = 0; index <= sent; index += 1) {
        const [number, got] = (await pull.receive()) as [Buffer, Buffer];
        assert.equal(number.toString(), String(index));
        assert.ok(got.equals(body));
      }
      await waiting;
    });

    it('reads on each time that a receiver at its mark has room again', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const pull = s.open(zmq.Pull, { receiveHighWaterMark: 1 });
      await link(transport, pull, push);
      const BURST = 3;
      const burst = (): Promise<unknown> =>
        Promise.all(Array.from({ length: BURST }, (_, index) => push.send(String(index))));
      const take = async (): Promise<void> => {
        for (let index = 0; index < BURST; index += 1)
          assert.deepEqual(text(await pull.receive()), [String(index)]);
      };
      for (let round = 0; round < 5; round += 1) {
        // The first fills the queue, the second waits before it: to let that in fills it again.
        await burst();
        await arrived(pull, BURST);
        await burst();
        await delay(10);
        await take();
        await take();
        await burst();
        await take();
      }
    });

    it('disconnect: a peer that is still being sent to gets nothing new', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { sendHighWaterMark: 2, sendTimeout: 0 });
      const [old, next] = [s.open(zmq.Pull, { receiveHighWaterMark: 2 }), s.open(zmq.Pull)];
      const endpoint = await link(transport, old, push);
      const body = payload(MIB);
      let sent = 0;
      for (let refused = 0; refused < 30; await turn()) {
        try {
          await push.send([String(sent), body]);
          refused = 0;
          sent += 1;
        } catch {
          refused += 1;
        }
      }
      push.disconnect(endpoint);
      await assert.rejects(push.send('nobody left'), EAGAIN);
      push.connect(await bindTo(next, transport));
      push.sendTimeout = -1;
      await push.send('new');
      assert.deepEqual(text(await next.receive()), ['new']);
      // What was under way may arrive, in order and whole; then nothing.
      old.receiveTimeout = 200;
      const rest: string[] = [];
      for (;;) {
        const message = await old.receive().catch(() => null);
        if (message === null) break;
        assert.ok(message[1]?.equals(body));
        rest.push(String(message[0]));
      }
      assert.deepEqual(
        rest,
        rest.map((_, index) => String(index)),
      );
    });

    it('a send that waits for a full peer which leaves goes to the next peer', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { sendHighWaterMark: 2, sendTimeout: 0 });
      const [goes, stays] = [s.open(zmq.Pull, { receiveHighWaterMark: 2 }), s.open(zmq.Pull)];
      const endpoint = await link(transport, push, goes);
      const body = payload(MIB);
      let sent = 0;
      for (let refused = 0; refused < 30; await turn()) {
        try {
          await push.send(body);
          refused = 0;
          sent += 1;
          assert.ok(sent < 200, 'it is never full');
        } catch {
          refused += 1;
        }
      }
      push.sendTimeout = -1;
      const waiting = push.send('for who comes next');
      goes.close();
      if (transport.wire) await left(push, transport, 0);
      stays.connect(endpoint);
      await waiting;
      assert.deepEqual(text(await stays.receive()), ['for who comes next']);
    });

    it('gives up a send when sendTimeout is over, and the message is not sent later', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { sendTimeout: 10, sendHighWaterMark: 1 });
      const pull = s.open(zmq.Pull);
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      await push.send('first');
      await assert.rejects(push.send('given up'), EAGAIN);
      await pull.bind(endpoint);
      assert.deepEqual(text(await pull.receive()), ['first']);
      push.sendTimeout = -1;
      await push.send('second');
      assert.deepEqual(text(await pull.receive()), ['second']);
    });

    it('gives up a receive when receiveTimeout is over, and the next message is not lost', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull, { receiveTimeout: 0 });
      const push = s.open(zmq.Push);
      await link(transport, pull, push);
      await assert.rejects(pull.receive(), EAGAIN);
      pull.receiveTimeout = 10;
      await assert.rejects(pull.receive(), EAGAIN);
      pull.receiveTimeout = -1;
      const [now] = await Promise.all([pull.receive(), push.send('now')]);
      assert.deepEqual(text(now), ['now']);
      await push.send('queued');
      await until(() => pull.readable, 'the message to be there');
      pull.receiveTimeout = 0;
      assert.deepEqual(text(await pull.receive()), ['queued']);
    });

    it('does not give up a receive when the message came while the process was held up', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull, { receiveTimeout: 20 });
      const push = s.open(zmq.Push);
      await link(transport, pull, push);
      // From here the event loop goes to its timers, and to its sockets after them.
      await new Promise((resolve) => setImmediate(resolve));
      const receiving = pull.receive();
      await push.send('in time');
      // With this tick the message is with the system. It is not read before the time is over.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
      assert.deepEqual(text(await receiving), ['in time']);
    });

    it('conflate: a receiver keeps only the newest message', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull, { conflate: true });
      const push = s.open(zmq.Push);
      await link(transport, pull, push);
      for (let index = 0; index < 500; index += 1) await push.send(String(index));
      const got: number[] = [];
      while (got.at(-1) !== 499) got.push(Number(text(await pull.receive())[0]));
      assert.ok(got.length < 250, `${got.length} of 500 messages were delivered`);
      assert.deepEqual(
        got,
        [...got].sort((a, b) => a - b),
      );
      assert.equal(pull.readable, false);
    });

    it('PUB throws away what a full subscriber has no room for, in whole messages', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { sendHighWaterMark: 3, sendTimeout: 0 });
      const sub = s.open(zmq.Subscriber, { receiveHighWaterMark: 3 });
      sub.subscribe('');
      await link(transport, xpub, sub);
      await xpub.receive();
      const bodies = [payload(MIB / 2, 1), payload(MIB / 2, 2)] as const;
      for (let index = 0; index < 80; index += 1) await xpub.send([String(index), ...bodies]);
      const got: number[] = [];
      const take = async (): Promise<string> => {
        const [number, ...parts] = await sub.receive();
        assert.equal(parts.length, 2);
        for (const [index, part] of parts.entries()) assert.ok(part.equals(bodies[index] as Buffer));
        return (number as Buffer).toString();
      };
      got.push(Number(await take()));
      // There is room again some time after the first was read: a last message gets through.
      let last = false;
      const reading = (async () => {
        for (;;) {
          const number = await take();
          if (number === 'last') break;
          got.push(Number(number));
        }
        last = true;
      })();
      await until(() => {
        if (!last) void xpub.send(['last', ...bodies]);
        return last;
      }, 'a message after the drops');
      await reading;
      assert.ok(got.length >= 3 && got.length < 80, `${got.length} of 80 arrived`);
      assert.deepEqual(
        got,
        [...new Set(got)].sort((a, b) => a - b),
      );
    });
  });
}

for (const transport of wires) {
  describe(`immediate and conflate over ${transport.name}`, { timeout: 30_000 }, () => {
    it('conflate: a sender keeps only the newest message', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { conflate: true });
      const pull = s.open(zmq.Pull);
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      for (let index = 0; index < 10; index += 1) await push.send(String(index));
      await pull.bind(endpoint);
      assert.deepEqual(text(await pull.receive()), ['9']);
      await push.send('10');
      assert.deepEqual(text(await pull.receive()), ['10']);
    });

    it('queues nothing for a connection that is not there', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { immediate: true, sendTimeout: 0, reconnectInterval: 5 });
      const pull = s.open(zmq.Pull);
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      assert.equal(push.writable, false);
      await assert.rejects(push.send('nobody there'), EAGAIN);
      await pull.bind(endpoint);
      push.sendTimeout = -1;
      await push.send('somebody there');
      assert.deepEqual(text(await pull.receive()), ['somebody there']);
    });

    it('sends everything to the peer that is there', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { immediate: true });
      const pull = s.open(zmq.Pull);
      push.connect(await transport.fixed());
      push.connect(await bindTo(pull, transport));
      await ready(pull, transport);
      for (let index = 0; index < 20; index += 1) await push.send(String(index));
      for (let index = 0; index < 20; index += 1)
        assert.deepEqual(text(await pull.receive()), [String(index)]);
    });
  });
}
