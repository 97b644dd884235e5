/** Subscriptions between ours and libzmq: before and after the connection, counted alike, forwarded, taken back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assignments } from '../support/libs.ts';
import { payload, text } from '../support/payload.ts';
import { collect, subscribed } from '../support/pubsync.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { basicWires } from '../support/transports.ts';

const on = (topic: string): string => `\u0001${topic}`;
const off = (topic: string): string => `\u0000${topic}`;

async function take(socket: { receive(): Promise<Buffer[]> }, count: number): Promise<string[]> {
  const got: string[] = [];
  while (got.length < count) got.push(...text(await socket.receive()));
  return got;
}

for (const transport of basicWires) {
  for (const [first, second] of assignments) {
    describe(`publishing from ${first.name} to ${second.name} over ${transport.name}`, {
      timeout: 30_000,
    }, () => {
      for (const pubBinds of [true, false]) {
        it(`subscriptions before and after the connection, ${pubBinds ? 'PUB' : 'SUB'} binds`, async (t) => {
          const s = scope(t, transport);
          const pub = s.open(first.sockets.Publisher);
          const sub = s.open(second.sockets.Subscriber);
          sub.subscribe('before', 'dropped before');
          sub.unsubscribe('dropped before');
          await (pubBinds ? link(transport, pub, sub) : link(transport, sub, pub));
          sub.subscribe('after', 'dropped after', Buffer.from([0, 255]));
          sub.unsubscribe('dropped after');
          await subscribed(pub, sub);
          for (const topic of ['before 1', 'dropped before', 'after 1', 'dropped after', 'other', '']) {
            await pub.send([topic, 'body']);
          }
          await pub.send(Buffer.from([0, 255, 1]));
          const got = await collect(pub, sub);
          assert.deepEqual(
            got.map((parts) => parts[0]?.toString('latin1')),
            ['before 1', 'after 1', '\u0000ÿ\u0001'],
          );
        });
      }

      it('subscriptions counts alike: twice in, once out, still in; once more, out', async (t) => {
        const s = scope(t, transport);
        const xpub = s.open(first.sockets.XPublisher);
        const sub = s.open(second.sockets.Subscriber);
        sub.subscribe('x');
        await link(transport, xpub, sub);
        sub.subscribe('x');
        sub.subscribe('in');
        assert.deepEqual(await take(xpub, 2), [on('x'), on('in')]);
        sub.unsubscribe('x');
        sub.unsubscribe('in');
        assert.deepEqual(await take(xpub, 1), [off('in')]);
        await xpub.send('x still');
        assert.deepEqual(await take(sub, 1), ['x still']);
        sub.unsubscribe('x');
        assert.deepEqual(await take(xpub, 1), [off('x')]);
        sub.subscribe('y');
        assert.deepEqual(await take(xpub, 1), [on('y')]);
        await xpub.send('x no more');
        await xpub.send('y');
        assert.deepEqual(await take(sub, 1), ['y']);
      });

      it('four hundred prefixes, half of them taken back', async (t) => {
        const s = scope(t, transport);
        const pub = s.open(first.sockets.Publisher);
        const sub = s.open(second.sockets.Subscriber);
        const prefix = (index: number): string => `topic/${index % 10}/${index}/`;
        await link(transport, pub, sub);
        for (let index = 0; index < 400; index += 1) sub.subscribe(prefix(index));
        for (let index = 0; index < 400; index += 2) sub.unsubscribe(prefix(index));
        await subscribed(pub, sub);
        for (let index = 0; index < 400; index += 7) await pub.send(`${prefix(index)}x`);
        const got = (await collect(pub, sub)).map((parts) => String(parts[0]));
        const expected: string[] = [];
        for (let index = 7; index < 400; index += 14) expected.push(`${prefix(index)}x`);
        assert.deepEqual(got, expected);
      });

      it('long topics', async (t) => {
        const s = scope(t, transport);
        const xpub = s.open(first.sockets.XPublisher);
        const sub = s.open(second.sockets.Subscriber);
        await link(transport, xpub, sub);
        for (const length of [244, 245, 246, 247, 254, 255, 256, 5000]) {
          const topic = 't'.repeat(length);
          sub.subscribe(topic);
          assert.deepEqual(await take(xpub, 1), [on(topic)]);
          await xpub.send([topic, 'body']);
          assert.deepEqual(text(await sub.receive()), [topic, 'body']);
          sub.unsubscribe(topic);
          assert.deepEqual(await take(xpub, 1), [off(topic)]);
        }
      });

      it('XSUB and XPUB: subscriptions and other messages upstream, messages down', async (t) => {
        const s = scope(t, transport);
        const xpub = s.open(first.sockets.XPublisher);
        const xsub = s.open(second.sockets.XSubscriber);
        await link(transport, xpub, xsub);
        await xsub.send(on('a'));
        await xsub.send('hello up there');
        await xsub.send(on('b'));
        await xsub.send(['three', 'frames', '']);
        await xsub.send(off('a'));
        assert.deepEqual(await take(xpub, 3), [on('a'), 'hello up there', on('b')]);
        assert.deepEqual(text(await xpub.receive()), ['three', 'frames', '']);
        assert.deepEqual(await take(xpub, 1), [off('a')]);
        await xpub.send('a');
        await xpub.send(['b', '', 'whole']);
        assert.deepEqual(text(await xsub.receive()), ['b', '', 'whole']);
      });

      it('what a subscriber had is withdrawn when it leaves', async (t) => {
        const s = scope(t, transport);
        const xpub = s.open(first.sockets.XPublisher);
        const sub = s.open(second.sockets.Subscriber);
        sub.subscribe('one', 'two', 'two');
        await link(transport, xpub, sub);
        assert.deepEqual((await take(xpub, 2)).sort(), [on('one'), on('two')]);
        sub.close();
        assert.deepEqual((await take(xpub, 2)).sort(), [off('one'), off('two')]);
      });

      it('a forwarder of one in the middle of the other', async (t) => {
        const s = scope(t, transport);
        const pub = s.open(second.sockets.XPublisher);
        const [xsub, xpub] = [s.open(first.sockets.XSubscriber), s.open(first.sockets.XPublisher)];
        const sub = s.open(second.sockets.Subscriber);
        await link(transport, pub, xsub);
        await link(transport, xpub, sub);
        sub.subscribe('news');
        await xsub.send(await xpub.receive());
        assert.deepEqual(await take(pub, 1), [on('news')]);
        await pub.send(['sports', '1']);
        await pub.send(['news', '2', '']);
        await xpub.send(await xsub.receive());
        assert.deepEqual(text(await sub.receive()), ['news', '2', '']);
      });

      it('the welcome message', async (t) => {
        const s = scope(t, transport);
        const xpub = s.open(first.sockets.XPublisher, { welcomeMessage: 'welcome!' });
        const sub = s.open(second.sockets.Subscriber);
        sub.subscribe('wel');
        sub.connect(await bindTo(xpub, transport));
        assert.deepEqual(await take(xpub, 1), [on('wel')]);
        assert.deepEqual(await take(sub, 1), ['welcome!']);
      });

      it('a subscriber that does not read misses whole messages, and the publisher never waits', async (t) => {
        const s = scope(t, transport);
        const xpub = s.open(first.sockets.XPublisher, { sendHighWaterMark: 5, sendTimeout: 0 });
        const sub = s.open(second.sockets.Subscriber, { receiveHighWaterMark: 5 });
        sub.subscribe('');
        await link(transport, xpub, sub);
        await xpub.receive();
        const body = payload(200_000, 5);
        for (let index = 0; index < 200; index += 1) await xpub.send([String(index), body, 'end']);
        let last = -1;
        for (let count = 0; count < 5; count += 1) {
          const [number, got, end] = (await sub.receive()) as [Buffer, Buffer, Buffer];
          assert.ok(Number(number.toString()) > last);
          last = Number(number.toString());
          assert.ok(got.equals(body));
          assert.equal(end.toString(), 'end');
        }
      });
    });
  }
}
