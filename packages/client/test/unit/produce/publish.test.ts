/** Publishing, as an application sees it, against a node in memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientError } from '../../../src/errors.ts';
import { start, until, wait } from '../../support/start.ts';

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

  it('sends what is published in one turn together, and a lone record at once', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    const runs = (): number => node.seen.filter(({ type }) => type === 'PUBLISH').length;
    await Promise.all(Array.from({ length: 100 }, (_, i) => stream.publish(String(i))));
    assert.equal(runs(), 1);
    await stream.publish('alone');
    assert.equal(runs(), 2);
    await client.close();
  });

  it('writes keys, texts and frames as a run has them', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    await stream.publish('hi', { key: 'line-2' });
    await stream.publish(['ä', Buffer.from([0]), ''], { key: Buffer.from([255]) });
    await stream.publish('x'.repeat(256), { key: '' });
    const records = node.stream('telemetry').records.map(({ bytes }) => bytes.toString('hex'));
    assert.deepEqual(records, [
      '01066c696e652d3200026869',
      `0101ff0102c3a40101000000`,
      `0100020000000000000100${'78'.repeat(256)}`,
    ]);
    await client.close();
  });

  it('keeps streams apart', async () => {
    const { client, node } = await start();
    const both = ['telemetry', 'orders'].map((name) => client.stream(name).publish(name));
    assert.deepEqual(await Promise.all(both), [{ sequence: 1 }, { sequence: 1 }]);
    assert.deepEqual([node.bodies('telemetry'), node.bodies('orders')], [['telemetry'], ['orders']]);
    assert.equal(client.stream('orders'), client.stream('orders'));
    await client.close();
  });

  it('goes on with the numbers of a former life', async () => {
    const { client, node, another } = await start();
    await client.stream('telemetry').publish('a');
    await client.close();
    const next = await another({ name: 'press-4' });
    assert.deepEqual(await next.stream('telemetry').publish('b'), { sequence: 2 });
    assert.deepEqual(
      node.stream('telemetry').records.map(({ number }) => number),
      [1, 2],
    );
    await next.close();
  });

  it('says null for what was stored before the connection was lost', async () => {
    const { client, node, network } = await start();
    const stream = client.stream('telemetry');
    await stream.publish('a');
    node.commitsAtOnce = false;
    const published = stream.publish('b');
    await wait(() => node.bodies('telemetry').length === 2);
    network.cut();
    node.commitsAtOnce = true;
    assert.deepEqual(await published, { sequence: null });
    assert.deepEqual(node.bodies('telemetry'), ['a', 'b']);
    await client.close();
  });

  it('begins anew with a stream that has lost its records', async () => {
    const { client, node, network } = await start();
    const stream = client.stream('telemetry');
    await Promise.all(['a', 'b', 'c'].map((body) => stream.publish(body)));
    const telemetry = node.stream('telemetry');
    telemetry.records = [];
    telemetry.committed = 0;
    network.crash();
    assert.deepEqual(await stream.publish('d'), { sequence: 1 });
    await client.close();
  });

  it('takes other numbers when its own are taken', async () => {
    const { client, node, network } = await start();
    const stream = client.stream('telemetry');
    await stream.publish('a');
    const bytes = Buffer.from('000178', 'hex');
    for (const number of [2, 3]) {
      node.stream('telemetry').records.push({ producer: 'press-4', number, timestamp: 0, bytes });
    }
    network.cut();
    await stream.publish('b');
    assert.deepEqual(node.bodies('telemetry'), ['a', 'x', 'x', 'b']);
    await client.close();
  });
});

describe('what is refused', () => {
  it('rejects for a stream that the node does not have, and tries again with the next record', async () => {
    const { client, node } = await start();
    const stream = client.stream('nowhere');
    const results = await Promise.allSettled([stream.publish('a'), stream.publish('b')]);
    for (const result of results) {
      assert.ok(result.status === 'rejected');
      assert.equal(result.reason.code, 'ERR_STREAM_UNKNOWN');
      assert.equal(result.reason.stream, 'nowhere');
    }
    await assert.rejects(stream.publish('c'), { code: 'ERR_STREAM_UNKNOWN' });
    assert.equal(node.seen.filter(({ type }) => type === 'OPEN').length, 2);
    await client.close();
  });

  it('leaves the number of a run that is refused for good to the next one', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    await stream.publish('opens the stream');
    let bad = 1;
    node.refuse = () => (bad-- > 0 ? { code: 'FROM_2030', message: 'no', retry: false, delay: 0 } : null);
    const first = stream.publish('bad');
    await new Promise(process.nextTick);
    const second = stream.publish('good');
    await assert.rejects(first, { code: 'ERR_REFUSED', message: 'FROM_2030: no' });
    assert.deepEqual(await second, { sequence: 2 });
    assert.equal(node.stream('telemetry').records[1]?.number, 2);
    await client.close();
  });

  it('waits while the node takes nothing, and says so', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    const states = client.states();
    let refusals = 3;
    node.refuse = () =>
      refusals-- > 0 ? { code: 'STREAM_FAILED', message: 'disk full', retry: true, delay: 1 } : null;
    const all = Promise.all(['a', 'b', 'c'].map((body) => stream.publish(body)));
    const blocked = await until(states, 'blocked');
    assert.deepEqual(
      [blocked.stream, blocked.code, blocked.message],
      ['telemetry', 'STREAM_FAILED', 'disk full'],
    );
    await all;
    assert.deepEqual(node.bodies('telemetry'), ['a', 'b', 'c']);
    const seen: string[] = [];
    const later = client.states();
    await client.close();
    for await (const { type } of later) seen.push(type);
    assert.deepEqual(seen, ['connected', 'closed']);
  });

  it('reports the end of a block', async () => {
    const { client, node } = await start();
    const states = client.states();
    let refusals = 1;
    node.refuse = () =>
      refusals-- > 0 ? { code: 'STREAM_FAILED', message: '', retry: true, delay: 0 } : null;
    await client.stream('telemetry').publish('a');
    await client.close();
    const seen: string[] = [];
    for await (const { type } of states) seen.push(type);
    assert.deepEqual(seen, ['connected', 'blocked', 'unblocked', 'closed']);
  });

  it('rejects what is no record', async () => {
    const { client } = await start();
    const stream = client.stream('telemetry');
    for (const body of [[], null, undefined, 7, ['a', null], { length: 1 }]) {
      await assert.rejects(stream.publish(body as never), { code: 'ERR_RECORD_INVALID' });
    }
    await assert.rejects(stream.publish('a', { key: 7 as never }), { code: 'ERR_RECORD_INVALID' });
    await client.close();
  });

  it('rejects a record that the node would not take', async () => {
    const { client } = await start({}, (node) => {
      node.welcome = { ...node.welcome, maxMessageSize: 1000 };
    });
    const stream = client.stream('telemetry');
    await assert.rejects(stream.publish(Buffer.alloc(1000)), {
      code: 'ERR_RECORD_INVALID',
      stream: 'telemetry',
    });
    await stream.publish(Buffer.alloc(700));
    await client.close();
  });

  it('rejects what a node with another limit can not take, and goes on', async () => {
    const { client, node, network } = await start();
    const stream = client.stream('telemetry');
    network.down = true;
    network.cut();
    const large = stream.publish(Buffer.alloc(100_000));
    const small = stream.publish('a');
    node.welcome = { ...node.welcome, maxMessageSize: 1000 };
    network.down = false;
    await assert.rejects(large, { code: 'ERR_RECORD_INVALID' });
    assert.deepEqual(await small, { sequence: 1 });
    await client.close();
  });

  it('flushes when all that was left is what a node with another limit can not take', async () => {
    const { client, node, network } = await start();
    const stream = client.stream('telemetry');
    network.down = true;
    network.cut();
    const large = assert.rejects(stream.publish(Buffer.alloc(100_000)), { code: 'ERR_RECORD_INVALID' });
    const flushed = assert.rejects(stream.flush(), { code: 'ERR_RECORD_INVALID' });
    node.welcome = { ...node.welcome, maxMessageSize: 1000 };
    network.down = false;
    await large;
    await flushed;
    await client.close();
  });
});

describe('backpressure', () => {
  const small = { maxQueuedBytes: 1000 };

  it('lets no more on the way than the window', async () => {
    const { client, node } = await start({}, (model) => {
      model.welcome = { ...model.welcome, window: 1000 };
      model.commitsAtOnce = false;
    });
    const stream = client.stream('telemetry');
    let octets = 0;
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) {
      all.push(stream.publish(Buffer.alloc(98)));
      await new Promise(process.nextTick);
    }
    while (node.bodies('telemetry').length < 100) {
      const before = octets;
      octets = node.bodies('telemetry').length * 100;
      assert.ok(octets - before <= 1000, `${octets - before} octets were not answered`);
      await wait(() => node.bodies('telemetry').length * 100 > octets || octets === 10_000);
      node.commit();
    }
    node.commit();
    await Promise.all(all);
    await client.close();
  });

  it('rejects beyond the window and the queue, and says when there is room', async () => {
    const { client, node } = await start(small, (model) => {
      model.welcome = { ...model.welcome, window: 1000 };
      model.commitsAtOnce = false;
    });
    const stream = client.stream('telemetry');
    await stream.waitWritable();
    const taken: Promise<unknown>[] = [];
    let busy: ClientError | null = null;
    while (busy === null) {
      const published = stream.publish(Buffer.alloc(98));
      const refused = await Promise.race([
        published.catch((error: unknown) => error),
        new Promise(setImmediate),
      ]);
      if (refused instanceof ClientError) busy = refused;
      else taken.push(published);
    }
    assert.equal(busy.code, 'ERR_BUSY');
    assert.ok(taken.length > 5 && taken.length < 20, String(taken.length));
    let writable = false;
    const room = stream.waitWritable().then(() => {
      writable = true;
    });
    await new Promise(setImmediate);
    assert.equal(writable, false);
    node.commitsAtOnce = true;
    node.commit();
    await room;
    await Promise.all(taken);
    await assert.rejects(stream.flush(), { code: 'ERR_BUSY' });
    await stream.flush();
    await client.close();
  });

  it('takes a record that is larger than the window when nothing else is on the way', async () => {
    const { client } = await start({}, (node) => {
      node.welcome = { ...node.welcome, window: 10 };
    });
    const stream = client.stream('telemetry');
    await Promise.all([stream.publish(Buffer.alloc(50_000)), stream.publish(Buffer.alloc(50_000))]);
    await client.close();
  });
});

describe('flush', () => {
  it('resolves when everything is answered, and throws what nobody looked at', async () => {
    const { client, node } = await start({}, (model) => {
      model.commitsAtOnce = false;
    });
    const stream = client.stream('telemetry');
    await stream.flush();
    void stream.publish('a');
    let flushed = false;
    const flush = stream.flush().then(() => {
      flushed = true;
    });
    await wait(() => node.bodies('telemetry').length === 1);
    assert.equal(flushed, false);
    node.commit();
    await flush;
    void client.stream('nowhere').publish('b');
    await assert.rejects(client.stream('nowhere').flush(), { code: 'ERR_STREAM_UNKNOWN' });
    await client.close();
  });
});

describe('publishTimeout', () => {
  it('rejects the promise; the record is stored all the same', async (t) => {
    // Time passes for the first record only: the second is answered however long that takes here.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { client, node } = await start({ publishTimeout: 5 }, (model) => {
      model.commitsAtOnce = false;
    });
    const stream = client.stream('telemetry');
    let late: unknown = null;
    stream.publish('a').catch((error: unknown) => {
      late = error;
    });
    while (late === null) {
      t.mock.timers.tick(1);
      await new Promise(setImmediate);
    }
    assert.equal((late as ClientError).code, 'ERR_TIMEOUT');
    node.commitsAtOnce = true;
    node.commit();
    assert.deepEqual(await stream.publish('b'), { sequence: 2 });
    assert.deepEqual(node.bodies('telemetry'), ['a', 'b']);
    await client.close();
  });
});
