import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeMessage } from '@zeroth/client/wire';
import { Consumer } from '../../../src/session/consumer.ts';
import { type Outlet, Session } from '../../../src/session/session.ts';
import { Traces } from '../../../src/session/traces.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { type Delivered, type RawClient, recordsOf } from '../../support/session-client.ts';
import { sessions } from '../../support/session-server.ts';

const sequences = (records: readonly Delivered[]): number[] => records.map(({ sequence }) => sequence);
const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Publishes records whose body is their sequence, and whose key is given. */
async function fill(client: RawClient, count: number, key?: (sequence: number) => string): Promise<void> {
  const last = await client.open('t');
  const records = upTo(last + count, last + 1).map((at) =>
    key === undefined ? [`${at}`] : [key(at), `${at}`],
  );
  await client.publish('t', last + 1, records);
  for (let stored = last; stored < last + count; )
    stored = (await client.next('STORED')).receipts.at(-1)!.last;
}

const placeOf = (store: MemoryStore, name: string) => {
  const bytes = store.get('t')!.get(name);
  return bytes === null ? null : JSON.parse(Buffer.from(bytes).toString());
};

describe('consuming', () => {
  it('delivers as they lie in the stream, then what comes', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    await fill(a, 3, (at) => `k${at}`);
    assert.equal(await a.consume(7, { stream: 't' }), 1);
    const { consumer, chunks } = await a.next('RECORDS');
    assert.equal(consumer, 7);
    assert.equal(chunks.length, 1, 'one slice');
    assert.deepEqual([chunks[0]!.sequence, chunks[0]!.timestamp, chunks[0]!.deliveries], [1, 1001, 1]);
    await fill(a, 2);
    const later = await a.records(2);
    assert.deepEqual(later[1], { sequence: 5, timestamp: 1004, deliveries: 1, frames: ['5'] });
  });

  it('waits for reads that take a while', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    stream.slow = true;
    await fill(a, 10);
    await a.consume(1, { stream: 't', credit: 4 });
    assert.deepEqual(sequences(await a.records(4)), upTo(4));
    await a.ack(1, 1, 4);
    assert.deepEqual(sequences(await a.records(4)), upTo(8, 5));
    await fill(a, 5);
    await a.ack(1, 5, 8);
    assert.deepEqual(sequences(await a.records(4)), upTo(12, 9));
  });

  it('sends no more than the credit, and more with each acknowledgement', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    await fill(a, 10);
    await a.consume(1, { stream: 't', credit: 3 });
    assert.deepEqual(sequences(await a.records(3)), [1, 2, 3]);
    assert.deepEqual(await a.settled(), []);
    await a.ack(1, 2);
    assert.deepEqual(sequences(await a.records(1)), [4]);
    await a.send({
      type: 'ACK',
      consumer: 1,
      ranges: [
        { first: 1, last: 1 },
        { first: 3, last: 4 },
      ],
    });
    assert.deepEqual(sequences(await a.records(3)), [5, 6, 7]);
  });

  it('has 8 MiB on the way at most, but one record always', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    const large = ['x'.repeat(3 * 1024 * 1024)];
    for (let first = 1; first <= 4; first++) {
      await a.publish('t', first, [large]);
      await a.next('STORED');
    }
    await a.publish('t', 5, [['x'.repeat(20 * 1024 * 1024)]]);
    await a.next('STORED');
    await a.consume(1, { stream: 't' });
    await a.records(3);
    assert.deepEqual(await a.settled(), []);
    await a.ack(1, 1);
    await a.records(1);
    await a.ack(1, 2, 4);
    assert.deepEqual(sequences(await a.records(1)), [5]);
  });

  it('begins where it is asked to', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    for (let i = 0; i < 5; i++) await fill(a, 2);
    const first = async (
      number: number,
      from: Parameters<RawClient['consume']>[1]['from'],
    ): Promise<number> => a.consume(number, { stream: 't', ...(from === undefined ? {} : { from }) });
    assert.equal(await first(1, 'first'), 1);
    assert.equal(await first(2, 'last'), 10);
    assert.equal(await first(3, 'new'), 11);
    assert.equal(await first(4, { sequence: 6 }), 6);
    assert.equal(await first(5, { sequence: 10_000 }), 11);
    assert.equal(await first(6, { time: 1006 }), 7, 'the batch that is not older');
    assert.equal(await first(7, { time: 9999 }), 11);
    await stream.purge(4);
    assert.equal(await first(8, 'first'), 4);
  });

  it('filters by the beginning of the first frame; what does not match counts as acknowledged', async (t) => {
    const { client, store, server } = await sessions(t);
    const a = await client('a');
    await fill(a, 10, (at) => (at % 3 === 0 ? `line-${at}` : 'other'));
    await a.consume(1, { stream: 't', group: 'g', strategy: 'group' }, 'line-');
    assert.deepEqual(sequences(await a.records(3)), [3, 6, 9]);
    assert.equal(server.status().groups[0]!.lag, 3);
    await a.ack(1, 3);
    await a.ack(1, 9);
    await a.send({ type: 'CANCEL', consumer: 1 });
    await a.next('ENDED');
    const { acknowledged, ranges } = placeOf(store, 'g');
    assert.deepEqual([acknowledged, ranges], [6, [[7, 10]]]);
  });

  it('forgets a consumer without a group, and keeps the place of one with', async (t) => {
    const { client, store } = await sessions(t);
    const a = await client('a');
    await fill(a, 4);
    await a.consume(1, { stream: 't' });
    await a.consume(2, { stream: 't', group: 'g' });
    await a.records(8);
    await a.ack(1, 1, 4);
    await a.ack(2, 1, 2);
    await a.send({ type: 'BYE', reason: '' });
    await a.hello();
    assert.deepEqual(store.get('t')!.names(), ['g@a']);
    assert.equal(placeOf(store, 'g@a').acknowledged, 3);
    assert.equal(
      await a.consume(2, { stream: 't', group: 'g', from: 'new' }),
      3,
      'its place counts, not `from`',
    );
    assert.deepEqual(sequences(await a.records(2)), [3, 4]);
  });

  it('shares a group among its members, few records too', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    const b = await client('b');
    for (const each of [a, b]) await each.consume(1, { stream: 't', strategy: 'group', group: 'g' });
    await fill(a, 2);
    const [one] = await a.records(1);
    const [two] = await b.records(1);
    assert.deepEqual([one!.sequence, two!.sequence].sort(), [1, 2]);
    await fill(a, 100);
    const got = [...(await a.records(50)), ...(await b.records(50))];
    assert.deepEqual(
      sequences(got).sort((x, y) => x - y),
      upTo(102, 3),
    );
  });

  it('gives what a member leaves to the others, before anything new and in order', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    const b = await client('b');
    await fill(a, 20);
    const request = { stream: 't', strategy: 'group', group: 'g', credit: 5 } as const;
    await a.consume(1, request);
    await b.consume(1, request);
    const [gone, kept] = [await a.records(5), await b.records(5)];
    await a.ack(1, gone[1]!.sequence);
    const [another] = await a.records(1);
    const left = sequences([...gone, another!]).filter((at) => at !== gone[1]!.sequence);
    await a.send({ type: 'BYE', reason: '' });
    await a.sendRaw(['PING', '']);
    await a.next('ERROR');
    await b.ack(1, kept[0]!.sequence, kept.at(-1)!.sequence);
    const again = await b.records(5);
    assert.deepEqual(sequences(again), left);
    assert.ok(again.every(({ deliveries }) => deliveries === 2));
    await b.ack(1, 1, 20);
    assert.deepEqual(sequences(await b.records(5)), upTo(16, 12));
  });

  it('delivers again what was not acknowledged in time', async (t) => {
    let now = 0;
    const { client } = await sessions(t, { now: () => now });
    const a = await client('a');
    await fill(a, 3);
    await a.consume(1, { stream: 't', ackTimeout: 60 });
    await a.records(3);
    await a.ack(1, 2);
    assert.deepEqual(await a.settled(), []);
    now = 60;
    const again = await a.records(2);
    assert.deepEqual(
      again.map(({ sequence, deliveries }) => [sequence, deliveries]),
      [
        [1, 2],
        [3, 2],
      ],
    );
    await a.ack(1, 1, 3);
    await fill(a, 1);
    assert.deepEqual(sequences(await a.records(1)), [4]);
  });

  it('delivers again what was refused, at once or later', async (t) => {
    let now = 0;
    const { client } = await sessions(t, { now: () => now });
    const a = await client('a');
    await fill(a, 2);
    await a.consume(1, { stream: 't' });
    await a.records(2);
    await a.nack(1, 1, 1, 40);
    await a.nack(1, 2);
    assert.deepEqual(
      (await a.records(1)).map(({ sequence, deliveries }) => [sequence, deliveries]),
      [[2, 2]],
    );
    assert.deepEqual(await a.settled(), []);
    now = 40;
    assert.deepEqual(
      (await a.records(1)).map(({ sequence, deliveries }) => [sequence, deliveries]),
      [[1, 2]],
    );
  });

  it('moves a record to the dead letters after so many deliveries', async (t) => {
    const { client, store } = await sessions(t);
    const a = await client('a');
    await fill(a, 3, () => 'key');
    const request = { stream: 't', strategy: 'group', group: 'db', maxDeliveries: 2 } as const;
    await a.consume(1, request);
    await a.records(3);
    await a.ack(1, 1);
    await a.ack(1, 3);
    await a.nack(1, 2);
    const [again] = await a.records(1);
    assert.deepEqual([again!.sequence, again!.deliveries], [2, 2]);
    await a.nack(1, 2);
    while (placeOf(store, 'db').acknowledged < 4) await a.settled();
    await a.consume(2, { stream: 't.dead' });
    const [dead] = await a.records(1);
    const [about, ...frames] = dead!.frames;
    assert.deepEqual(frames, ['key', '2']);
    assert.deepEqual(JSON.parse(about!), {
      stream: 't',
      group: 'db',
      sequence: 2,
      timestamp: 1001,
      deliveries: 2,
    });
  });

  it('a dead letter counts only when it is written; a dead-letter stream that does not write holds up nothing else', async (t) => {
    const { client, store, logged } = await sessions(t);
    const dead = await store.open('graves');
    dead.held = true;
    const a = await client('a');
    await fill(a, 2);
    const request = {
      stream: 't',
      strategy: 'group',
      group: 'db',
      maxDeliveries: 1,
      deadLetter: 'graves',
    } as const;
    await a.consume(1, request);
    await a.records(2);
    await a.nack(1, 1);
    await fill(a, 1);
    await a.records(1);
    assert.equal(dead.next, 2);
    await a.ack(1, 2, 3);
    await a.send({ type: 'CANCEL', consumer: 1 });
    await a.next('ENDED');
    assert.equal(placeOf(store, 'db').acknowledged, 1);
    dead.commit();
    while (placeOf(store, 'db').acknowledged < 4) await a.settled();
    assert.deepEqual(logged, []);
  });

  it('opens the dead letters of former runs', async (t) => {
    const { client, store } = await sessions(t);
    await store.open('graves');
    const a = await client('a');
    await fill(a, 1);
    await a.consume(1, {
      stream: 't',
      group: 'g',
      strategy: 'group',
      maxDeliveries: 3,
      deadLetter: 'graves',
    });
    const files = new Map(store.streams);
    const graves = store.get('graves')!;
    // A store that knows of it and has not opened it.
    store.streams.delete('graves');
    store.list = async () => [...files.keys(), 'graves'];
    const opened: string[] = [];
    store.open = async (name) => {
      opened.push(name);
      return name === 'graves' ? graves : files.get(name)!;
    };
    await sessions(t, { store });
    assert.ok(opened.includes('graves'));
  });

  it('keeps records of a key in order, with one member', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    const b = await client('b');
    const request = { stream: 't', strategy: 'sharded', group: 'g', credit: 50 } as const;
    await a.consume(1, request);
    await b.consume(1, request);
    await fill(a, 60, (at) => `line-${at % 10}`);
    const owner = new Map<string, string>();
    const seen = new Map<string, number>();
    const all: number[] = [];
    const note = (name: string, records: readonly Delivered[]): void => {
      for (const { sequence, frames } of records) {
        const key = frames[0]!;
        assert.equal(owner.get(key) ?? name, name);
        assert.ok(sequence > (seen.get(key) ?? 0));
        owner.set(key, name);
        seen.set(key, sequence);
        all.push(sequence);
      }
    };
    for (const [name, each] of [
      ['a', a],
      ['b', b],
    ] as const)
      for (const message of await each.settled())
        if (message.type === 'RECORDS') note(name, recordsOf(message.chunks));
    assert.deepEqual(
      all.sort((x, y) => x - y),
      upTo(60),
    );
    assert.equal(new Set(owner.values()).size, 2, 'both have something');
  });

  it('says what is gone', async (t) => {
    const { client, stream, store } = await sessions(t);
    const a = await client('a');
    for (let i = 0; i < 5; i++) await fill(a, 2);
    await stream.purge(4);
    stream.lose(7, 8);
    await a.consume(1, { stream: 't', group: 'g', from: { sequence: 1 } });
    const gone = [await a.next('GAP'), await a.next('GAP')].map(({ first, last, reason }) => [
      first,
      last,
      reason,
    ]);
    assert.deepEqual(gone, [
      [1, 3, 'retention'],
      [7, 8, 'damaged'],
    ]);
    assert.deepEqual(sequences(await a.records(5)), [4, 5, 6, 9, 10]);
    await a.ack(1, 4, 10);
    while (placeOf(store, 'g@a').acknowledged !== 11) await a.settled();
  });

  it('sends again what a consumer holds when it comes back, and nothing twice besides', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    await fill(a, 10);
    await a.consume(1, { stream: 't', credit: 4 });
    await a.records(4);
    await a.ack(1, 2);
    await a.records(1);
    a.reconnect();
    assert.equal((await a.hello()).resumed, true);
    assert.deepEqual(await a.settled(), [], 'nothing before CONSUME');
    assert.equal(await a.consume(1, { stream: 't', credit: 4 }), 1);
    const again = await a.records(4);
    assert.deepEqual(
      again.map(({ sequence, deliveries }) => [sequence, deliveries]),
      [
        [1, 2],
        [3, 2],
        [4, 2],
        [5, 2],
      ],
    );
    await a.ack(1, 1, 5);
    const rest = await a.records(4);
    assert.deepEqual(
      rest.map(({ sequence, deliveries }) => [sequence, deliveries]),
      [6, 7, 8, 9].map((at) => [at, 1]),
    );
  });

  it('tells again of a gap that may have been lost with the connection', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    for (let i = 0; i < 2; i++) await fill(a, 2);
    stream.lose(1, 2);
    await a.consume(1, { stream: 't', group: 'g' });
    await a.next('GAP');
    await a.records(2);
    a.reconnect();
    await a.hello();
    await a.consume(1, { stream: 't', group: 'g' });
    assert.deepEqual([(await a.next('GAP')).first, sequences(await a.records(2))], [1, [3, 4]]);
    await a.ack(1, 3, 4);
    a.reconnect();
    await a.hello();
    await a.consume(1, { stream: 't', group: 'g' });
    assert.deepEqual(await a.settled(), []);
  });

  it('a lost connection keeps its records from others until the session ends', async (t) => {
    const { client, server } = await sessions(t);
    const a = await client('a', 200);
    const b = await client('b');
    await fill(b, 4);
    const request = { stream: 't', strategy: 'group', group: 'g', credit: 2 } as const;
    await a.consume(1, request);
    await a.records(2);
    await b.consume(1, request);
    await b.records(2);
    a.close();
    await b.ack(1, 3, 4);
    assert.deepEqual(await b.settled(), []);
    const again = await b.records(2);
    assert.deepEqual(sequences(again), [1, 2]);
    assert.equal(server.status().sessions, 1);
  });

  it('CANCEL ends a consumer, and is answered also when there is none', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    await a.consume(1, { stream: 't' });
    for (const consumer of [1, 1, 99]) {
      await a.send({ type: 'CANCEL', consumer });
      const ended = await a.next('ENDED');
      assert.deepEqual([ended.consumer, ended.trouble.code], [consumer, 'CANCELLED']);
    }
    await fill(a, 1);
    assert.deepEqual(await a.settled(), []);
  });

  it('refuses who disagrees with the group, and what can not be served', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    const b = await client('b');
    const request = {
      stream: 't',
      strategy: 'group',
      group: 'g',
      ackTimeout: 1000,
      maxDeliveries: 3,
    } as const;
    await a.consume(1, request);
    const code = async (number: number, change: object, prefix = ''): Promise<string> => {
      await b.ask(number, { ...request, ...change }, prefix);
      const { consumer, trouble } = await b.next('ENDED');
      assert.equal(consumer, number);
      return trouble.code;
    };
    assert.equal(await code(1, { strategy: 'sharded' }), 'GROUP_MISMATCH');
    assert.equal(await code(1, { ackTimeout: 7 }), 'GROUP_MISMATCH');
    assert.equal(await code(1, { maxDeliveries: 7 }), 'GROUP_MISMATCH');
    assert.equal(await code(1, { deadLetter: 'u' }), 'GROUP_MISMATCH');
    assert.equal(await code(1, {}, 'line'), 'GROUP_MISMATCH');
    assert.equal(await code(1, { stream: 'nothing' }), 'STREAM_UNKNOWN');
    assert.equal(await code(1, { deadLetter: 't' }), 'REQUEST_INVALID');
    assert.equal(await code(1, {}, 'x'.repeat(2000)), 'REQUEST_INVALID');
    await b.consume(1, request);
    await b.consume(2, { stream: 't', group: 'g' });
    await b.ask(3, { stream: 't', group: 'g' });
    assert.equal(
      (await b.next('ENDED')).trouble.code,
      'GROUP_MISMATCH',
      'the place of a broadcast has one consumer',
    );
    for (let i = 0; i < 1000; i++) stream.save(`p${i}`, Buffer.from('{}'));
    assert.equal(await code(4, { group: 'one-more' }), 'TOO_MANY_CONSUMERS');
    stream.save('bad', Buffer.from('{}'));
    assert.equal(await code(5, { group: 'bad' }), 'STREAM_FAILED');
  });

  it('may agree on something else when nobody is there', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    await fill(a, 4);
    await a.consume(1, { stream: 't', strategy: 'group', group: 'g' });
    await a.records(4);
    await a.ack(1, 1, 2);
    await a.send({ type: 'CANCEL', consumer: 1 });
    assert.equal(await a.consume(2, { stream: 't', strategy: 'sharded', group: 'g', ackTimeout: 5000 }), 3);
  });

  it('ends the consumers of a stream that can not be read', async (t) => {
    const { client, stream, logged } = await sessions(t);
    const a = await client('a');
    await fill(a, 2);
    stream.broken = true;
    await a.consume(1, { stream: 't' });
    assert.equal((await a.next('ENDED')).trouble.code, 'STREAM_FAILED');
    assert.deepEqual(logged, ['a stream can not be read']);
    stream.broken = false;
    await a.consume(1, { stream: 't' });
    await a.records(2);
  });

  it('a consumer that leaves while it is being placed is gone', async (t) => {
    const { client, server } = await sessions(t);
    const a = await client('a');
    await a.ask(1, { stream: 't', from: { time: 1 } });
    await a.send({ type: 'CANCEL', consumer: 1 });
    await a.next('ENDED');
    await fill(a, 1);
    assert.deepEqual(await a.settled(), []);
    assert.equal(server.status().consumers, 0);
  });

  it('saves places when it stops', async (t) => {
    const { client, server, store } = await sessions(t);
    const a = await client('a');
    await fill(a, 3);
    await a.consume(1, { stream: 't', group: 'g' });
    await a.records(3);
    await a.ack(1, 1, 2);
    await a.settled();
    await server.stop({ timeout: 1000 });
    assert.equal(placeOf(store, 'g@a').acknowledged, 3);
    await a.next('BYE');
  });

  it('tells of a new group when its place is on the disk, to each of its members', async (t) => {
    const { client, stream } = await sessions(t);
    const [a, b] = [await client('a'), await client('b')];
    let settled = (): void => {};
    stream.settle = () =>
      new Promise((resolve) => {
        settled = resolve;
      });
    const request = { stream: 't', strategy: 'group', group: 'g' } as const;
    await a.ask(1, request);
    assert.deepEqual(await a.settled(), []);
    assert.deepEqual(stream.names(), ['g']);
    await b.ask(1, request);
    assert.deepEqual(await b.settled(), []);
    settled();
    assert.equal((await a.next('CONSUMING')).next, 1);
    assert.equal((await b.next('CONSUMING')).next, 1);
    stream.settle = () => Promise.reject(new Error('no space'));
    await a.ask(2, { ...request, group: 'h' });
    assert.equal((await a.next('ENDED')).trouble.code, 'STREAM_FAILED');
    assert.deepEqual(stream.names(), ['g'], 'the next one does not take it for kept');
  });

  it('of two requests with one number the newer counts, also while the older is looked up', async (t) => {
    const { client, server } = await sessions(t);
    const a = await client('a');
    await fill(a, 3);
    await a.ask(1, { stream: 't', from: { time: 1 } });
    await a.consume(1, { stream: 't', strategy: 'group', group: 'other', from: { sequence: 3 } });
    assert.deepEqual(sequences(await a.records(1)), [3]);
    assert.deepEqual(await a.settled(), []);
    assert.deepEqual(
      server.status().groups.map(({ group }) => group),
      ['other'],
    );
  });

  it('a lookup that fails ends nobody but who asked for it', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    let fail = (_: Error): void => {};
    stream.find = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    await a.ask(1, { stream: 't', from: { time: 1 } });
    await a.settled();
    await a.consume(1, { stream: 't' });
    fail(new Error('it can not be read'));
    assert.deepEqual(await a.settled(), []);
    await fill(a, 1);
    await a.records(1);
  });

  it('takes no dead-letter stream that it would have to make, but NAME.dead', async (t) => {
    const { client, store } = await sessions(t);
    const long = 'x'.repeat(64);
    await store.open(long);
    const a = await client('a');
    const request = { stream: 't', maxDeliveries: 1 };
    for (const deadLetter of ['evil', '..', 'u.dead', 't']) {
      await a.ask(1, { ...request, deadLetter });
      const { code, message } = (await a.next('ENDED')).trouble;
      assert.equal(code, 'REQUEST_INVALID');
      assert.match(message, /can't be the dead-letter stream of t: /);
    }
    await a.ask(1, { ...request, stream: long });
    assert.equal((await a.next('ENDED')).trouble.code, 'REQUEST_INVALID');
    assert.deepEqual([...store.streams.keys()], ['t', 'u', long]);
    await a.consume(1, { ...request, deadLetter: 'u' });
    await a.consume(2, { ...request, deadLetter: 't.dead' });
    await a.consume(3, { stream: 't', deadLetter: 'evil' });
  });

  it('gives up dead letters that are not accepted, when nobody can ask for them any more', async (t) => {
    const { client, server, store, logged } = await sessions(t);
    const a = await client('a');
    await fill(a, 2);
    (await store.open('t.dead')).hasRoom = false;
    for (let number = 0; number < 12; number++) {
      await a.consume(number, { stream: 't', maxDeliveries: 1 });
      await a.records(2);
      await a.send({
        type: 'NACK',
        consumer: number,
        ranges: [{ first: 1, last: 2 }],
        delay: 0,
      });
      await a.send({ type: 'CANCEL', consumer: number });
      await a.next('ENDED');
    }
    while (server.status().groups.length > 0) await a.settled();
    assert.ok(logged.length > 0 && logged.every((text) => text === 'dead letters are given up'));
  });

  it('has 256 consumers of one client at most', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    for (let number = 0; number < 256; number++) await a.consume(number, { stream: 't', from: 'new' });
    await a.ask(256, { stream: 't' });
    assert.equal((await a.next('ENDED')).trouble.code, 'TOO_MANY_CONSUMERS');
    await a.send({ type: 'CANCEL', consumer: 7 });
    await a.next('ENDED');
    await a.consume(256, { stream: 't' });
  });

  it('takes 65,536 ranges in one message, in any order, and not more', async (t) => {
    const { client, store } = await sessions(t);
    const a = await client('a');
    await fill(a, 200);
    await a.consume(1, { stream: 't', group: 'g' });
    await a.records(200);
    const ranges = Array.from({ length: 65_537 }, (_, i) => ({ first: 65_537 - i, last: 65_537 - i }));
    await a.send({ type: 'ACK', consumer: 1, ranges });
    assert.equal((await a.next('ERROR')).trouble.code, 'MALFORMED');
    assert.equal(placeOf(store, 'g@a').acknowledged, 1);
    await a.send({ type: 'ACK', consumer: 1, ranges: ranges.slice(1) });
    while (placeOf(store, 'g@a').acknowledged < 201) await a.settled();
  });

  it('delivers again in time, also while something is refused for longer', async (t) => {
    let now = 0;
    const { client } = await sessions(t, { now: () => now });
    const a = await client('a');
    await fill(a, 1);
    await a.consume(1, { stream: 't', ackTimeout: 100 });
    await a.records(1);
    await a.nack(1, 1, 1, 3_600_000);
    await fill(a, 1);
    assert.deepEqual(sequences(await a.records(1)), [2]);
    now = 100;
    const [again] = await a.records(1);
    assert.deepEqual([again!.sequence, again!.deliveries], [2, 2]);
  });

  it('does not keep a block in memory for a small record of it that has to wait', async () => {
    const sent: NodeMessage[] = [];
    let waiting = 1024 * 1024;
    const outlet = {
      send: (_: unknown, message: NodeMessage) => sent.push(message),
      waiting: () => waiting,
    };
    const consumer = new Consumer(
      new Session('a', 'one'),
      1,
      10,
      1000,
      outlet as unknown as Outlet,
      new Traces(null),
    );
    const block = new Uint8Array(1024 * 1024);
    consumer.add(1, 1, 1, 1, block, 100, 1100);
    consumer.flush();
    consumer.add(2, 1, 1, 1, block, 0, block.length);
    consumer.flush();
    waiting = 0;
    consumer.add(3, 1, 1, 1, block, 100, 1100);
    consumer.flush();
    const [small, large, prompt] = sent.map((message) =>
      message.type === 'RECORDS' ? message.chunks[0]!.run : null,
    );
    assert.equal(small!.length, 1000);
    assert.notEqual(small!.buffer, block.buffer);
    assert.equal(large!.buffer, block.buffer, 'a whole block is not copied');
    assert.equal(prompt!.buffer, block.buffer, 'nor what is on its way at once');
  });
});
