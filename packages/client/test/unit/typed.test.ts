import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { json } from '../../src/codec/json.ts';
import type { ClientError } from '../../src/errors.ts';
import { start } from '../support/start.ts';

const Order = v.object({ id: v.number() });
const codec = json({ schema: Order });

describe('a stream with a codec', () => {
  it('publishes values and hands them out', async () => {
    const { client } = await start();
    const orders = client.stream('orders', { codec });
    await orders.publish({ id: 1 }, { key: 'k' });
    for await (const record of orders.consume({ group: 'g', from: 'first' })) {
      const value: { id: number } = record.value;
      assert.deepEqual(value, { id: 1 });
      assert.equal(record.value, value);
      assert.deepEqual(
        [record.sequence, record.key, record.body.toString(), record.frames.length],
        [1, 'k', '{"id":1}', 2],
      );
      record.ack();
      break;
    }
  });

  it('is told where the codec stands in the place of the options', async () => {
    const { client } = await start();
    for (const wrong of [codec, {}, { codec: {} }, null]) {
      assert.throws(() => client.stream('orders', wrong as unknown as { codec: typeof codec }), {
        code: 'ERR_OPTION',
        message: /stream\(name, \{ codec: json\(\) \}\)/,
      });
    }
  });

  it('rejects what does not fit, and stores none of it', async () => {
    const { client } = await start();
    const orders = client.stream('orders', { codec });
    // @ts-expect-error The schema says what may be published.
    await assert.rejects(orders.publish({ id: 'one' }), { code: 'ERR_SCHEMA' });
    const { sequence } = await orders.publish({ id: 2 });
    assert.equal(sequence, 1);
  });

  it('goes on after a record that is none', async () => {
    const { client } = await start();
    const raw = client.stream('orders');
    for (const body of ['{', '{"id":"x"}', '{"id":3}']) await raw.publish(body);
    const seen: unknown[] = [];
    for await (const record of client.stream('orders', { codec }).consume({ group: 'g', from: 'first' })) {
      try {
        seen.push(record.value);
      } catch (error) {
        seen.push((error as ClientError).code);
      }
      record.ack();
      if (record.sequence === 3) break;
    }
    assert.deepEqual(seen, ['ERR_DECODE', 'ERR_SCHEMA', { id: 3 }]);
  });

  it('is not what the plain one is', async () => {
    const { client } = await start();
    assert.equal(client.stream('orders'), client.stream('orders'));
    const record = await client.stream('orders').publish('x');
    assert.equal(record.sequence, 1);
  });
});
