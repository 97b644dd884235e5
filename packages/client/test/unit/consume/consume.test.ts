/** Consuming, as an application sees it, against a node in memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Client } from '../../../src/client.ts';
import type { ModelNode } from '../../support/model-node.ts';
import { start, take, text, wait } from '../../support/start.ts';

async function fill(client: Client, count: number): Promise<void> {
  const stream = client.stream('telemetry');
  await Promise.all(Array.from({ length: count }, (_, i) => stream.publish(String(i + 1))));
}

function ranges(node: ModelNode): string[] {
  return node.seen.flatMap((message) =>
    message.type === 'ACK' ? [message.ranges.map(({ first, last }) => `${first}-${last}`).join()] : [],
  );
}

const GROUP = { group: 'db', from: 'first' } as const;

describe('consume', () => {
  it('gives records with key, body, frames and time', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    await stream.publish(['x', Buffer.from('hi')], { key: 'line-2' });
    await stream.publish('alone');
    const [record, alone] = await take(stream.consume(GROUP), 2);
    assert.equal(record?.sequence, 1);
    assert.equal(record.key, 'line-2');
    assert.equal(record.body.toString(), 'hi');
    assert.deepEqual(record.frames.map(String), ['line-2', 'x', 'hi']);
    assert.equal(record.timestamp, node.stream('telemetry').records[0]?.timestamp);
    assert.equal(record.deliveries, 1);
    assert.equal(record.missed, 0);
    assert.deepEqual([alone?.key, alone?.body.toString(), alone?.frames.length], ['', 'alone', 1]);
    await client.close();
  });

  it('live acknowledges what was asked for at once, several at a time', async () => {
    const { client, node } = await start();
    await fill(client, 12);
    const live = client.stream('telemetry').consume({ live: true, from: 'first', credit: 4 });
    const seen: number[] = [];
    for (let round = 0; round < 4; round++) {
      const three = [live.next(), live.next(), live.next()];
      for (const { value } of await Promise.all(three)) seen.push(value!.sequence);
    }
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert.ok(node.seen.some(({ type }) => type === 'ACK'));
    await client.close();
  });

  it('goes on after the last acknowledged record of the group', async () => {
    const { client } = await start();
    await fill(client, 10);
    const stream = client.stream('telemetry');
    const first = await take(stream.consume(GROUP), 4);
    const then = await take(stream.consume(GROUP), 6);
    assert.deepEqual(
      [...first, ...then].map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    await client.close();
  });

  it('begins where it is told to', async () => {
    const { client, node } = await start();
    await fill(client, 5);
    const stream = client.stream('telemetry');
    const time = node.stream('telemetry').records[3]!.timestamp;
    const first = async (from: Parameters<typeof stream.consume>[0]): Promise<string> =>
      text((await take(stream.consume(from), 1))[0]!);
    assert.equal(await first({ from: 'first' }), '1');
    assert.equal(await first({ from: 'last' }), '5');
    assert.equal(await first({ from: { sequence: 3 } }), '3');
    assert.equal(await first({ from: { time } }), '4');
    assert.equal(await first({ from: { time: new Date(time) } }), '4');
    const fresh = stream.consume();
    await fresh.ready();
    void stream.publish('6');
    assert.equal(text((await take(fresh, 1))[0]!), '6');
    await client.close();
  });

  it('takes what the filter lets through', async () => {
    const { client } = await start();
    const stream = client.stream('telemetry');
    for (const key of ['a1', 'b1', 'a2', 'b2']) void stream.publish('x', { key });
    const records = await take(stream.consume({ ...GROUP, filter: 'b' }), 2);
    assert.deepEqual(
      records.map(({ key }) => key),
      ['b1', 'b2'],
    );
    await client.close();
  });

  it('acknowledges in ranges: at the end of a turn, or with a quarter of the credit', async () => {
    const { client, node } = await start();
    await fill(client, 8);
    await take(client.stream('telemetry').consume({ ...GROUP, credit: 100 }), 8);
    assert.deepEqual(ranges(node), ['1-8']);
    await fill(client, 8);
    await take(client.stream('telemetry').consume({ ...GROUP, credit: 16 }), 8);
    assert.deepEqual(ranges(node).slice(1), ['9-12', '13-16']);
    await client.close();
  });

  it('counts only the first ack or nack of a record', async () => {
    const { client, node } = await start();
    await fill(client, 1);
    const consumer = client.stream('telemetry').consume(GROUP);
    const { value } = await consumer.next();
    value?.ack();
    value?.ack();
    value?.nack();
    await consumer.close();
    assert.deepEqual(ranges(node), ['1-1']);
    assert.equal(node.seen.filter(({ type }) => type === 'NACK').length, 0);
    await client.close();
  });

  it('is given again what it gave back', async () => {
    const { client, node } = await start();
    await fill(client, 1);
    const consumer = client.stream('telemetry').consume(GROUP);
    const { value } = await consumer.next();
    assert.throws(() => value?.nack({ delay: -1 }), { code: 'ERR_OPTION' });
    value?.nack({ delay: 1000 });
    const again = await consumer.next();
    assert.deepEqual([again.value?.sequence, again.value?.deliveries], [1, 2]);
    const nack = node.seen.find(({ type }) => type === 'NACK');
    assert.ok(nack?.type === 'NACK' && nack.delay === 1000);
    await client.close();
  });

  it('is given again what it did not acknowledge in time', async () => {
    const { client, node } = await start();
    await fill(client, 1);
    const consumer = client.stream('telemetry').consume(GROUP);
    await consumer.next();
    const again = consumer.next();
    node.expire('telemetry');
    const { value } = await again;
    assert.deepEqual([value?.sequence, value?.deliveries], [1, 2]);
    await client.close();
  });

  it('tells how many records are missing before one', async () => {
    const { client, node } = await start();
    await fill(client, 5);
    node.purge('telemetry', 4);
    const records = await take(client.stream('telemetry').consume({ from: { sequence: 1 } }), 2);
    assert.deepEqual(
      records.map(({ sequence, missed }) => [sequence, missed]),
      [
        [4, 3],
        [5, 0],
      ],
    );
    await client.close();
  });

  it('follows a stream that began anew', async () => {
    const { client, node, network } = await start();
    await fill(client, 5);
    const consumer = client.stream('telemetry').consume({ from: 'first' });
    for (let i = 0; i < 5; i++) (await consumer.next()).value?.ack();
    const stream = node.stream('telemetry');
    stream.records = [];
    stream.committed = 0;
    network.crash();
    await fill(client, 3);
    const seen: number[] = [];
    for (let i = 0; i < 3; i++) seen.push((await consumer.next()).value?.sequence ?? 0);
    assert.deepEqual(seen, [1, 2, 3]);
    await client.close();
  });
});

describe('the end of a loop', () => {
  it('gives back what was not acknowledged', async () => {
    const { client, another } = await start();
    await fill(client, 10);
    const other = await another({ name: 'other' });
    for await (const record of client.stream('telemetry').consume(GROUP)) {
      if (record.sequence === 3) break;
      record.ack();
    }
    const records = await take(other.stream('telemetry').consume(GROUP), 8);
    assert.deepEqual(
      records.map(({ sequence }) => sequence),
      [3, 4, 5, 6, 7, 8, 9, 10],
    );
    await client.close();
    await other.close();
  });

  it('comes with the signal, with close, and with the end of the client', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    const controller = new AbortController();
    const ends = [
      stream.consume({ signal: controller.signal }).next(),
      stream.consume({ signal: AbortSignal.abort() }).next(),
    ];
    controller.abort();
    const closed = stream.consume();
    ends.push(closed.next());
    await closed.close();
    await closed.close();
    ends.push(closed.next());
    const last = stream.consume();
    ends.push(last.next());
    await wait(() => node.seen.filter(({ type }) => type === 'CONSUME').length === 4);
    await client.close();
    for (const end of await Promise.all(ends)) assert.equal(end.done, true);
    assert.throws(() => stream.consume(), { code: 'ERR_CLOSED' });
    await assert.rejects(last.ready(), { code: 'ERR_CLOSED' });
  });

  it('throws what the node says, once', async () => {
    const { client } = await start();
    const consumer = client.stream('nowhere').consume();
    await assert.rejects(consumer.ready(), { code: 'ERR_STREAM_UNKNOWN' });
    await assert.rejects(consumer.next(), { code: 'ERR_STREAM_UNKNOWN', stream: 'nowhere' });
    assert.equal((await consumer.next()).done, true);
    await client.close();
  });

  it('is told to the node after a reconnect, if it came while there was none', async () => {
    const { client, node, network } = await start();
    await fill(client, 1);
    const consumer = client.stream('telemetry').consume(GROUP);
    await consumer.next();
    network.down = true;
    network.cut();
    await consumer.close();
    network.down = false;
    await wait(() => node.seen.some(({ type }) => type === 'CANCEL'));
    assert.equal(node.seen.filter(({ type }) => type === 'CONSUME').length, 1);
    await client.close();
  });
});

describe('live', () => {
  it('acknowledges by itself, and meets the present without a gap', async () => {
    const { client, node, network } = await start();
    await fill(client, 50);
    const stream = client.stream('telemetry');
    const seen: string[] = [];
    for await (const record of stream.consume({ live: true, from: 'first', credit: 10 })) {
      seen.push(text(record));
      if (seen.length === 30) network.cut();
      if (seen.length < 50) void stream.publish(String(50 + seen.length));
      if (seen.length === 99) break;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 99 }, (_, i) => String(i + 1)),
    );
    assert.ok(ranges(node).length > 0);
    await client.close();
  });
});

describe('options of consume', () => {
  it('are checked', async () => {
    const { client } = await start();
    const stream = client.stream('telemetry');
    for (const options of [
      { strategy: 'group' },
      { strategy: 'sharded' },
      { strategy: 'all', group: 'g' },
      { live: true, strategy: 'group', group: 'g' },
      { group: 'a b' },
      { from: 'middle' },
      { from: { sequence: 0 } },
      { from: { time: new Date(Number.NaN) } },
      { credit: 0 },
      { ackTimeout: -1 },
      { maxDeliveries: 1.5 },
      { deadLetter: '' },
    ]) {
      assert.throws(() => stream.consume(options as never), { code: 'ERR_OPTION' }, JSON.stringify(options));
    }
    await client.close();
  });
});
