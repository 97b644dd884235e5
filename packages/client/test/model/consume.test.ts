/**
 * Whatever happens to the connection and the node: every record is handed out, none that was acknowledged is handed out
 * again, and where nothing is given back the order is that of the stream.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Client, connectThrough } from '../../src/client.ts';
import type { Consumer } from '../../src/consume/consumer.ts';
import type { StreamRecord } from '../../src/consume/record.ts';
import type { ConsumeOptions } from '../../src/options.ts';
import { Network, settle } from '../support/memory-link.ts';
import { ModelNode } from '../support/model-node.ts';

type Step =
  | { readonly type: 'publish'; readonly count: number }
  /** A consumer takes a record and does something with it. */
  | { readonly type: 'take'; readonly who: number; readonly fate: 'ack' | 'nack' | 'keep' }
  /** It acknowledges what it has kept, the oldest first or last. */
  | { readonly type: 'ackKept'; readonly who: number; readonly newest: boolean }
  | { readonly type: 'cut'; readonly after: number }
  | { readonly type: 'crash' }
  | { readonly type: 'expire' }
  | { readonly type: 'turns'; readonly count: number }
  /** Until all are connected again. */
  | { readonly type: 'settle' };

function steps(...types: Step['type'][]): fc.Arbitrary<Step[]> {
  const who = fc.nat(1);
  const all: { weight: number; arbitrary: fc.Arbitrary<Step> }[] = [
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 9 }) }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        type: fc.constant('take' as const),
        who,
        fate: fc.constantFrom<'ack' | 'nack' | 'keep'>(
          'ack',
          'ack',
          'keep',
          types.includes('expire') ? 'nack' : 'ack',
        ),
      }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('ackKept' as const), who, newest: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('cut' as const), after: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.constant({ type: 'crash' as const }) },
    { weight: 1, arbitrary: fc.constant({ type: 'expire' as const }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('turns' as const), count: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.constant({ type: 'settle' as const }) },
  ];
  const wanted = all.filter(({ arbitrary }) => types.includes(fc.sample(arbitrary, 1)[0]!.type));
  return fc.array(fc.oneof(...wanted), { minLength: 1, maxLength: 60, size: 'max' });
}

/** A consumer that is asked for one record at a time, and what came of it. */
class Member {
  readonly consumer: Consumer;
  readonly kept: StreamRecord[] = [];
  readonly seen: number[] = [];
  readonly acked = new Set<number>();
  /** Of a record that was delivered twice, one may be given back and the other acknowledged. */
  readonly nacked = new Set<number>();
  #asked: Promise<void> | null = null;
  #arrived: StreamRecord | null = null;

  constructor(consumer: Consumer) {
    this.consumer = consumer;
  }

  /** Null: nothing has come yet. */
  async take(): Promise<StreamRecord | null> {
    this.#asked ??= this.#ask();
    await Promise.race([this.#asked, new Promise(setImmediate)]);
    const record = this.#arrived;
    if (record === null) return null;
    this.#asked = null;
    this.#arrived = null;
    this.seen.push(record.sequence);
    return record;
  }

  async #ask(): Promise<void> {
    const before = new Set([...this.acked].filter((sequence) => !this.nacked.has(sequence)));
    const { done, value } = await this.consumer.next();
    if (done === true) return;
    assert.ok(!before.has(value.sequence), `${value.sequence} was acknowledged before`);
    this.#arrived = value;
  }

  ack(record: StreamRecord): void {
    record.ack();
    this.acked.add(record.sequence);
  }

  nack(record: StreamRecord): void {
    record.nack();
    this.nacked.add(record.sequence);
  }
}

async function run(actions: readonly Step[], count: number, options: ConsumeOptions): Promise<Member[]> {
  const node = new ModelNode('s');
  node.chunk = 4;
  const network = new Network(node);
  const clients: Client[] = [];
  try {
    return await play(network, clients, actions, count, options);
  } finally {
    for (const client of clients) await client.close({ timeout: 0 });
    assert.equal(network.connections, 0);
  }
}

async function play(
  network: Network,
  clients: Client[],
  actions: readonly Step[],
  count: number,
  options: ConsumeOptions,
): Promise<Member[]> {
  const { node } = network;
  const reconnect = { initial: 1, max: 1 };
  const open = (name: string): Promise<Client> =>
    connectThrough(network.dial, 'tcp://m', { name, reconnect });
  clients.push(await open('publisher'));
  const members: Member[] = [];
  for (let i = 0; i < count; i++) {
    const client = await open(`consumer-${i}`);
    clients.push(client);
    const consumer = client.stream('s').consume(options);
    await consumer.ready();
    members.push(new Member(consumer));
  }
  let published = 0;
  let countdown = Number.POSITIVE_INFINITY;
  network.cuts = () => {
    if (countdown-- > 0) return false;
    countdown = Number.POSITIVE_INFINITY;
    return true;
  };
  for (const action of actions) {
    const member = 'who' in action ? members[action.who % count]! : members[0]!;
    switch (action.type) {
      case 'publish':
        for (let i = 0; i < action.count; i++) void clients[0]!.stream('s').publish(String(++published));
        break;
      case 'take': {
        const record = await member.take();
        if (record === null) break;
        if (action.fate === 'ack') member.ack(record);
        else if (action.fate === 'nack') member.nack(record);
        else member.kept.push(record);
        break;
      }
      case 'ackKept': {
        const record = action.newest ? member.kept.pop() : member.kept.shift();
        if (record !== undefined) member.ack(record);
        break;
      }
      case 'cut':
        countdown = action.after;
        break;
      case 'crash':
        network.crash();
        break;
      case 'expire':
        node.expire('s');
        break;
      case 'turns':
        for (let i = 0; i < action.count; i++) await new Promise(setImmediate);
        break;
      case 'settle':
        await settle(clients);
    }
  }
  // In the end all is well, and everything is taken and acknowledged.
  countdown = Number.POSITIVE_INFINITY;
  await clients[0]!.stream('s').flush();
  const done = (): boolean => {
    for (let sequence = 1; sequence <= published; sequence++) {
      const by = members.filter(({ acked }) => acked.has(sequence)).length;
      if (by < (options.strategy === 'group' ? 1 : count)) return false;
    }
    return true;
  };
  for (const member of members) for (const record of member.kept.splice(0)) member.ack(record);
  const deadline = performance.now() + 5000;
  while (!done()) {
    assert.ok(performance.now() < deadline, `not everything came: ${members.map(({ seen }) => seen.join())}`);
    for (const member of members) {
      const record = await member.take();
      if (record !== null) member.ack(record);
    }
  }
  return members;
}

function ascending(numbers: readonly number[]): boolean {
  return numbers.every((value, at) => at === 0 || value > numbers[at - 1]!);
}

const calm = steps('publish', 'take', 'ackKept', 'cut', 'crash', 'turns', 'settle');
const rough = steps('publish', 'take', 'ackKept', 'cut', 'crash', 'turns', 'settle', 'expire');

describe('consume', () => {
  it('broadcast without a group: everything once and in order, without nack and ackTimeout', async () => {
    await fc.assert(
      fc.asyncProperty(calm, fc.constantFrom(1, 3, 100), async (actions, credit) => {
        const [member] = await run(actions, 1, { from: 'first', credit });
        assert.ok(ascending(member!.seen), member!.seen.join());
      }),
      { numRuns: 200 },
    );
  });

  it('live: the same', async () => {
    await fc.assert(
      fc.asyncProperty(calm, fc.constantFrom(1, 3, 100), async (actions, credit) => {
        const [member] = await run(actions, 1, { live: true, from: 'first', credit });
        assert.ok(ascending(member!.seen), member!.seen.join());
      }),
      { numRuns: 200 },
    );
  });

  it('broadcast with nack and ackTimeout: everything', async () => {
    await fc.assert(
      fc.asyncProperty(rough, fc.constantFrom(1, 3, 100), async (actions, credit) => {
        await run(actions, 1, { from: 'first', credit });
      }),
      { numRuns: 200 },
    );
  });

  it('a group of two: everything to one of them', async () => {
    await fc.assert(
      fc.asyncProperty(rough, fc.constantFrom(1, 3, 100), async (actions, credit) => {
        await run(actions, 2, { from: 'first', strategy: 'group', group: 'g', credit });
      }),
      { numRuns: 200 },
    );
  });
});
