/** PAIR, RFC 31: one peer at a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { text } from '../support/payload.ts';
import { left, link, ready, scope } from '../support/scope.ts';
import { transports, wires } from '../support/transports.ts';

for (const transport of transports) {
  describe(`PAIR over ${transport.name}`, { timeout: 30_000 }, () => {
    it('talks in both directions at once', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      await link(transport, one, two);
      const talk = async (pair: zmq.Pair): Promise<string[]> => {
        for (let index = 0; index < 300; index += 1) await pair.send(['n', String(index)]);
        const got: string[] = [];
        while (got.length < 300) got.push(...text((await pair.receive()).slice(1)));
        return got;
      };
      const expected = Array.from({ length: 300 }, (_, index) => String(index));
      assert.deepEqual(await Promise.all([talk(one), talk(two)]), [expected, expected]);
    });

    it('waits for its peer', async (t) => {
      const s = scope(t, transport);
      const pair = s.open(zmq.Pair, { sendTimeout: 5 });
      await assert.rejects(pair.send('alone'), { code: 'EAGAIN' });
      assert.equal(pair.writable, false);
    });

    it('keeps what was sent between connect and bind', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      const endpoint = await transport.fixed();
      one.connect(endpoint);
      await one.send('early');
      await two.bind(endpoint);
      await two.send('reply');
      assert.deepEqual(text(await two.receive()), ['early']);
      assert.deepEqual(text(await one.receive()), ['reply']);
    });
  });
}

for (const transport of wires) {
  describe(`PAIR over ${transport.name}, a third party`, { timeout: 30_000 }, () => {
    it('has no ear for a second peer while it has one', async (t) => {
      const s = scope(t, transport);
      const [one, two, third] = [s.open(zmq.Pair), s.open(zmq.Pair), s.open(zmq.Pair, { sendTimeout: 0 })];
      const endpoint = await link(transport, one, two);
      third.connect(endpoint);
      await third.send('intruder');
      for (let index = 0; index < 20; index += 1) {
        await two.send(`two ${index}`);
        assert.deepEqual(text(await one.receive()), [`two ${index}`]);
        await one.send(`one ${index}`);
        assert.deepEqual(text(await two.receive()), [`one ${index}`]);
      }
    });

    it('takes a new peer when the first one is gone', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      const endpoint = await link(transport, one, two);
      await two.send('last words');
      assert.deepEqual(text(await one.receive()), ['last words']);
      two.close();
      // Until the first peer is known to be gone, newcomers are turned away, with what they sent.
      await left(one, transport, 0);
      const next = s.open(zmq.Pair);
      next.connect(endpoint);
      await next.send('first words');
      assert.deepEqual(text(await one.receive()), ['first words']);
      await ready(one, transport);
      await one.send('welcome');
      assert.deepEqual(text(await next.receive()), ['welcome']);
    });
  });
}
