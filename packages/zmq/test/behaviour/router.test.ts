/** DEALER and ROUTER, RFC 28: addressing, routing ids and what happens when they clash. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { turn, within } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { MIB, payload, text } from '../support/payload.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

const UNREACHABLE = { code: 'EHOSTUNREACH', message: 'Host unreachable' };

for (const transport of transports) {
  describe(`DEALER and ROUTER over ${transport.name}`, { timeout: 30_000 }, () => {
    it('gives each peer an id of its own: a zero octet and four more', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      const dealers = [s.open(zmq.Dealer), s.open(zmq.Dealer), s.open(zmq.Dealer)];
      await link(transport, router, ...dealers);
      for (const [index, dealer] of dealers.entries()) await dealer.send(['hello', String(index)]);
      const ids = new Map<string, Buffer>();
      for (let count = 0; count < dealers.length; count += 1) {
        const [id, hello, who] = (await router.receive()) as [Buffer, Buffer, Buffer];
        assert.equal(id.length, 5);
        assert.equal(id[0], 0);
        assert.equal(hello.toString(), 'hello');
        ids.set(who.toString(), id);
      }
      assert.equal(new Set([...ids.values()].map((id) => id.toString('hex'))).size, 3);
      for (const [who, id] of ids) await router.send([id, 'you are', who]);
      for (const [index, dealer] of dealers.entries()) {
        assert.deepEqual(text(await dealer.receive()), ['you are', String(index)]);
      }
    });

    it('uses the routing id that the peer chose, before the peer has said anything', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router, { mandatory: true });
      const alice = s.open(zmq.Dealer, { routingId: 'alice' });
      const bob = s.open(zmq.Request, { routingId: 'bob' });
      await link(transport, router, alice, bob);
      await router.send(['alice', 'unasked', '']);
      assert.deepEqual(text(await alice.receive()), ['unasked', '']);
      await bob.send('hi');
      assert.deepEqual(text(await router.receive()), ['bob', '', 'hi']);
    });

    it('drops a message to an unknown id, or fails when mandatory', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      const dealer = s.open(zmq.Dealer, { routingId: 'known' });
      await link(transport, router, dealer);
      await router.send(['unknown', 'lost']);
      await router.send(['known', 'first']);
      router.mandatory = true;
      await assert.rejects(router.send(['unknown', 'refused']), UNREACHABLE);
      await router.send(['known', 'second']);
      assert.deepEqual(text(await dealer.receive()), ['first']);
      assert.deepEqual(text(await dealer.receive()), ['second']);
    });

    it('ignores a message that is only an id', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      const dealer = s.open(zmq.Dealer, { routingId: 'known' });
      await link(transport, router, dealer);
      await router.send('known');
      await router.send(['known', 'body']);
      assert.deepEqual(text(await dealer.receive()), ['body']);
    });

    it('mandatory: waits while the peer is full, EAGAIN when the time is up', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router, { mandatory: true, sendHighWaterMark: 2, sendTimeout: 0 });
      const dealer = s.open(zmq.Dealer, { routingId: 'slow', receiveHighWaterMark: 2 });
      await link(transport, router, dealer);
      const body = payload(MIB);
      let sent = 0;
      await assert.rejects(
        (async () => {
          for (; sent < 200; sent += 1) await router.send(['slow', String(sent), body]);
        })(),
        { code: 'EAGAIN' },
      );
      assert.ok(sent >= 2, `${sent} messages fit`);
      router.sendTimeout = -1;
      const waiting = router.send(['slow', String(sent), body]);
      for (let index = 0; index <= sent; index += 1) {
        assert.equal((await dealer.receive())[0]?.toString(), String(index));
      }
      await waiting;
    });

    it('mandatory: who waits behind a send to a full peer goes on when that gives up', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router, { mandatory: true, sendHighWaterMark: 4 });
      const full = s.open(zmq.Dealer, { routingId: 'full', receiveHighWaterMark: 1 });
      const free = s.open(zmq.Dealer, { routingId: 'free' });
      await link(transport, router, full, free);
      const body = payload(MIB);
      // What the system takes makes room again, a few times.
      for (let still = 0; still < 20; still += 1) {
        while (router.trySend(['full', body])) still = 0;
        await turn();
      }
      for (const give of ['abort', 'time'] as const) {
        const controller = new AbortController();
        router.sendTimeout = give === 'time' ? 50 : -1;
        const first = router.send(['full', body], { signal: controller.signal });
        router.sendTimeout = -1;
        const second = router.send(['free', give]);
        const room = router.waitWritable();
        const fails = assert.rejects(first);
        await turn();
        if (give === 'abort') controller.abort();
        await within(Promise.all([fails, second, room]), 'those behind it');
        assert.deepEqual(text(await free.receive()), [give]);
      }
    });

    it('leaves a second peer with the same id unread', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      const first = s.open(zmq.Dealer, { routingId: 'same' });
      const second = s.open(zmq.Dealer, { routingId: 'same', linger: 0 });
      const endpoint = await link(transport, router, first);
      await first.send('1');
      assert.deepEqual(text(await router.receive()), ['same', '1']);
      const log = watch(second);
      second.connect(endpoint);
      await second.send('not read');
      if (transport.wire) await log.next('handshake');
      await first.send('2');
      assert.deepEqual(text(await router.receive()), ['same', '2']);
      await router.send(['same', 'to the first']);
      assert.deepEqual(text(await first.receive()), ['to the first']);
      assert.equal(router.readable, false);
    });

    it('handover: the second peer with the same id takes over', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router, { handover: true });
      const first = s.open(zmq.Dealer, { routingId: 'same' });
      const second = s.open(zmq.Dealer, { routingId: 'same' });
      const endpoint = await link(transport, router, first);
      await first.send('1');
      assert.deepEqual(text(await router.receive()), ['same', '1']);
      second.connect(endpoint);
      await second.send('2');
      assert.deepEqual(text(await router.receive()), ['same', '2']);
      await router.send(['same', 'to the second']);
      assert.deepEqual(text(await second.receive()), ['to the second']);
    });

    it('probeRouter: an empty message tells a ROUTER of a new peer', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      const dealer = s.open(zmq.Dealer, { routingId: 'here I am', probeRouter: true });
      dealer.connect(await bindTo(router, transport));
      assert.deepEqual(text(await router.receive()), ['here I am', '']);
      await router.send(['here I am', 'welcome']);
      assert.deepEqual(text(await dealer.receive()), ['welcome']);
    });

    it('connects with a routing id for the other side', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router, { mandatory: true });
      const one = s.open(zmq.Dealer);
      const two = s.open(zmq.Router, { routingId: 'name of its own' });
      router.connect(await bindTo(one, transport), { routingId: 'one' });
      await router.send(['one', 'to the dealer']);
      assert.deepEqual(text(await one.receive()), ['to the dealer']);
      await one.send('back');
      assert.deepEqual(text(await router.receive()), ['one', 'back']);
      router.connect(await bindTo(two, transport), { routingId: 'two' });
      await router.send(['two', 'to the router']);
      assert.deepEqual(text((await two.receive()).slice(1)), ['to the router']);
    });

    it('queues for an id given to connect, before the other side is there', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router, { mandatory: true });
      const dealer = s.open(zmq.Dealer);
      const endpoint = await transport.fixed();
      router.connect(endpoint, { routingId: 'later' });
      await router.send(['later', 'early']);
      await dealer.bind(endpoint);
      assert.deepEqual(text(await dealer.receive()), ['early']);
    });

    it('lets two ROUTERs talk', async (t) => {
      const s = scope(t, transport);
      const left = s.open(zmq.Router, { routingId: 'left', mandatory: true });
      const right = s.open(zmq.Router, { routingId: 'right', mandatory: true });
      await link(transport, left, right);
      await left.send(['right', 'ping']);
      assert.deepEqual(text(await right.receive()), ['left', 'ping']);
      await right.send(['left', 'pong']);
      assert.deepEqual(text(await left.receive()), ['right', 'pong']);
    });

    it('lets two DEALERs talk, both at once', async (t) => {
      const s = scope(t, transport);
      const one = s.open(zmq.Dealer);
      const two = s.open(zmq.Dealer);
      await link(transport, one, two);
      const talk = async (from: zmq.Dealer, count: number): Promise<string[]> => {
        for (let index = 0; index < count; index += 1) await from.send(String(index));
        const got: string[] = [];
        while (got.length < count) got.push(...text(await from.receive()));
        return got;
      };
      const expected = Array.from({ length: 200 }, (_, index) => String(index));
      assert.deepEqual(await Promise.all([talk(one, 200), talk(two, 200)]), [expected, expected]);
    });

    it('deals the messages of a DEALER out in turn', async (t) => {
      const s = scope(t, transport);
      const dealer = s.open(zmq.Dealer);
      const reps = [s.open(zmq.Reply), s.open(zmq.Reply)];
      await link(transport, dealer, ...reps);
      for (let index = 0; index < 8; index += 1) await dealer.send(['', String(index)]);
      const answers = reps.map(async (rep) => {
        const got: number[] = [];
        for (let index = 0; index < 4; index += 1) {
          const [number] = text(await rep.receive());
          got.push(Number(number));
          await rep.send(number as string);
        }
        return got;
      });
      const shares = (await Promise.all(answers)).sort((a, b) => (a[0] as number) - (b[0] as number));
      assert.deepEqual(shares, [
        [0, 2, 4, 6],
        [1, 3, 5, 7],
      ]);
      const replies: string[] = [];
      for (let index = 0; index < 8; index += 1) replies.push(...text((await dealer.receive()).slice(1)));
      assert.deepEqual(replies.sort(), ['0', '1', '2', '3', '4', '5', '6', '7']);
    });

    it('refuses a routing id of more than 255 octets', (t) => {
      const s = scope(t, transport);
      assert.throws(() => s.open(zmq.Dealer, { routingId: 'x'.repeat(256) }), { code: 'EINVAL' });
      assert.equal(s.open(zmq.Dealer, { routingId: 'x'.repeat(255) }).routingId, 'x'.repeat(255));
    });
  });
}
