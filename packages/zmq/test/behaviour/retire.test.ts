/** One endpoint of a socket is retired while the rest of it goes on: nothing is lost, nobody else notices. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { retire } from '../../src/run.ts';
import { turn, until, within } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { payload, text } from '../support/payload.ts';
import { greeting, RawPeer, ready as shake } from '../support/rawpeer.ts';
import { bindTo, link, ready, scope } from '../support/scope.ts';
import { tcp, transports } from '../support/transports.ts';

/** Sends numbers until told to stop; `stop` resolves with how many those were, when all are out. */
function produce(push: zmq.Push, size: number): { stop(): Promise<number>; readonly sent: number } {
  let sent = 0;
  let over = false;
  const sending = (async () => {
    while (!over) {
      await push.send([String(sent), payload(size, 1)]);
      sent += 1;
    }
  })();
  return {
    get sent() {
      return sent;
    },
    async stop() {
      over = true;
      await sending;
      return sent;
    },
  };
}

/** Receives until the numbers are there; the order is that of each connection. */
function collect(pull: zmq.Pull): { readonly numbers: Set<number>; received: number } {
  const result = { numbers: new Set<number>(), received: 0 };
  void (async () => {
    for await (const [number] of pull) {
      result.numbers.add(Number(String(number)));
      result.received += 1;
    }
  })().catch(() => {});
  return result;
}

for (const transport of transports) {
  describe(`retire over ${transport.name}`, { timeout: 60_000 }, () => {
    it('a PULL loses nothing of a producer that never pauses, again and again', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull, { receiveTimeout: -1 });
      const address = await transport.fixed();
      await pull.bind(address);
      const got = collect(pull);
      const push = s.open(zmq.Push, { reconnectInterval: 1, reconnectMaxInterval: 1 });
      push.connect(address);
      await ready(pull, transport);
      const producer = produce(push, 100);
      for (let round = 0; round < 5; round += 1) {
        const before = got.received;
        await until(() => got.received > before + 1000, 'messages');
        const retired = retire(pull, address, { timeout: 20_000 });
        await until(() => bound(pull, address), 'the address to be free');
        assert.deepEqual(await retired, { undelivered: 0, cut: 0 });
      }
      const sent = await producer.stop();
      await until(() => got.numbers.size === sent, 'all that was sent', {
        seen: () => [sent, got.numbers.size, got.received],
      });
      assert.equal(got.received, sent);
      assert.equal(push.stats.dropped, 0);
      assert.ok(pull.stats.connections >= 2, `${pull.stats.connections} connections`);
    });

    it('an inbox at its mark goes on holding the peer up, and what is on the way comes as it is taken', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull, { receiveHighWaterMark: 5 });
      const address = await bindTo(pull, transport);
      const push = s.open(zmq.Push, { sendHighWaterMark: 10, reconnectInterval: -1 });
      push.connect(address);
      await ready(pull, transport);
      const body = payload(50_000);
      for (let index = 0; index < 40; index += 1) void push.send([String(index), body]).catch(() => {});
      await until(() => pull.stats.queuedIn >= 5, 'the mark');
      let resolved = false;
      const retired = retire(pull, address, { timeout: 20_000 }).finally(() => {
        resolved = true;
      });
      for (let index = 0; index < 50; index += 1) await turn();
      assert.equal(resolved, false);
      // What was handed to the system by then arrives; the rest has no next connection here.
      let next = 0;
      while (!resolved || pull.stats.queuedIn > 0) {
        if (!pull.readable) {
          await turn();
          continue;
        }
        assert.equal(String((await pull.receive())[0]), String(next));
        next += 1;
      }
      await retired;
      assert.ok(next >= 5);
      await until(() => push.stats.peers === 0, 'the end of the connection');
      const { messagesOut } = push.stats;
      assert.equal(next, messagesOut);
    });

    it('tells how many peers it cut off before they had ended', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull);
      const address = await bindTo(pull, transport);
      const push = s.open(zmq.Push);
      push.connect(address);
      await ready(pull, transport, 1);
      assert.deepEqual(await retire(pull, address, { timeout: 0 }), { undelivered: 0, cut: 1 });
    });

    it('leaves the peers of other endpoints alone', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull);
      const [first, second] = [await bindTo(pull, transport), await bindTo(pull, transport)];
      const [one, two] = [s.open(zmq.Push), s.open(zmq.Push)];
      const events = watch(two);
      one.connect(first);
      two.connect(second);
      await ready(pull, transport, 2);
      const [{ id }] = pull.peers().filter((peer) => peer.endpoint === second) as [zmq.PeerInfo];
      assert.deepEqual(await retire(pull, first, { timeout: 5000 }), { undelivered: 0, cut: 0 });
      assert.deepEqual(
        pull.peers().map((peer) => peer.id),
        [id],
      );
      await two.send('on');
      assert.deepEqual(text(await pull.receive()), ['on']);
      assert.equal(events.count('peer:gone'), 0);
      await assert.rejects(retire(pull, first), { code: 'ENOENT' });
      await bindTo(pull, transport);
    });

    it('sends what is queued, and gives the peer nothing more', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const [first, second] = [await bindTo(push, transport), await bindTo(push, transport)];
      const [one, two] = [
        s.open(zmq.Pull, { reconnectInterval: -1, receiveHighWaterMark: 2 }),
        s.open(zmq.Pull),
      ];
      one.connect(first);
      await ready(push, transport);
      const body = payload(100_000);
      for (let index = 0; index < 50; index += 1) await push.send([String(index), body]);
      two.connect(second);
      await ready(push, transport, 2);
      const retired = retire(push, first, { timeout: 20_000 });
      for (let index = 50; index < 60; index += 1) await push.send([String(index), body]);
      for (let index = 50; index < 60; index += 1)
        assert.equal(String((await two.receive())[0]), String(index));
      for (let index = 0; index < 50; index += 1)
        assert.equal(String((await one.receive())[0]), String(index));
      assert.deepEqual(await within(retired, 'the end'), { undelivered: 0, cut: 0 });
      assert.equal(push.stats.peers, 1);
      assert.equal(push.stats.dropped, 0);
    });

    it('counts what a peer did not take in time', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const deaf = s.open(zmq.Pull, { receiveHighWaterMark: 1 });
      const address = await link(transport, push, deaf);
      const body = payload(1024 * 1024);
      for (let index = 0; index < 50; index += 1) await push.send(body);
      const { queuedOut } = push.stats;
      assert.ok(queuedOut > 0);
      const { undelivered } = await retire(push, address, { timeout: 30 });
      assert.ok(undelivered > 0 && undelivered <= queuedOut, `${undelivered} of ${queuedOut}`);
      assert.equal(push.stats.droppedBy.disconnected, undelivered);
      assert.equal(push.peers().length, 0);
    });

    it('a signal ends it at once', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const deaf = s.open(zmq.Pull, { receiveHighWaterMark: 1 });
      const address = await link(transport, push, deaf);
      for (let index = 0; index < 50; index += 1) await push.send(payload(1024 * 1024));
      const abort = new AbortController();
      const retired = retire(push, address, { timeout: 60_000, signal: abort.signal });
      await turn();
      abort.abort();
      assert.ok((await within(retired, 'the end')).undelivered > 0);
    });

    it('clients that ask without a pause get every reply, and go on with the next endpoint', async (t) => {
      const s = scope(t, transport);
      const [front, back] = [s.open(zmq.Router), s.open(zmq.Dealer)];
      const address = await transport.fixed();
      await front.bind(address);
      const worker = s.open(zmq.Reply, { receiveTimeout: -1 });
      worker.connect(await bindTo(back, transport));
      const proxy = new zmq.Proxy(front, back);
      void proxy.run();
      s.after(() => proxy.terminate());
      void (async () => {
        for await (const message of worker) await worker.send(message);
      })().catch(() => {});
      let over = false;
      let answered = 0;
      const asking = [0, 1, 2].map(async (who) => {
        const req = s.open(zmq.Request, { reconnectInterval: 1, reconnectMaxInterval: 1 });
        req.connect(address);
        for (let index = 0; !over; index += 1) {
          await req.send(`${who} ${index}`);
          assert.deepEqual(text(await req.receive()), [`${who} ${index}`]);
          answered += 1;
          // Time to learn of the end that comes with a reply: nobody who has sent on by then could be answered.
          for (let pause = 0; pause < 10; pause += 1) await new Promise(setImmediate);
        }
      });
      for (let round = 0; round < 5; round += 1) {
        const before = answered;
        await until(() => answered > before + 100, 'replies');
        const retired = retire(front, address, { timeout: 20_000 });
        await until(() => bound(front, address), 'the address to be free');
        await within(retired, 'the end', 5000);
      }
      over = true;
      await within(Promise.all(asking), 'the last replies');
      assert.equal(proxy.stats.toFront.messages, answered);
      assert.equal(proxy.stats.toBack.messages, answered);
    });

    it('a DEALER waits for the replies of a worker that it parts from', async (t) => {
      const s = scope(t, transport);
      const dealer = s.open(zmq.Dealer);
      const worker = s.open(zmq.Dealer, { reconnectInterval: -1 });
      const address = await link(transport, dealer, worker);
      for (let index = 0; index < 10; index += 1) await dealer.send(String(index));
      let resolved = false;
      const retired = retire(dealer, address, { timeout: 20_000 }).finally(() => {
        resolved = true;
      });
      assert.equal(dealer.writable, false);
      for (let index = 0; index < 10; index += 1) {
        const request = await worker.receive();
        await turn(5);
        assert.equal(resolved, false);
        await worker.send(request);
      }
      assert.deepEqual(await within(retired, 'the end'), { undelivered: 0, cut: 0 });
      for (let index = 0; index < 10; index += 1)
        assert.deepEqual(text(await dealer.receive()), [String(index)]);
      assert.equal(dealer.peers().length, 0);
    });

    it('a connected endpoint is retired as well', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pull), s.open(zmq.Pull)];
      const push = s.open(zmq.Push);
      const [first, second] = [await bindTo(one, transport), await bindTo(two, transport)];
      push.connect(first);
      push.connect(second);
      await ready(push, transport, 2);
      for (let index = 0; index < 10; index += 1) await push.send(String(index));
      assert.deepEqual(await retire(push, first, { timeout: 5000 }), { undelivered: 0, cut: 0 });
      await push.send('last');
      const got = [...(await take(one, 5)), ...(await take(two, 6))];
      assert.deepEqual(got.sort(), [...Array.from({ length: 10 }, (_, i) => String(i)), 'last'].sort());
      assert.equal(one.readable, false);
    });

    it('a PAIR and a SUB take what is on the way, a PUB lets go of its subscribers', async (t) => {
      const s = scope(t, transport);
      const [left, right] = [s.open(zmq.Pair), s.open(zmq.Pair, { reconnectInterval: -1 })];
      const paired = await link(transport, left, right);
      await right.send('a');
      await left.send('b');
      assert.deepEqual(await retire(left, paired, { timeout: 5000 }), { undelivered: 0, cut: 0 });
      assert.deepEqual(text(await left.receive()), ['a']);
      assert.deepEqual(text(await right.receive()), ['b']);

      const pub = s.open(zmq.XPublisher);
      const sub = s.open(zmq.Subscriber, { reconnectInterval: 1 });
      sub.subscribe('');
      const published = await link(transport, pub, sub);
      await pub.receive();
      await pub.send('one');
      assert.deepEqual(await retire(sub, published, { timeout: 5000 }), { undelivered: 0, cut: 0 });
      assert.deepEqual(text(await sub.receive()), ['one']);
      sub.connect(published);
      // The end of the one, and the begin of the other.
      await pub.receive();
      await pub.receive();
      await pub.send('two');
      assert.deepEqual(await retire(pub, published, { timeout: 5000 }), { undelivered: 0, cut: 0 });
      assert.deepEqual(text(await sub.receive()), ['two']);
      assert.equal(pub.stats.peers, 0);
    });
  });
}

describe('retire', { timeout: 30_000 }, () => {
  it('ends a peer that does not end its side when the time is over', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const address = await bindTo(pull, tcp);
    const peer = s.use(await RawPeer.connect(address, { allowHalfOpen: true }));
    await peer.handshake({ socketType: 'PUSH' });
    await ready(pull, tcp);
    // Long enough to end our side on a busy machine, too.
    const retired = retire(pull, address, { timeout: 500 });
    await peer.gone();
    assert.equal(pull.peers().length, 1);
    assert.deepEqual(await retired, { undelivered: 0, cut: 1 });
    assert.equal(pull.peers().length, 0);
  });

  it('waits for a handshake that is done on the other side, and takes what came with it', async (t) => {
    const s = scope(t, tcp);
    for (const type of [zmq.Pull, zmq.Router] as const) {
      const socket = s.open<zmq.Pull | zmq.Router, object>(type);
      const address = await bindTo(socket, tcp);
      const peer = s.use(await RawPeer.connect(address));
      peer.write(greeting({}));
      await peer.read(64);
      await peer.readCommand();
      await until(() => socket.peers()[0]?.state === 'handshake', 'the handshake');
      const retired = retire(socket, address, { timeout: 20_000 });
      peer.write(shake({ socketType: type === zmq.Pull ? 'PUSH' : 'DEALER', identity: 'me' }));
      peer.send('with it');
      const message = text(await socket.receive());
      assert.deepEqual(message, type === zmq.Pull ? ['with it'] : ['me', 'with it']);
      // The reply that it has to have before the end.
      if (socket instanceof zmq.Router) {
        await socket.send(['me', 'reply']);
        assert.deepEqual((await peer.readMessage()).map(String), ['reply']);
      }
      await peer.gone();
      assert.deepEqual(await within(retired, 'the end'), { undelivered: 0, cut: 0 });
    }
  });

  it('a client that goes on asking has its reply whole, also when the time is over or the socket closes', async (t) => {
    for (const close of [true, false]) {
      const s = scope(t, tcp);
      const router = s.open(zmq.Router, { heartbeatInterval: 60_000 });
      const address = await bindTo(router, tcp);
      const client = s.use(await RawPeer.connect(address, { allowHalfOpen: true }));
      await client.handshake({ socketType: 'DEALER', identity: 'me' });
      client.socket.pause();
      client.send('question');
      await router.receive();
      // The system takes it all, and has most of it still when the client asks again.
      const reply = payload(1024 * 1024, 7);
      await router.send(['me', reply]);
      const abort = new AbortController();
      const retired = retire(router, address, { timeout: 20_000, signal: abort.signal });
      await until(() => router.peers()[0]?.heartbeats === false, 'our side to be ended');
      client.send('another');
      if (close) router.close();
      else abort.abort();
      // What a socket does that is closed is its own affair.
      assert.deepEqual(await within(retired, 'the end'), { undelivered: 0, cut: close ? 0 : 1 });
      client.socket.resume();
      const [got] = await client.readMessage();
      assert.equal(reply.equals(got as Buffer), true);
      await client.gone();
    }
  });

  it('does not wait for a peer that says nothing', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const address = await bindTo(pull, tcp);
    s.use(await RawPeer.connect(address));
    await until(() => pull.peers().length === 1, 'the peer');
    assert.deepEqual(await within(retire(pull, address, { timeout: 60_000 }), 'the end'), {
      undelivered: 0,
      cut: 0,
    });
    assert.equal(pull.peers().length, 0);
  });

  it('is refused on a closed socket, during a bind and for a wrong time', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const address = await bindTo(pull, tcp);
    await assert.rejects(retire(pull, address, { timeout: Number.NaN }), RangeError);
    const binding = pull.bind(tcp.endpoint());
    await assert.rejects(retire(pull, address), { code: 'EBUSY' });
    await binding;
    pull.close();
    await assert.rejects(retire(pull, address), { code: 'EBADF' });
  });
});

/** Tries to bind; false while the address or the socket is busy. */
function bound(socket: zmq.Socket, address: string): boolean {
  try {
    socket.bindSync(address);
    return true;
  } catch (error) {
    const { code } = error as zmq.ZmqError;
    if (code === 'EBUSY' || code === 'EADDRINUSE' || code === 'EINVAL') return false;
    throw error;
  }
}

async function take(pull: zmq.Pull, count: number): Promise<string[]> {
  const all: string[] = [];
  while (all.length < count) all.push(...text(await pull.receive()));
  return all;
}
