/** Streams from the outside: a node as a process, `@zeroth/client`, and clients that misbehave. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { type Client, type ConsumeOptions, connect, type StreamRecord } from '@zeroth/client';
import { folder, type RunningNode, startNode } from '../support/cli.ts';
import { unusedEndpoint } from '../support/port.ts';
import { RawClient } from '../support/session-client.ts';

const noSignals = process.platform === 'win32' ? 'Windows has no signals between processes' : false;

interface Place {
  readonly endpoint: string;
  /** The same node again, with the same endpoint and the same data. */
  start(): Promise<RunningNode>;
  client(name?: string): Promise<Client>;
  raw(name: string): RawClient;
}

async function place(t: TestContext, streams = '{ t: {} }', more = ''): Promise<Place> {
  const dataDir = await folder(t);
  const endpoint = await unusedEndpoint();
  const yaml = `node: { dataDir: ${JSON.stringify(dataDir)} }\nsessions: { bind: "${endpoint}"${more} }\nstreams: ${streams}\n`;
  const clients: { close(): unknown }[] = [];
  t.after(async () => {
    for (const client of clients) await client.close();
  });
  return {
    endpoint,
    start: () => startNode(t, yaml),
    client: async (name) => {
      const client = await connect(endpoint, {
        ...(name === undefined ? {} : { name }),
        reconnect: { initial: 20, max: 100 },
      });
      clients.push({ close: () => client.close({ timeout: 0 }) });
      return client;
    },
    raw: (name) => {
      const client = new RawClient(endpoint, name);
      clients.push(client);
      return client;
    },
  };
}

const numbers = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Publishes `first` to `last` as texts; the key is chosen by the number. */
async function publish(
  client: Client,
  first: number,
  last: number,
  key?: (n: number) => string,
): Promise<void> {
  const stream = client.stream('t');
  await Promise.all(
    numbers(first, last).map((n) => stream.publish(`${n}`, key === undefined ? {} : { key: key(n) })),
  );
}

/** Consumes until `enough`; acknowledges what `visit` says true to. */
async function consume(
  client: Client,
  options: ConsumeOptions,
  visit: (record: StreamRecord) => boolean,
  enough: () => boolean,
  stream = 't',
): Promise<void> {
  const consumer = client.stream(stream).consume(options);
  for await (const record of consumer) {
    if (visit(record)) record.ack();
    if (enough()) break;
  }
}

async function take(
  client: Client,
  options: ConsumeOptions,
  count: number,
  stream = 't',
): Promise<StreamRecord[]> {
  const records: StreamRecord[] = [];
  await consume(
    client,
    options,
    (record) => records.push(record) > 0,
    () => records.length === count,
    stream,
  );
  return records;
}

const bodies = (records: readonly StreamRecord[]): number[] => records.map(({ body }) => Number(body));

describe('streams over sessions', { skip: noSignals }, () => {
  it('keep what is published for who comes later, in order', async (t) => {
    const { start, client } = await place(t);
    await start();
    const a = await client('a');
    await publish(a, 1, 5000, (n) => `line-${n % 3}`);
    const records = await take(await client(), { from: 'first' }, 5000);
    assert.deepEqual(bodies(records), numbers(1, 5000));
    assert.deepEqual(
      records.map(({ sequence }) => sequence),
      numbers(1, 5000),
    );
    assert.equal(records[4]!.key, 'line-2');
    const filtered = await take(await client(), { from: 'first', filter: 'line-1' }, 1667);
    assert.ok(filtered.every(({ key }) => key === 'line-1'));
  });

  it('history and live meet without a gap or a duplicate', async (t) => {
    const { start, client } = await place(t);
    await start();
    const a = await client('a');
    await publish(a, 1, 2000);
    const seen: StreamRecord[] = [];
    const reading = consume(
      await client(),
      { live: true, from: 'first' },
      (record) => seen.push(record) > 0,
      () => seen.length === 4000,
    );
    await publish(a, 2001, 4000);
    await reading;
    assert.deepEqual(bodies(seen), numbers(1, 4000));
  });

  it('a group shares, also when members come, go and stop answering', async (t) => {
    const { start, client, raw } = await place(t);
    await start();
    const [a, b, c] = [await client('a'), await client('b'), await client('c')];
    const silent = raw('silent');
    await silent.hello(100);
    await silent.consume(1, { stream: 't', strategy: 'group', group: 'g', credit: 50, ackTimeout: 30_000 });
    const options = { group: 'g', from: 'first', credit: 50, strategy: 'group' } as const;
    const seen = new Map<number, number>();
    const done = (): boolean => seen.size === 3000;
    const count = (record: StreamRecord): boolean => {
      const n = Number(record.body);
      seen.set(n, (seen.get(n) ?? 0) + 1);
      return true;
    };
    const ending = new AbortController();
    const until = (member: Client, enough: () => boolean): Promise<void> =>
      consume(member, { ...options, signal: ending.signal }, count, () => {
        if (done()) ending.abort();
        return enough();
      });
    let some = 0;
    const first = until(a, () => ++some === 100);
    const second = until(b, done);
    await publish(a, 1, 1500);
    await first;
    const third = until(c, done);
    await publish(a, 1501, 3000);
    await Promise.all([second, third]);
    assert.deepEqual(
      [...seen.keys()].sort((x, y) => x - y),
      numbers(1, 3000),
    );
    // What the first had asked for and not handled when it left came to others; nothing else is repeated.
    const repeated = [...seen.values()].filter((times) => times > 1).length;
    assert.ok(repeated <= 50, `${repeated} came twice`);
  });

  it('shards keep each key in order, also while members change', async (t) => {
    const { start, client } = await place(t);
    await start();
    const producer = await client('p');
    const last = new Map<string, number>();
    const seen = new Set<number>();
    const visit = (record: StreamRecord): boolean => {
      const n = Number(record.body);
      if (record.deliveries === 1 && !seen.has(n)) {
        assert.ok(n > (last.get(record.key) ?? 0), `${n} after ${last.get(record.key)} of ${record.key}`);
        last.set(record.key, n);
      }
      seen.add(n);
      return true;
    };
    const ending = new AbortController();
    const options = {
      strategy: 'sharded',
      group: 's',
      from: 'first',
      credit: 20,
      signal: ending.signal,
    } as const;
    const member = async (leaveAfter: number): Promise<void> => {
      let count = 0;
      await consume(await client(), options, visit, () => {
        if (seen.size === 2000) ending.abort();
        return ++count === leaveAfter;
      });
    };
    const members = [member(0), member(150)];
    await publish(producer, 1, 1000, (n) => `k${n % 37}`);
    members.push(member(0), member(90));
    await publish(producer, 1001, 2000, (n) => `k${n % 37}`);
    await Promise.all(members);
    assert.equal(seen.size, 2000);
  });

  it('deliver again what is refused or not handled, and bury what fails for good', async (t) => {
    const { start, client } = await place(t);
    await start();
    const a = await client('a');
    await publish(a, 1, 10);
    const options = { group: 'g', from: 'first', maxDeliveries: 3, strategy: 'group' } as const;
    const times = new Map<number, number[]>();
    let acked = 0;
    await consume(
      a,
      options,
      (record) => {
        const n = Number(record.body);
        times.set(n, [...(times.get(n) ?? []), record.deliveries]);
        if (n === 4 || (n === 7 && record.deliveries === 1)) {
          record.nack();
          return false;
        }
        acked++;
        return true;
      },
      () => acked === 9 && times.get(4)?.length === 3,
    );
    assert.deepEqual(times.get(4), [1, 2, 3]);
    assert.deepEqual(times.get(7), [1, 2]);
    for (;;) {
      const { groups } = await a.stream('t').info();
      if (groups[0]!.acknowledged === 11) break;
    }
    const [dead] = await take(await client(), { from: 'first' }, 1, 't.dead');
    const about = JSON.parse(dead!.key);
    assert.deepEqual([about.stream, about.group, about.sequence, about.deliveries], ['t', 'g', 4, 3]);
    assert.equal(String(dead!.body), '4');
  });

  it('say what retention has removed', async (t) => {
    const { start, client } = await place(t, '{ t: { retain: { count: 100 } } }');
    await start();
    const a = await client('a');
    for (let first = 1; first <= 2000; first += 50) await publish(a, first, first + 49);
    let first = 1;
    while (first === 1) ({ first } = await a.stream('t').info());
    const [record] = await take(await client(), { from: { sequence: 1 } }, 1);
    assert.ok(record!.sequence >= first);
    assert.equal(record!.missed, record!.sequence - 1);
    assert.equal(Number(record!.body), record!.sequence);
  });

  it('know a producer again after kill -9', async (t) => {
    const { start, raw } = await place(t);
    const first = await start();
    const a = raw('a');
    await a.hello();
    await a.open('t');
    const records = numbers(1, 100).map((n) => [`${n}`]);
    await a.publish('t', 1, records);
    let stored = 0;
    while (stored < 100) stored = (await a.next('STORED')).receipts.at(-1)!.last;
    await first.process.stop('SIGKILL');
    await start();
    const again = raw('a');
    again.instance = 'two';
    await again.hello();
    assert.equal(await again.open('t'), 100);
    await again.publish('t', 51, [...records.slice(50), ['101']]);
    const receipts = [];
    while (receipts.at(-1)?.last !== 101) receipts.push(...(await again.next('STORED')).receipts);
    assert.deepEqual(receipts, [
      { first: 51, last: 100, sequence: 0 },
      { first: 101, last: 101, sequence: 101 },
    ]);
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`clients that stay go on after ${signal}, and miss nothing`, async (t) => {
      const { start, client } = await place(t);
      let node = await start();
      const [a, b] = [await client('a'), await client('b')];
      const seen = new Set<number>();
      const reading = consume(
        b,
        { group: 'g', from: 'first', credit: 100 },
        ({ body }) => seen.add(Number(body)).size > 0,
        () => seen.size === 6001,
      );
      for (let round = 0; round < 3; round++) {
        const publishing = publish(a, round * 2000 + 1, round * 2000 + 2000);
        if (round < 2) {
          await a.stream('t').publish('0');
          await node.process.stop(signal);
          node = await start();
        }
        await publishing;
      }
      await reading;
      const records = await take(await client(), { from: 'first' }, 6002);
      const order = bodies(records).filter((n) => n > 0);
      assert.deepEqual(order, numbers(1, 6000), 'each once and in order in the stream');
    });
  }

  it('a second instance of a name replaces the first, which stays away', async (t) => {
    const { start, client, endpoint } = await place(t);
    await start();
    const first = await client('press-4');
    await publish(first, 1, 3);
    const second = await connect(endpoint, { name: 'press-4' });
    t.after(() => second.close());
    for await (const state of first.states()) {
      if (state.type !== 'closed') continue;
      assert.equal(state.error?.code, 'ERR_REPLACED');
      break;
    }
    await publish(second, 4, 6);
    assert.deepEqual(bodies(await take(second, { from: 'first' }, 6)), numbers(1, 6));
  });

  it('who sends nonsense is told so, and hurts nobody', async (t) => {
    const { start, client, raw } = await place(t);
    const node = await start();
    const mallory = raw('mallory');
    await mallory.hello();
    await mallory.open('t');
    const a = await client('a');
    for (let i = 0; i < 300; i++) {
      await mallory.sendRaw(['PUBLISH', 't', Buffer.alloc(8, i), Buffer.alloc(i, i)]);
      await mallory.sendRaw([Buffer.alloc(i, i)]);
      await mallory.sendRaw([
        'CONSUME',
        Buffer.from([0, 0, 0, i % 256]),
        `{"stream":"t","credit":${2 ** i}}`,
        '',
      ]);
      await mallory.sendRaw(['ACK', Buffer.alloc(4), Buffer.alloc(16 * (i % 5), i)]);
    }
    await mallory.settled();
    await publish(a, 1, 10);
    assert.deepEqual(bodies(await take(a, { from: 'first' }, 10)), numbers(1, 10));
    assert.equal((await node.process.stop('SIGTERM')).code, 0);
  });
});
