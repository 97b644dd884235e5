/** Consumer groups against an oracle that knows of each record who has it, how often it was delivered and who acknowledged it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Strategy } from '@zeroth/client/wire';
import { decodeMessage, messageLength, skipMessages, writeMessage } from '@zeroth/zmq/run';
import fc from 'fast-check';
import { DONE, type Group, type GroupOutput, type GroupState, MORE } from '../../src/session/core/group.ts';
import { shardOf } from '../../src/session/core/keys.ts';
import { Member } from '../../src/session/core/member.ts';
import { decodePlace, encodePlace } from '../../src/session/core/place.ts';
import { ShardedGroup } from '../../src/session/core/sharded.ts';
import { SharedGroup } from '../../src/session/core/shared.ts';
import type { Span } from '../../src/store/store.ts';

const TIMEOUT = 100;

interface Setup {
  readonly strategy: Strategy;
  readonly prefix: string;
  readonly maxDeliveries: number;
  /** Records of each batch of the stream. */
  readonly batches: readonly number[];
  readonly keys: readonly number[];
  /** Sequences that are gone. */
  readonly gone: readonly number[];
  readonly credits: readonly number[];
  readonly window: number;
  readonly readBytes: number;
}

type Step =
  | { readonly type: 'commit'; readonly batches: number }
  | { readonly type: 'join'; readonly credit: number }
  | { readonly type: 'leave' | 'drop' | 'suspend' | 'resume'; readonly who: number }
  | {
      readonly type: 'ack' | 'nack';
      readonly who: number;
      readonly from: number;
      readonly count: number;
      readonly delay: number;
    }
  | { readonly type: 'late'; readonly who: number; readonly from: number; readonly count: number }
  | { readonly type: 'time'; readonly ms: number }
  | { readonly type: 'bury' }
  | { readonly type: 'save' | 'restart' };

/** The stream: records `key-N`, `sequence`; every third has no key and one frame. */
class Stream {
  readonly spans: Span[] = [];
  readonly ends: number[] = [];
  readonly keyOf: string[] = [''];
  readonly lost: Set<number>;
  committed = 1;
  end = 1;

  constructor(setup: Setup) {
    this.lost = new Set(setup.gone);
    for (const count of setup.batches) {
      const parts: Buffer[] = [];
      const first = this.end;
      for (let i = 0; i < count; i++) {
        const key = setup.keys[this.end % setup.keys.length]!;
        const frames = (key === 0 ? [`${this.end}`] : [`k${key}`, `${this.end}`]).map((text) =>
          Buffer.from(text),
        );
        const bytes = Buffer.alloc(messageLength(frames));
        writeMessage(bytes, 0, frames);
        parts.push(bytes);
        this.keyOf.push(key === 0 ? '' : `k${key}`);
        this.end++;
      }
      const bytes = Buffer.concat([Buffer.alloc(3), ...parts]);
      this.spans.push({
        type: 'records',
        first,
        count,
        timestamp: first,
        bytes,
        start: 3,
        end: bytes.length,
      });
      this.ends.push(this.end);
    }
  }

  /** From `from` on, as a store would: with gaps, and a beginning inside of a batch. */
  read(from: number, maxBytes: number): Span[] {
    const found: Span[] = [];
    let bytes = 0;
    for (const span of this.spans) {
      if (span.type === 'gap' || span.first + span.count <= from || span.first >= this.committed) continue;
      if (bytes >= maxBytes) break;
      for (let at = Math.max(span.first, from); at < span.first + span.count; ) {
        const gone = this.lost.has(at);
        let to = at;
        while (to < span.first + span.count && this.lost.has(to) === gone) to++;
        if (gone) found.push({ type: 'gap', first: at, last: to - 1, reason: 'damaged' });
        else {
          const start = skipMessages(span.bytes, span.start, at - span.first);
          const end = skipMessages(span.bytes, start, to - at);
          found.push({ ...span, first: at, count: to - at, start, end });
          bytes += end - start;
        }
        at = to;
      }
    }
    return found;
  }
}

interface Fate {
  holder: Client | null;
  /** Who had it last, while it waits. */
  last: Client | null;
  due: number;
  deliveries: number;
  settled: boolean;
  dead: boolean;
}

class Client extends Member {
  readonly number: number;
  constructor(number: number, credit: number, window: number) {
    super(credit, window);
    this.number = number;
  }
}

class World implements GroupOutput<Client> {
  readonly setup: Setup;
  readonly stream: Stream;
  group: Group<Client>;
  readonly fates: Fate[] = [];
  clients: Client[] = [];
  now = 1000;
  saved: { state: GroupState; settled: boolean[] };
  restarted = false;
  /** Who gets again what it holds. */
  resending: Set<Client> = new Set();
  #number = 0;

  constructor(setup: Setup) {
    this.setup = setup;
    this.stream = new Stream(setup);
    for (let at = 0; at < this.stream.end; at++)
      this.fates.push({ holder: null, last: null, due: 0, deliveries: 0, settled: false, dead: false });
    this.saved = {
      state: { acknowledged: 1, ranges: [], deliveries: [] },
      settled: this.fates.map(() => false),
    };
    this.group = this.make(this.saved.state);
    for (const credit of setup.credits) this.join(credit);
  }

  make(state: GroupState): Group<Client> {
    const { prefix, maxDeliveries, strategy } = this.setup;
    const options = { prefix: Buffer.from(prefix), ackTimeout: TIMEOUT, maxDeliveries };
    return strategy === 'sharded'
      ? new ShardedGroup(options, state, this)
      : new SharedGroup(options, state, this);
  }

  // ---- what the group hands out

  records(
    member: Client,
    first: number,
    count: number,
    timestamp: number,
    deliveries: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    let at = start;
    assert.ok(member.connected, 'delivered to who is away');
    for (let sequence = first; sequence < first + count; sequence++) {
      const next = skipMessages(bytes, at, 1);
      const frames = decodeMessage(bytes, at, next).map(String);
      assert.equal(frames.at(-1), `${sequence}`, 'another record than it says');
      assert.equal(frames.length > 1 ? frames[0] : '', this.stream.keyOf[sequence]);
      assert.ok(frames[0]!.startsWith(this.setup.prefix), 'does not match');
      assert.ok(timestamp <= sequence);
      this.delivered(member, sequence, deliveries);
      at = next;
    }
    assert.equal(at, end);
  }

  delivered(member: Client, sequence: number, deliveries: number): void {
    const fate = this.fates[sequence]!;
    assert.ok(sequence < this.stream.committed, 'delivered before it is committed');
    assert.ok(!fate.settled, `${sequence} was acknowledged and is delivered again`);
    assert.ok(!fate.dead, `${sequence} is dead and is delivered again`);
    if (fate.holder !== null) {
      assert.equal(fate.holder, member, `${sequence} is with two members`);
      assert.ok(this.resending.has(member), `${sequence} is delivered twice to the same member`);
    }
    if (this.setup.strategy === 'sharded') {
      for (let earlier = 1; earlier < sequence; earlier++) {
        if (this.stream.keyOf[earlier] !== this.stream.keyOf[sequence] || this.settledOrDead(earlier))
          continue;
        assert.equal(this.fates[earlier]!.holder, member, `${sequence} before ${earlier} of the same key`);
      }
    }
    fate.holder = member;
    fate.due = this.now + TIMEOUT;
    fate.deliveries++;
    if (!this.restarted) assert.equal(deliveries, fate.deliveries, `deliveries of ${sequence}`);
    else assert.ok(deliveries >= 1);
  }

  settledOrDead(sequence: number): boolean {
    const fate = this.fates[sequence]!;
    const { prefix } = this.setup;
    const skipped = prefix !== '' && !this.stream.keyOf[sequence]!.startsWith(prefix);
    return fate.settled || this.isDying(sequence) || skipped || this.stream.lost.has(sequence);
  }

  isDying(sequence: number): boolean {
    const lease = this.group.dying.at(sequence);
    return lease !== null && lease.first <= sequence;
  }

  gap(_member: Client, first: number, last: number): void {
    for (let at = first; at <= last; at++) {
      assert.ok(this.stream.lost.has(at), `${at} is not gone`);
      this.fates[at]!.settled = true;
    }
  }

  // ---- what happens

  join(credit: number): void {
    const client = new Client(this.#number++, credit, this.setup.window);
    this.clients.push(client);
    this.group.join(client);
  }

  held(client: Client): number[] {
    return this.fates.flatMap((fate, sequence) => (fate.holder === client ? [sequence] : []));
  }

  /** These go back; with shards also what came after them. */
  release(sequences: readonly number[], failed: boolean): void {
    const { maxDeliveries, strategy } = this.setup;
    for (const sequence of sequences) {
      const fate = this.fates[sequence]!;
      if (fate.holder === null) continue;
      const { holder } = fate;
      fate.last = holder;
      fate.holder = null;
      // How often is the group's word after a restart.
      if (failed && !this.restarted && maxDeliveries > 0 && fate.deliveries >= maxDeliveries)
        fate.dead = true;
      if (strategy !== 'sharded') continue;
      const shard = this.shard(sequence);
      for (const later of this.held(holder)) {
        if (later <= sequence || this.shard(later) !== shard || sequences.includes(later)) continue;
        this.fates[later]!.holder = null;
        this.fates[later]!.last = holder;
      }
    }
  }

  shard(sequence: number): number {
    const key = this.stream.keyOf[sequence]!;
    const frames = key === '' ? [Buffer.from('x')] : [Buffer.from(key), Buffer.from('x')];
    const bytes = Buffer.alloc(messageLength(frames));
    writeMessage(bytes, 0, frames);
    return shardOf(bytes, 0);
  }

  pump(): void {
    const due = this.group.expire(this.now);
    assert.ok(due > this.now);
    for (let steps = 0; ; steps++) {
      assert.ok(steps < 10_000, 'it does not come to an end');
      this.resending = new Set(this.clients.filter(({ resendAt }) => resendAt > 0));
      const wanted = this.group.step(this.stream.committed, this.now, 64);
      if (wanted === DONE) break;
      if (wanted === MORE) continue;
      assert.ok(wanted < this.stream.committed, 'reads what is not committed');
      this.group.hold(this.stream.read(wanted, this.setup.readBytes));
    }
    this.resending = new Set();
    this.check();
  }

  check(): void {
    const dying = new Set<number>();
    for (const { first, last } of this.group.dying.items)
      for (let at = first; at <= last; at++) dying.add(at);
    for (let sequence = 1; sequence < this.stream.end; sequence++) {
      const fate = this.fates[sequence]!;
      const skipped = this.setup.prefix !== '' && !this.stream.keyOf[sequence]!.startsWith(this.setup.prefix);
      if (this.group.acked.has(sequence))
        assert.ok(fate.settled || skipped, `${sequence} counts as acknowledged and was not`);
      else assert.ok(!fate.settled, `${sequence} was acknowledged and does not count`);
      if (!this.restarted)
        assert.equal(dying.has(sequence), fate.dead && !fate.settled, `${sequence} is dead`);
    }
    for (const client of this.clients) {
      const held = this.held(client).length;
      assert.equal(client.leases.count, held);
      assert.ok(held <= client.credit, 'more than the credit');
    }
  }

  run(step: Step): void {
    switch (step.type) {
      case 'commit': {
        const index = this.stream.ends.findIndex((end) => end > this.stream.committed);
        if (index >= 0)
          this.stream.committed =
            this.stream.ends[Math.min(index + step.batches, this.stream.ends.length) - 1]!;
        break;
      }
      case 'join':
        if (this.clients.length < (this.setup.strategy === 'broadcast' ? 1 : 5)) this.join(step.credit);
        break;
      case 'leave':
      case 'drop': {
        const client = this.clients[step.who % this.clients.length];
        if (client === undefined) break;
        this.clients = this.clients.filter((each) => each !== client);
        const lost = step.type === 'drop';
        this.release(this.held(client), lost);
        this.group.leave(client, lost);
        break;
      }
      case 'suspend':
      case 'resume': {
        const client = this.clients[step.who % this.clients.length];
        if (client === undefined) break;
        if (step.type === 'suspend') this.group.suspend(client);
        else {
          this.group.resume(client, this.now);
          // What it holds counts as delivered once more when it is sent again.
          for (const sequence of this.held(client)) this.fates[sequence]!.due = this.now + TIMEOUT;
        }
        break;
      }
      case 'ack':
      case 'nack': {
        const client = this.clients[step.who % this.clients.length];
        if (client === undefined) break;
        const held = this.held(client);
        const some = held.slice(step.from % (held.length + 1)).slice(0, step.count);
        if (some.length === 0) break;
        const first = some[0]!;
        const last = some.at(-1)!;
        if (step.type === 'ack') {
          for (const sequence of some) this.fates[sequence]!.settled = true;
          for (const sequence of some) this.fates[sequence]!.holder = null;
          this.late(client, first, last);
          this.group.ack(client, [{ first, last }]);
        } else {
          this.release(some, true);
          this.group.nack(client, [{ first, last }], step.delay, this.now);
        }
        break;
      }
      case 'late': {
        // Sequences that it may have, had, or never had.
        const client = this.clients[step.who % this.clients.length];
        if (client === undefined) break;
        const first = 1 + (step.from % this.stream.end);
        const last = first + step.count;
        this.late(client, first, last);
        this.group.ack(client, [{ first, last }]);
        break;
      }
      case 'time':
        this.now += step.ms;
        for (const client of this.clients) {
          const late = this.held(client).filter((sequence) => this.fates[sequence]!.due <= this.now);
          this.release(late, true);
        }
        break;
      case 'bury':
        this.bury();
        break;
      case 'save': {
        const place = {
          strategy: this.setup.strategy,
          prefix: Buffer.from(this.setup.prefix),
          ackTimeout: TIMEOUT,
          maxDeliveries: this.setup.maxDeliveries,
          deadLetter: 'd',
          state: this.group.state(),
        };
        this.saved = {
          state: decodePlace(encodePlace(place))!.state,
          settled: this.fates.map(({ settled }) => settled),
        };
        break;
      }
      case 'restart': {
        this.restarted = true;
        this.fates.forEach((fate, sequence) => {
          fate.holder = null;
          fate.last = null;
          fate.dead = false;
          fate.settled = this.saved.settled[sequence]!;
        });
        this.group = this.make(this.saved.state);
        const credits = this.clients.map(({ credit }) => credit);
        this.clients = [];
        for (const credit of credits) this.join(credit);
        break;
      }
    }
    this.pump();
  }

  /** An acknowledgement counts for what the client has, or had last. */
  late(client: Client, first: number, last: number): void {
    for (let at = first; at <= last && at < this.stream.end; at++) {
      const fate = this.fates[at]!;
      if (fate.dead || this.isDying(at)) continue;
      if (fate.holder === client || (fate.holder === null && fate.last === client)) {
        fate.settled = true;
        fate.holder = null;
      }
    }
  }

  bury(): void {
    for (const { first, last, deliveries } of [...this.group.dying.items]) {
      assert.ok(deliveries >= this.setup.maxDeliveries);
      for (let at = first; at <= last; at++) {
        this.fates[at]!.settled = true;
        this.fates[at]!.dead = true;
      }
      this.group.buried(first, last);
    }
  }

  /** Everybody is back and acknowledges: everything has to come to an end. */
  finish(): void {
    this.stream.committed = this.stream.end;
    if (this.clients.length === 0) this.join(3);
    for (const client of this.clients) if (!client.connected) this.group.resume(client, this.now);
    for (let round = 0; this.group.acked.floor < this.stream.end; round++) {
      assert.ok(round < 1000, `stuck at ${this.group.acked.floor} of ${this.stream.end}`);
      this.run({ type: 'time', ms: round % 2 === 0 ? 0 : 60 });
      this.bury();
      for (const client of this.clients) {
        const held = this.held(client);
        if (held.length > 0)
          this.run({
            type: 'ack',
            who: this.clients.indexOf(client),
            from: 0,
            count: 1 + (round % held.length),
            delay: 0,
          });
      }
    }
  }
}

const who = fc.nat(4);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('commit' as const), batches: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('join' as const), credit: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('leave' as const, 'drop' as const, 'suspend' as const, 'resume' as const),
      who,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom('ack' as const, 'ack' as const, 'nack' as const),
      who,
      from: fc.nat(10),
      count: fc.integer({ min: 1, max: 6 }),
      delay: fc.constantFrom(0, 0, 30),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('late' as const), who, from: fc.nat(60), count: fc.nat(10) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.constantFrom(1, 20, 60, TIMEOUT) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('bury' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('save' as const, 'save' as const, 'restart' as const) }),
  },
);

function setup(strategy: Strategy): fc.Arbitrary<Setup> {
  return fc.record({
    strategy: fc.constant(strategy),
    prefix: fc.constantFrom('', '', 'k', 'k1'),
    maxDeliveries: fc.constantFrom(0, 0, 1, 2, 3),
    batches: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }),
    keys: fc.array(fc.nat(4), { minLength: 1, maxLength: 7 }),
    gone: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }),
    credits: fc.array(fc.integer({ min: 1, max: 8 }), {
      minLength: 1,
      maxLength: strategy === 'broadcast' ? 1 : 4,
    }),
    window: fc.constantFrom(8, 30, 1000),
    readBytes: fc.constantFrom(1, 40, 1000),
  });
}

describe('consumer groups', () => {
  for (const strategy of ['broadcast', 'group', 'sharded'] as const) {
    it(`${strategy}: nothing is lost, shared, forgotten or out of order`, () => {
      fc.assert(
        fc.property(setup(strategy), fc.array(steps, { maxLength: 60 }), (given, list) => {
          const world = new World(given);
          world.pump();
          for (const step of list) world.run(step);
          world.finish();
        }),
        { numRuns: 1500, includeErrorInReport: true },
      );
    });
  }
});
