/**
 * Knows, outside of the node and of the client library, what was published and what was acknowledged, and says
 * afterwards whether the stream and the consumers agree.
 *
 * Guarantees: a record is known by its body, which tells producer and number (the oracle's own count, not the
 * protocol's) and repeats from them octet by octet; so the check needs nothing that the node or the client remembers.
 */
import { Random } from './random.ts';

/** What an application sends: a key, or '' for none, and a body. */
export interface Message {
  readonly number: number;
  readonly key: string;
  readonly body: Buffer;
}

/** A record as it was read. */
export interface Seen {
  readonly sequence: number;
  readonly key: string;
  readonly body: Uint8Array;
}

/** Kinds of broken promises. */
export type Fault =
  | 'missing' // acknowledged, not in the stream
  | 'duplicate' // twice in the stream
  | 'order' // a producer's records are not in the order of their numbers
  | 'sequence' // acknowledged with another sequence than it has
  | 'content' // the body or key is not what was published
  | 'hole' // sequences of the stream are not contiguous
  | 'undelivered' // a consumer never got it
  | 'key order' // a consumer got a key's records out of order
  | 'live' // a live reader missed a record or got it twice
  | 'redelivered' // came again although that was excluded
  | 'stranger' // was never published
  | 'refused' // a publish failed that should not
  | 'stuck' // nothing moved for too long
  | 'alarm' // health called a peer unwell that was not
  | 'died'; // a process ended that should not

/** How many violations of a kind are told in words; all are counted. */
const TOLD = 5;

export class Report {
  readonly counts: Map<Fault, number> = new Map();
  readonly told: string[] = [];

  add(fault: Fault, what: string): void {
    const count = (this.counts.get(fault) ?? 0) + 1;
    this.counts.set(fault, count);
    if (count <= TOLD) this.told.push(`${fault}: ${what}`);
  }

  get total(): number {
    let sum = 0;
    for (const count of this.counts.values()) sum += count;
    return sum;
  }
}

const PENDING = 0;
const FAILED = -1;
/** Acknowledged as a repetition: the sequence was lost with a connection. */
const REPEATED = -2;

/** What one producer did. Numbers begin at 1. */
interface Ledger {
  readonly name: string;
  /** It publishes in another process: the first to tell of a record may be a consumer. */
  remote: boolean;
  /** For each number: one of those above, otherwise the sequence it was acknowledged with. */
  readonly answers: number[];
  acknowledged: number;
}

/** What one reader of the stream got; a group is one reader. */
interface Reader {
  readonly name: string;
  readonly byKey: boolean;
  /** Deliveries of each sequence. */
  readonly deliveries: number[];
  /** The highest sequence of each key that was delivered. */
  readonly keys: Map<string, number>;
  delivered: number;
  repeated: number;
}

export class Oracle {
  readonly report: Report = new Report();
  readonly #seed: number;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #readers = new Map<string, Reader>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  get published(): number {
    return sum(this.#ledgers, ({ answers }) => answers.length - 1);
  }

  get acknowledged(): number {
    return sum(this.#ledgers, ({ acknowledged }) => acknowledged);
  }

  /** The next message of a producer; it counts as published. */
  next(producer: string): Message {
    const { answers } = this.#ledger(producer);
    answers.push(PENDING);
    return this.message(producer, answers.length - 1);
  }

  /** Another process published up to this number; more may be heard of before it is told. */
  reached(producer: string, number: number): void {
    const ledger = this.#ledger(producer);
    const { answers } = ledger;
    ledger.remote = true;
    while (answers.length <= number) answers.push(PENDING);
  }

  last(producer: string): number {
    return this.#ledger(producer).answers.length - 1;
  }

  /** What `number` of this producer is. Mostly small, now and then larger than a read of a socket. */
  message(producer: string, number: number): Message {
    return messageOf(this.#seed, producer, number);
  }

  /** `sequence` null: the client was told that the stream has it, not where. */
  acked(producer: string, number: number, sequence: number | null): void {
    const ledger = this.#ledger(producer);
    const before = ledger.answers[number];
    if (before === undefined) {
      this.report.add('stranger', `${producer} ${number} was acknowledged and never published`);
      return;
    }
    if (before > 0 || before === REPEATED) {
      this.report.add('duplicate', `${producer} ${number} was acknowledged twice: ${before}, ${sequence}`);
      return;
    }
    ledger.answers[number] = sequence ?? REPEATED;
    ledger.acknowledged += 1;
  }

  /** It may be in the stream or not. */
  failed(producer: string, number: number): void {
    this.#ledger(producer).answers[number] = FAILED;
  }

  delivered(reader: string, seen: Seen, byKey = false): void {
    const entry = this.#reader(reader, byKey);
    const { sequence, key } = seen;
    entry.delivered += 1;
    const times = (entry.deliveries[sequence] ?? 0) + 1;
    entry.deliveries[sequence] = times;
    if (times > 1) entry.repeated += 1;
    // At least once allows repetitions; nothing may come for the first time after its successor.
    const highest = entry.keys.get(key) ?? 0;
    if (byKey && times === 1 && sequence < highest)
      this.report.add('key order', `${reader}: ${sequence} of key "${key}" after ${highest}`);
    if (sequence > highest) entry.keys.set(key, sequence);
    this.#check(seen, reader);
  }

  /** For a reader that promises each record once and without a gap. */
  deliveredOnce(reader: string, seen: Seen): void {
    const { delivered } = this.#reader(reader);
    if (seen.sequence !== delivered + 1)
      this.report.add('live', `${reader}: ${seen.sequence} where ${delivered + 1} should be`);
    this.delivered(reader, seen);
  }

  /** Deliveries so far, and how many of them were repetitions. */
  deliveries(reader: string): {
    readonly delivered: number;
    readonly repeated: number;
    readonly distinct: number;
  } {
    const { delivered, repeated } = this.#reader(reader);
    return { delivered, repeated, distinct: delivered - repeated };
  }

  /** Holds a whole stream against what was published and acknowledged. Returns the number of records. */
  async checkStream(name: string, records: AsyncIterable<Seen>): Promise<number> {
    const { report } = this;
    const places = new Map<string, number[]>();
    const highest = new Map<string, number>();
    let next = 1;
    for await (const seen of records) {
      if (next === 1 && seen.sequence > 1)
        throw new Error(`${name}: retention took what had to be looked at`);
      if (seen.sequence !== next) report.add('hole', `${name}: ${seen.sequence} where ${next} should be`);
      next = seen.sequence + 1;
      const id = this.#check(seen, name);
      if (id === null) continue;
      const list = places.get(id.producer) ?? [];
      places.set(id.producer, list);
      const before = list[id.number];
      if (before !== undefined) {
        const where = `${before} and ${seen.sequence}`;
        report.add('duplicate', `${name}: ${id.producer} ${id.number} at ${where}`);
        continue;
      }
      list[id.number] = seen.sequence;
      const last = highest.get(id.producer) ?? 0;
      if (id.number < last) report.add('order', `${name}: ${id.producer} ${id.number} after ${last}`);
      else highest.set(id.producer, id.number);
    }
    for (const [producer, { answers }] of this.#ledgers) {
      const list = places.get(producer) ?? [];
      for (const [number, answer] of answers.entries()) {
        if (number === 0 || answer === PENDING || answer === FAILED) continue;
        const at = list[number];
        if (at === undefined)
          report.add('missing', `${name}: ${producer} ${number}, acknowledged as ${answer}`);
        else if (answer !== REPEATED && at !== answer)
          report.add('sequence', `${name}: ${producer} ${number} is ${at}, was acknowledged as ${answer}`);
      }
    }
    return next - 1;
  }

  /** Every record of a stream with this many was delivered to the reader at least once. */
  checkReader(reader: string, records: number): void {
    const { deliveries } = this.#reader(reader);
    for (let sequence = 1; sequence <= records; sequence += 1)
      if (deliveries[sequence] === undefined) this.report.add('undelivered', `${reader}: ${sequence}`);
  }

  #check(seen: Seen, where: string): { producer: string; number: number } | null {
    const id = idOf(seen.body);
    const ledger = id === null ? undefined : this.#ledgers.get(id.producer);
    if (id !== null && ledger?.remote === true) this.reached(id.producer, id.number);
    if (id === null || ledger?.answers[id.number] === undefined) {
      this.report.add('stranger', `${where}: ${seen.sequence} is ${printable(seen.body)}`);
      return null;
    }
    const { key, body } = this.message(id.producer, id.number);
    if (key !== seen.key || !body.equals(seen.body))
      this.report.add('content', `${where}: ${seen.sequence}, ${id.producer} ${id.number}`);
    return id;
  }

  #ledger(name: string): Ledger {
    let ledger = this.#ledgers.get(name);
    if (ledger === undefined) {
      ledger = { name, remote: false, answers: [PENDING], acknowledged: 0 };
      this.#ledgers.set(name, ledger);
    }
    return ledger;
  }

  #reader(name: string, byKey = false): Reader {
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      reader = {
        name,
        byKey,
        deliveries: [],
        keys: new Map(),
        delivered: 0,
        repeated: 0,
      };
      this.#readers.set(name, reader);
    }
    return reader;
  }
}

const FILL: Buffer = Buffer.alloc(100_000);
for (let at = 0; at < FILL.length; at += 1) FILL[at] = (at * 31 + (at >>> 8)) & 0xff;

/** Message `number` of a producer: always the same one. */
export function messageOf(seed: number, producer: string, number: number): Message {
  const random = new Random(seed).fork(producer).fork(number);
  const head = Buffer.from(`${producer}:${number}:`);
  const large = random.chance(0.002);
  const size = large ? random.between(1000, 80_000) : random.between(0, 300);
  const start = random.between(0, FILL.length - size);
  const key = random.chance(0.9) ? `key-${random.between(0, 39)}` : '';
  return { number, key, body: Buffer.concat([head, FILL.subarray(start, start + size)]) };
}

/** Producer and number of a body. */
export function idOf(body: Uint8Array): { producer: string; number: number } | null {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, 80)).toString('latin1');
  const match = /^([A-Za-z0-9._-]+):(\d+):/.exec(text);
  return match === null ? null : { producer: match[1] as string, number: Number(match[2]) };
}

function printable(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, 40)).toString('latin1');
  return `${JSON.stringify(text)} (${body.length} octets)`;
}

function sum<T>(map: Map<string, T>, of: (value: T) => number): number {
  let total = 0;
  for (const value of map.values()) total += of(value);
  return total;
}
