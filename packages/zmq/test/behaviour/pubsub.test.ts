/** PUB and SUB, RFC 29: prefix filters, how often something must be unsubscribed, when a subscription counts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { text } from '../support/payload.ts';
import { collect, subscribed } from '../support/pubsync.ts';
import { bindTo, link, ready, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

/** The first frames of what a subscriber got. */
function heads(messages: readonly Buffer[][]): string[] {
  return messages.map((parts) => (parts[0] as Buffer).toString());
}

const TOPICS = ['', 'a', 'ab', 'abc', 'b', 'bc', 'bcd', 'c', 'A', ' a'];

for (const transport of transports) {
  describe(`PUB and SUB over ${transport.name}`, { timeout: 30_000 }, () => {
    it('passes what starts with a prefix, whichever side binds', async (t) => {
      const s = scope(t, transport);
      for (const pubBinds of [true, false]) {
        const pub = s.open(zmq.Publisher);
        const sub = s.open(zmq.Subscriber);
        sub.subscribe('ab', 'b');
        await (pubBinds ? link(transport, pub, sub) : link(transport, sub, pub));
        await subscribed(pub, sub);
        for (const topic of TOPICS) await pub.send(topic);
        assert.deepEqual(heads(await collect(pub, sub)), ['ab', 'abc', 'b', 'bc', 'bcd']);
      }
    });

    it('passes everything for an empty prefix or none, nothing without a subscription', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const [empty, none, deaf] = [s.open(zmq.Subscriber), s.open(zmq.Subscriber), s.open(zmq.Subscriber)];
      empty.subscribe('');
      none.subscribe();
      await link(transport, pub, empty, none, deaf);
      for (const sub of [empty, none, deaf]) await subscribed(pub, sub);
      await collect(pub, empty);
      await collect(pub, none);
      for (const topic of TOPICS) await pub.send(topic);
      const wanted = (got: string[]): string[] => got.filter((topic) => !topic.startsWith('\u0002'));
      assert.deepEqual(wanted(heads(await collect(pub, empty))), TOPICS);
      assert.deepEqual(wanted(heads(await collect(pub, none))), TOPICS);
      assert.deepEqual(heads(await collect(pub, deaf)), []);
    });

    it('looks at the first frame only, and passes the rest whole', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const sub = s.open(zmq.Subscriber);
      sub.subscribe('yes');
      await link(transport, pub, sub);
      await subscribed(pub, sub);
      await pub.send(['no', 'yes']);
      await pub.send(['yes', '', 'no', '']);
      await pub.send(['', 'yes']);
      const got = await collect(pub, sub);
      assert.deepEqual(got.map(text), [['yes', '', 'no', '']]);
    });

    it('delivers once where prefixes overlap', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const sub = s.open(zmq.Subscriber);
      sub.subscribe('a', 'ab', 'abc', 'ab');
      await link(transport, pub, sub);
      await subscribed(pub, sub);
      await pub.send('abcd');
      assert.deepEqual(heads(await collect(pub, sub)), ['abcd']);
      sub.unsubscribe('abc', 'ab', 'ab');
      await subscribed(pub, sub);
      await pub.send('abcd');
      assert.deepEqual(heads(await collect(pub, sub)), ['abcd']);
    });

    it('counts subscriptions: twice subscribed needs twice unsubscribed', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const sub = s.open(zmq.Subscriber);
      sub.subscribe('x');
      await link(transport, pub, sub);
      sub.subscribe('x');
      await subscribed(pub, sub);
      sub.unsubscribe('x');
      await subscribed(pub, sub);
      await pub.send('x1');
      assert.deepEqual(heads(await collect(pub, sub)), ['x1']);
      sub.unsubscribe('x');
      await subscribed(pub, sub);
      await pub.send('x2');
      assert.deepEqual(heads(await collect(pub, sub)), []);
    });

    it('ignores an unsubscribe of what was never subscribed', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const sub = s.open(zmq.Subscriber);
      await link(transport, pub, sub);
      sub.subscribe('abc');
      sub.unsubscribe('ab', 'abcd', 'zzz');
      await subscribed(pub, sub);
      for (const topic of ['ab', 'abc', 'abcd']) await pub.send(topic);
      assert.deepEqual(heads(await collect(pub, sub)), ['abc', 'abcd']);
    });

    it('counts what was subscribed before the connection, and changes after it', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const sub = s.open(zmq.Subscriber);
      sub.subscribe('before', 'withdrawn');
      sub.unsubscribe('withdrawn');
      await link(transport, pub, sub);
      sub.subscribe('after');
      await subscribed(pub, sub);
      for (const topic of ['withdrawn', 'before', 'after']) await pub.send(topic);
      assert.deepEqual(heads(await collect(pub, sub)), ['before', 'after']);
    });

    it('knows its subscriptions when the publisher binds later', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const sub = s.open(zmq.Subscriber);
      const endpoint = await transport.fixed();
      sub.connect(endpoint);
      sub.subscribe('early');
      await pub.bind(endpoint);
      await ready(pub, transport);
      await subscribed(pub, sub);
      await pub.send('late');
      await pub.send('early bird');
      assert.deepEqual(heads(await collect(pub, sub)), ['early bird']);
    });

    it('takes any octets as a prefix, also many', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const sub = s.open(zmq.Subscriber);
      const binary = Buffer.from([0, 255, 128, 0]);
      const long = Buffer.alloc(1000, 'long');
      sub.subscribe(binary, long);
      await link(transport, pub, sub);
      await subscribed(pub, sub);
      await pub.send(binary.subarray(0, 3));
      await pub.send(Buffer.concat([binary, Buffer.from('!')]));
      await pub.send(long.subarray(0, 999));
      await pub.send(Buffer.concat([long, Buffer.from('!')]));
      const got = await collect(pub, sub);
      assert.deepEqual(
        got.map((parts) => parts[0]?.length),
        [5, 1001],
      );
    });

    it('keeps the subscribers apart', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      const subs = ['a', 'b', 'c'].map((prefix) => {
        const sub = s.open(zmq.Subscriber);
        sub.subscribe(prefix);
        return sub;
      });
      await link(transport, pub, ...subs);
      for (const sub of subs) await subscribed(pub, sub);
      for (const topic of ['a1', 'b1', 'c1', 'a2', 'b2', 'c2']) await pub.send(topic);
      for (const [index, sub] of subs.entries()) {
        const letter = 'abc'[index] as string;
        assert.deepEqual(heads(await collect(pub, sub)), [`${letter}1`, `${letter}2`]);
      }
    });

    it('subscribes at every publisher that it connects to', async (t) => {
      const s = scope(t, transport);
      const pubs = [s.open(zmq.Publisher), s.open(zmq.Publisher)];
      const sub = s.open(zmq.Subscriber);
      sub.subscribe('x');
      for (const pub of pubs) sub.connect(await bindTo(pub, transport));
      for (const pub of pubs) await subscribed(pub, sub);
      await pubs[0]?.send('x0');
      await pubs[1]?.send('x1');
      const got = [...(await sub.receive()), ...(await sub.receive())];
      assert.deepEqual(text(got).sort(), ['x0', 'x1']);
    });

    it('sends to nobody without waiting', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher, { sendTimeout: 0 });
      await pub.send('nobody is bound or connected');
      await bindTo(pub, transport);
      for (let index = 0; index < 5000; index += 1) await pub.send('nobody listens');
      assert.equal(pub.writable, true);
    });

    it('inverted: sends to those that did not ask', async (t) => {
      const s = scope(t, transport);
      const xpub = s.open(zmq.XPublisher, { invertMatching: true });
      const sub = s.open(zmq.Subscriber, { invertMatching: true });
      await link(transport, xpub, sub);
      sub.subscribe('secret');
      assert.deepEqual(text(await xpub.receive()), ['\u0001secret']);
      for (const topic of ['public', 'secret plan', 'also public']) await xpub.send(topic);
      assert.deepEqual(heads([await sub.receive(), await sub.receive()]), ['public', 'also public']);
    });
  });
}
