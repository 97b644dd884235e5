/** The client against a node in memory: what an application sees. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Client, connectThrough } from '../../src/client.ts';
import type { StreamRecord } from '../../src/consume/record.ts';
import type { ConnectOptions } from '../../src/options.ts';
import { Network } from '../support/memory-link.ts';
import { ModelNode } from '../support/model-node.ts';

const ENDPOINT = 'tcp://127.0.0.1:5550';
const FAST = { reconnect: { initial: 1, max: 1 } };

async function start(
  options: ConnectOptions = {},
  ...streams: string[]
): Promise<{ node: ModelNode; network: Network; client: Client }> {
  const node = new ModelNode(...(streams.length > 0 ? streams : ['telemetry']));
  const network = new Network(node);
  const client = await connectThrough(network.dial, ENDPOINT, { name: 'press-4', ...FAST, ...options });
  return { node, network, client };
}

async function take(records: AsyncIterable<StreamRecord>, count: number): Promise<StreamRecord[]> {
  const list: StreamRecord[] = [];
  for await (const record of records) {
    list.push(record);
    record.ack();
    if (list.length === count) break;
  }
  return list;
}

describe('publish', () => {
  it('tells the sequence', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    assert.deepEqual(await stream.publish('a'), { sequence: 1 });
    const rest = await Promise.all([stream.publish('b'), stream.publish('c')]);
    assert.deepEqual(rest, [{ sequence: 2 }, { sequence: 3 }]);
    assert.deepEqual(node.bodies('telemetry'), ['a', 'b', 'c']);
    await client.close();
  });

  it('sends what is published in one turn together', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    await Promise.all(Array.from({ length: 100 }, (_, i) => stream.publish(String(i))));
    assert.equal(node.seen.filter(({ type }) => type === 'PUBLISH').length, 1);
    await client.close();
  });
});

describe('consume', () => {
  it('gives records with key, body, frames and time', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    await stream.publish(['x', Buffer.from('hi')], { key: 'line-2' });
    const [record] = await take(stream.consume({ group: 'db', from: 'first' }), 1);
    assert.equal(record?.sequence, 1);
    assert.equal(record?.key, 'line-2');
    assert.equal(record?.body.toString(), 'hi');
    assert.deepEqual(record?.frames.map(String), ['line-2', 'x', 'hi']);
    assert.equal(record?.timestamp, node.stream('telemetry').records[0]?.timestamp);
    assert.equal(record?.deliveries, 1);
    assert.equal(record?.missed, 0);
    await client.close();
  });

  it('goes on after the last acknowledged record', async () => {
    const { client } = await start();
    const stream = client.stream('telemetry');
    for (let i = 1; i <= 10; i++) void stream.publish(String(i));
    await stream.flush();
    const first = await take(stream.consume({ group: 'db', from: 'first' }), 4);
    const then = await take(stream.consume({ group: 'db', from: 'first' }), 6);
    assert.deepEqual(
      [...first, ...then].map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    await client.close();
  });
});
