/** XPUB and XSUB: subscriptions as messages, what of them is shown upstream, and what an XPUB may decide itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { MIB, payload, text } from '../support/payload.ts';
import { bindTo, left, link, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

const on = (topic: string): string => `\u0001${topic}`;
const off = (topic: string): string => `\u0000${topic}`;

interface Receives {
  receive(): Promise<Buffer[]>;
}

/** The next `count` messages of one frame, as text. */
async function take(socket: Receives, count: number): Promise<string[]> {
  const got: string[] = [];
  while (got.length < count) got.push(...text(await socket.receive()));
  return got;
}

for (const transport of transports) {
  describe(`XPUB and XSUB over ${transport.name}`, { timeout: 30_000 }, () => {
    it('shows subscriptions upstream, each once', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher);
      const sub = s.open(zmq.Subscriber);
      await link(transport, xpub, sub);
      sub.subscribe('a');
      sub.subscribe('a');
      sub.subscribe('');
      sub.unsubscribe('a');
      sub.unsubscribe('a');
      sub.unsubscribe('');
      assert.deepEqual(await take(xpub, 4), [on('a'), on(''), off('a'), off('')]);
    });

    it('shows what the first subscriber wants and the last one gives up', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher);
      const [one, two] = [s.open(zmq.Subscriber), s.open(zmq.Subscriber)];
      await link(transport, xpub, one, two);
      one.subscribe('x', 'one is in');
      assert.deepEqual(await take(xpub, 2), [on('x'), on('one is in')]);
      two.subscribe('x', 'two is in');
      assert.deepEqual(await take(xpub, 1), [on('two is in')]);
      one.unsubscribe('x');
      one.unsubscribe('one is in');
      assert.deepEqual(await take(xpub, 1), [off('one is in')]);
      two.unsubscribe('x', 'two is in');
      assert.deepEqual(await take(xpub, 2), [off('x'), off('two is in')]);
    });

    it('verbosity allSubs: shows every subscribe, and the last unsubscribe', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { verbosity: 'allSubs' });
      const [one, two] = [s.open(zmq.Subscriber), s.open(zmq.Subscriber)];
      await link(transport, xpub, one, two);
      one.subscribe('x');
      assert.deepEqual(await take(xpub, 1), [on('x')]);
      two.subscribe('x');
      assert.deepEqual(await take(xpub, 1), [on('x')]);
      one.unsubscribe('x');
      one.subscribe('one is out');
      assert.deepEqual(await take(xpub, 1), [on('one is out')]);
      two.unsubscribe('x');
      assert.deepEqual(await take(xpub, 1), [off('x')]);
    });

    it('verbosity allSubsUnsubs: shows everything', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { verbosity: 'allSubsUnsubs' });
      const [one, two] = [s.open(zmq.Subscriber), s.open(zmq.Subscriber)];
      await link(transport, xpub, one, two);
      one.subscribe('x');
      assert.deepEqual(await take(xpub, 1), [on('x')]);
      two.subscribe('x');
      assert.deepEqual(await take(xpub, 1), [on('x')]);
      one.unsubscribe('x');
      assert.deepEqual(await take(xpub, 1), [off('x')]);
      two.unsubscribe('x');
      assert.deepEqual(await take(xpub, 1), [off('x')]);
    });

    it('shows as withdrawn what a subscriber that left had asked for alone', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher);
      const [one, two] = [s.open(zmq.Subscriber), s.open(zmq.Subscriber)];
      await link(transport, xpub, one, two);
      one.subscribe('shared', 'own 1', 'own 2');
      assert.deepEqual(await take(xpub, 3), [on('shared'), on('own 1'), on('own 2')]);
      two.subscribe('shared', 'two is in');
      assert.deepEqual(await take(xpub, 1), [on('two is in')]);
      one.close();
      assert.deepEqual((await take(xpub, 2)).sort(), [off('own 1'), off('own 2')]);
      await xpub.send('shared still');
      assert.deepEqual(await take(two, 1), ['shared still']);
    });

    it('lets subscribers in, and keeps a bounded number of announcements, when nobody ever receives', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { receiveHighWaterMark: 8 });
      const endpoint = await bindTo(xpub, transport);
      for (let i = 0; i < 40; i++) {
        const sub = s.open(zmq.Subscriber);
        sub.subscribe(`own ${i}`);
        sub.connect(endpoint);
        const got = take(sub, 1);
        let done = false;
        void got.then(() => {
          done = true;
        });
        while (!done) {
          await xpub.send(`own ${i}`);
          await new Promise((resolve) => setImmediate(resolve));
        }
        sub.close();
        await left(xpub, transport, 0);
        assert.ok(xpub.stats.queuedIn <= 10, `${xpub.stats.queuedIn} wait after ${i + 1} subscribers`);
      }
    });

    it('subscribes with messages on an XSUB', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher);
      const xsub = s.open(zmq.XSubscriber);
      await link(transport, xpub, xsub);
      await xsub.send(on('a'));
      await xsub.send(on('b'));
      assert.deepEqual(await take(xpub, 2), [on('a'), on('b')]);
      await xsub.send(off('a'));
      assert.deepEqual(await take(xpub, 1), [off('a')]);
      await xpub.send('a is gone');
      await xpub.send(['b is here', '', 'and whole']);
      assert.deepEqual(text(await xsub.receive()), ['b is here', '', 'and whole']);
    });

    it('subscribes with an XSUB at a PUB, before the connection too', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const xsub = s.open(zmq.XSubscriber);
      xsub.connect(await bindTo(pub, transport));
      await xsub.send(on('topic'));
      const got = take(xsub, 1);
      let done = false;
      void got.then(() => {
        done = true;
      });
      while (!done) {
        await pub.send('no');
        await pub.send('topic yes');
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      assert.deepEqual(await got, ['topic yes']);
    });

    it('carries other messages from an XSUB upstream', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher);
      const xsub = s.open(zmq.XSubscriber);
      await link(transport, xpub, xsub);
      await xsub.send('not a subscription');
      await xsub.send('\u0002neither');
      await xsub.send(on('but this is'));
      assert.deepEqual(await take(xpub, 3), ['not a subscription', '\u0002neither', on('but this is')]);
    });

    it('greets each subscriber with the welcome message', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { welcomeMessage: 'welcome', verbosity: 'allSubs' });
      const endpoint = await bindTo(xpub, transport);
      for (let count = 0; count < 2; count += 1) {
        const sub = s.open(zmq.Subscriber);
        sub.subscribe('wel');
        sub.connect(endpoint);
        assert.deepEqual(await take(xpub, 1), [on('wel')]);
        assert.deepEqual(await take(sub, 1), ['welcome']);
      }
    });

    it('manual: the program decides what each subscription becomes', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { manual: true });
      const sub = s.open(zmq.Subscriber);
      await link(transport, xpub, sub);
      sub.subscribe('A');
      assert.deepEqual(await take(xpub, 1), [on('A')]);
      // The subscriber filters by what it asked for as well: the substitute must be longer.
      xpub.subscribe('A-granted');
      await xpub.send('A-not granted');
      await xpub.send('A-granted, so delivered');
      assert.deepEqual(await take(sub, 1), ['A-granted, so delivered']);
      sub.unsubscribe('A');
      assert.deepEqual(await take(xpub, 1), [off('A')]);
      xpub.unsubscribe('A-granted');
      sub.subscribe('B');
      assert.deepEqual(await take(xpub, 1), [on('B')]);
      xpub.subscribe('B');
      await xpub.send('A-granted no more');
      await xpub.send('B');
      assert.deepEqual(await take(sub, 1), ['B']);
    });

    it('manual: a subscriber that leaves takes back what it had asked for', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { manual: true });
      const [goes, stays] = [s.open(zmq.Subscriber), s.open(zmq.Subscriber)];
      await link(transport, xpub, goes, stays);
      goes.subscribe('A');
      assert.deepEqual(await take(xpub, 1), [on('A')]);
      xpub.subscribe('B');
      stays.subscribe('B');
      assert.deepEqual(await take(xpub, 1), [on('B')]);
      xpub.subscribe('B');
      goes.close();
      assert.deepEqual(await take(xpub, 1), [off('A')]);
      await xpub.send('B to who is left');
      assert.deepEqual(await take(stays, 1), ['B to who is left']);
    });

    it('noDrop: says EAGAIN where it would drop, and nothing is missing', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { noDrop: true, sendHighWaterMark: 2, sendTimeout: 0 });
      const sub = s.open(zmq.Subscriber, { receiveHighWaterMark: 2 });
      sub.subscribe('');
      await link(transport, xpub, sub);
      assert.deepEqual(await take(xpub, 1), [on('')]);
      const body = payload(MIB);
      let sent = 0;
      let refused = 0;
      const send = async (): Promise<void> => {
        try {
          await xpub.send([String(sent), body]);
          sent += 1;
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'EAGAIN');
          refused += 1;
        }
      };
      for (let tries = 0; refused === 0; tries += 1) {
        assert.ok(tries < 200, 'the mark is never reached');
        await send();
      }
      for (let index = 0; index < sent && index < 50; index += 1) {
        assert.equal((await sub.receive())[0]?.toString(), String(index));
        await send();
      }
    });

    it('forwards: PUB to XSUB, XPUB to SUB, subscriptions the other way', async (t) => {
      const s = scope(t, transport);
      const [pub, xsub] = [s.open(zmq.XPublisher), s.open(zmq.XSubscriber)];
      const [xpub, sub] = [s.open(zmq.XPublisher), s.open(zmq.Subscriber)];
      await link(transport, pub, xsub);
      await link(transport, xpub, sub);
      sub.subscribe('news');
      await xsub.send(await xpub.receive());
      assert.deepEqual(await take(pub, 1), [on('news')]);
      await pub.send(['sports', 'not asked for']);
      await pub.send(['news', '1', '']);
      await xpub.send(await xsub.receive());
      assert.deepEqual(text(await sub.receive()), ['news', '1', '']);
    });
  });
}
