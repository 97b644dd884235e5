/** Proxies: what comes in on one side goes out on the other, can be held, ended, and drained without a loss. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { turn, until, within } from '../support/deadline.ts';
import { payload, text } from '../support/payload.ts';
import { collect, subscribed } from '../support/pubsync.ts';
import { bindTo, ready, type Scope, scope } from '../support/scope.ts';
import { type TestTransport, transports } from '../support/transports.ts';

interface Running<F extends zmq.Socket, B extends zmq.Socket> {
  readonly proxy: zmq.Proxy<F, B>;
  readonly front: string;
  readonly back: string;
  /** Resolves when `run` does. */
  readonly done: Promise<void>;
}

/** Binds both sides and starts the proxy. */
async function start<
  F extends Parameters<typeof bindTo>[0] & zmq.Socket,
  B extends Parameters<typeof bindTo>[0] & zmq.Socket,
>(s: Scope, transport: TestTransport, frontEnd: F, backEnd: B): Promise<Running<F, B>> {
  const front = await bindTo(frontEnd, transport);
  const back = await bindTo(backEnd, transport);
  const proxy = new zmq.Proxy(frontEnd, backEnd);
  assert.equal(proxy.frontEnd, frontEnd);
  assert.equal(proxy.backEnd, backEnd);
  const done = proxy.run();
  s.after(async () => {
    if (!proxy.frontEnd.closed) proxy.terminate();
    await done;
  });
  return { proxy, front, back, done };
}

for (const transport of transports) {
  describe(`a proxy over ${transport.name}`, { timeout: 30_000 }, () => {
    it('ROUTER and DEALER: requests to the workers in turn, replies to who asked', async (t) => {
      const s = scope(t, transport);
      const { proxy, front, back } = await start(s, transport, s.open(zmq.Router), s.open(zmq.Dealer));
      const workers = [s.open(zmq.Reply), s.open(zmq.Reply)];
      for (const worker of workers) worker.connect(back);
      await Promise.all(workers.map((worker) => ready(worker, transport)));
      const working = workers.map(async (worker, who) => {
        for (let count = 0; count < 20; count += 1)
          await worker.send([String(who), ...(await worker.receive())]);
      });
      const clients = [s.open(zmq.Request), s.open(zmq.Request)];
      for (const client of clients) client.connect(front);
      const asking = clients.map(async (client, who) => {
        for (let count = 0; count < 20; count += 1) {
          await client.send([String(who), '', String(count)]);
          const [, ...rest] = text(await client.receive());
          assert.deepEqual(rest, [String(who), '', String(count)]);
        }
      });
      await within(Promise.all([...working, ...asking]), 'all requests', 20_000);
      assert.equal(proxy.stats.toBack.messages, 40);
      assert.equal(proxy.stats.toFront.messages, 40);
      assert.equal(proxy.stats.toBack.dropped, 0);
    });

    it('PULL and PUSH: everything, in order, of every size', async (t) => {
      const s = scope(t, transport);
      const { proxy, front, back } = await start(s, transport, s.open(zmq.Pull), s.open(zmq.Push));
      const [producer, consumer] = [s.open(zmq.Push), s.open(zmq.Pull)];
      consumer.connect(back);
      producer.connect(front);
      const size = (index: number): number => (index % 50 === 0 ? 300_000 : (index * 13) % 700);
      const sending = (async () => {
        for (let index = 0; index < 1000; index += 1) {
          await producer.send([String(index), payload(size(index), index), '']);
        }
      })();
      for (let index = 0; index < 1000; index += 1) {
        const [number, body, empty] = (await consumer.receive()) as [Buffer, Buffer, Buffer];
        assert.equal(number.toString(), String(index));
        assert.ok(body.equals(payload(size(index), index)));
        assert.equal(empty.length, 0);
      }
      await sending;
      assert.equal(proxy.stats.toBack.messages, 1000);
      assert.ok(proxy.stats.toBack.bytes > 6_000_000);
      assert.equal(proxy.stats.toFront.messages, 0);
    });

    it('XSUB and XPUB: subscriptions upstream, what is wanted downstream', async (t) => {
      const s = scope(t, transport);
      const { front, back } = await start(s, transport, s.open(zmq.XSubscriber), s.open(zmq.XPublisher));
      const pub = s.open(zmq.Publisher);
      const subs = [s.open(zmq.Subscriber), s.open(zmq.Subscriber)] as const;
      pub.connect(front);
      for (const sub of subs) sub.connect(back);
      subs[0].subscribe('a', 'shared');
      subs[1].subscribe('b', 'shared');
      for (const sub of subs) await subscribed(pub, sub);
      for (const topic of ['a1', 'b1', 'c1', 'shared', 'a2']) await pub.send([topic, 'body']);
      const heads = async (sub: zmq.Subscriber): Promise<string[]> =>
        (await collect(pub, sub)).map((parts) => text(parts)[0] as string);
      assert.deepEqual(await heads(subs[0]), ['a1', 'shared', 'a2']);
      assert.deepEqual(await heads(subs[1]), ['b1', 'shared']);
      subs[0].unsubscribe('shared');
      for (const sub of subs) await subscribed(pub, sub);
      await pub.send('shared');
      assert.deepEqual(await heads(subs[0]), []);
      assert.deepEqual(await heads(subs[1]), ['shared']);
    });

    it('PAIR and PAIR: both directions at once', async (t) => {
      const s = scope(t, transport);
      const { front, back } = await start(s, transport, s.open(zmq.Pair), s.open(zmq.Pair));
      const ends = [s.open(zmq.Pair), s.open(zmq.Pair)] as const;
      ends[0].connect(front);
      ends[1].connect(back);
      const talk = async (end: zmq.Pair): Promise<string[]> => {
        for (let index = 0; index < 200; index += 1) await end.send(String(index));
        const got: string[] = [];
        while (got.length < 200) got.push(...text(await end.receive()));
        return got;
      };
      const expected = Array.from({ length: 200 }, (_, index) => String(index));
      assert.deepEqual(await Promise.all(ends.map(talk)), [expected, expected]);
    });

    it('holds everything while paused', async (t) => {
      const s = scope(t, transport);
      const { proxy, front, back } = await start(s, transport, s.open(zmq.Pull), s.open(zmq.Push));
      const [producer, consumer] = [s.open(zmq.Push), s.open(zmq.Pull)];
      consumer.connect(back);
      producer.connect(front);
      await producer.send('through');
      assert.deepEqual(text(await consumer.receive()), ['through']);
      proxy.pause();
      for (let index = 0; index < 50; index += 1) await producer.send(String(index));
      await until(() => proxy.frontEnd.stats.queuedIn === 50, 'the messages to be held');
      assert.equal(consumer.readable, false);
      proxy.resume();
      for (let index = 0; index < 50; index += 1)
        assert.deepEqual(text(await consumer.receive()), [String(index)]);
    });

    it('takes nothing from the front end while that is held, and passes replies on', async (t) => {
      const s = scope(t, transport);
      const { proxy, front, back } = await start(s, transport, s.open(zmq.Router), s.open(zmq.Dealer));
      const [asks, worker] = [s.open(zmq.Dealer), s.open(zmq.Dealer)];
      worker.connect(back);
      asks.connect(front);
      await asks.send(['', 'first']);
      const [id = Buffer.alloc(0)] = await worker.receive();
      proxy.hold(true);
      await asks.send(['', 'second']);
      await until(() => proxy.frontEnd.stats.queuedIn === 1, 'the request to be held');
      await worker.send([id, '', 'answer']);
      assert.deepEqual(text(await asks.receive()), ['', 'answer']);
      assert.equal(proxy.stats.toBack.messages, 1);
      proxy.hold(false);
      assert.deepEqual(text((await worker.receive()).slice(1)), ['', 'second']);
    });

    it('is held from the start where it is told so, and delivers all that when it drains', async (t) => {
      const s = scope(t, transport);
      const [pull, push] = [s.open(zmq.Pull), s.open(zmq.Push)];
      const proxy = new zmq.Proxy(pull, push);
      proxy.hold(true);
      await pull.bind(transport.endpoint());
      await push.bind(transport.endpoint());
      void proxy.run();
      const [producer, consumer] = [s.open(zmq.Push), s.open(zmq.Pull)];
      consumer.connect(push.lastEndpoint as string);
      producer.connect(pull.lastEndpoint as string);
      for (let index = 0; index < 20; index += 1) await producer.send(String(index));
      await until(() => pull.stats.queuedIn === 20, 'the messages to be held');
      const draining = proxy.drain({ timeout: 10_000 });
      for (let index = 0; index < 20; index += 1)
        assert.deepEqual(text(await consumer.receive()), [String(index)]);
      assert.deepEqual(await within(draining, 'the drain'), { undelivered: 0 });
    });

    it('makes the producer wait for a consumer that does not read', async (t) => {
      const s = scope(t, transport);
      const marks = { sendHighWaterMark: 2, receiveHighWaterMark: 2 };
      const { front, back } = await start(
        s,
        transport,
        s.open(zmq.Pull, { receiveHighWaterMark: 2 }),
        s.open(zmq.Push, { sendHighWaterMark: 2 }),
      );
      const consumer = s.open(zmq.Pull, { receiveHighWaterMark: marks.receiveHighWaterMark });
      const producer = s.open(zmq.Push, { sendHighWaterMark: marks.sendHighWaterMark });
      consumer.connect(back);
      producer.connect(front);
      await ready(consumer, transport);
      const body = payload(1024 * 1024);
      let sent = 0;
      for (let quiet = 0; quiet < 50; quiet += 1) {
        while (producer.trySend([String(sent), body])) {
          sent += 1;
          quiet = 0;
        }
        assert.ok(sent < 200, 'the producer is never held up');
        await turn();
      }
      for (let index = 0; index < sent; index += 1) {
        assert.equal(String((await consumer.receive())[0]), String(index));
      }
    });

    it('terminate closes both sockets and ends run', async (t) => {
      const s = scope(t, transport);
      const { proxy, done } = await start(s, transport, s.open(zmq.Router), s.open(zmq.Dealer));
      proxy.terminate();
      await within(done, 'run to end');
      assert.equal(proxy.frontEnd.closed, true);
      assert.equal(proxy.backEnd.closed, true);
      const gone = { code: 'EBADF', message: 'Socket is closed' };
      assert.throws(() => proxy.terminate(), gone);
      assert.throws(() => proxy.pause(), gone);
      assert.throws(() => proxy.resume(), gone);
    });

    it('drain delivers what was accepted, then closes', async (t) => {
      const s = scope(t, transport);
      const { proxy, front, back, done } = await start(s, transport, s.open(zmq.Pull), s.open(zmq.Push));
      const [producer, consumer] = [s.open(zmq.Push), s.open(zmq.Pull)];
      consumer.connect(back);
      producer.connect(front);
      for (let index = 0; index < 500; index += 1) await producer.send([String(index), payload(1000)]);
      await until(() => proxy.frontEnd.stats.messagesIn === 500, 'all to be accepted');
      const draining = proxy.drain({ timeout: 10_000 });
      for (let index = 0; index < 500; index += 1) {
        assert.equal(String((await consumer.receive())[0]), String(index));
      }
      assert.deepEqual(await within(draining, 'the drain'), { undelivered: 0 });
      await within(done, 'run to end');
      assert.equal(proxy.frontEnd.closed, true);
      assert.equal(proxy.backEnd.closed, true);
    });

    it('drain counts what nobody took in time', async (t) => {
      const s = scope(t, transport);
      const { proxy, front } = await start(s, transport, s.open(zmq.Pull), s.open(zmq.Push));
      const producer = s.open(zmq.Push);
      producer.connect(front);
      for (let index = 0; index < 30; index += 1) await producer.send(String(index));
      await until(() => proxy.frontEnd.stats.messagesIn === 30, 'all to be accepted');
      assert.deepEqual(await within(proxy.drain({ timeout: 50 }), 'the drain'), { undelivered: 30 });
    });

    it('a drain without a limit ends when somebody closes the back end', async (t) => {
      const s = scope(t, transport);
      const { proxy, front } = await start(s, transport, s.open(zmq.Pull), s.open(zmq.Push));
      const producer = s.open(zmq.Push);
      producer.connect(front);
      for (let index = 0; index < 30; index += 1) await producer.send(String(index));
      await until(() => proxy.frontEnd.stats.messagesIn === 30, 'all to be accepted');
      const draining = proxy.drain({ timeout: -1 });
      await turn();
      proxy.backEnd.close();
      assert.deepEqual(await within(draining, 'the drain'), { undelivered: 30 });
    });

    it('a drain of one that never ran counts what came, and closes', async (t) => {
      const s = scope(t, transport);
      const [pull, push] = [s.open(zmq.Pull), s.open(zmq.Push)];
      const front = await bindTo(pull, transport);
      const proxy = new zmq.Proxy(pull, push);
      const producer = s.open(zmq.Push);
      producer.connect(front);
      for (let index = 0; index < 30; index += 1) await producer.send(String(index));
      await until(() => pull.stats.messagesIn === 30, 'all to be accepted');
      assert.deepEqual(await within(proxy.drain({ timeout: -1 }), 'the drain'), { undelivered: 30 });
      assert.ok(pull.closed && push.closed);
    });

    it('needs two open sockets that are bound or connected', async (t) => {
      const s = scope(t, transport);
      const [router, dealer] = [s.open(zmq.Router), s.open(zmq.Dealer)];
      const proxy = new zmq.Proxy(router, dealer);
      const run = async (): Promise<void> => proxy.run();
      await assert.rejects(within(run(), 'the refusal', 1000), {
        code: 'EINVAL',
        message: 'Front-end socket must be bound or connected',
      });
      await bindTo(router, transport);
      await assert.rejects(within(run(), 'the refusal', 1000), {
        code: 'EINVAL',
        message: 'Back-end socket must be bound or connected',
      });
      assert.throws(() => proxy.terminate(), { code: 'EBADF' });
    });
  });
}
