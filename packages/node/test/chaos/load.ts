/**
 * Producers and consumers in this process, each with a connection of its own, that tell the oracle everything.
 *
 * Guarantees: `stop` of a producer resolves when all of its records are answered; of a member when its loop has ended.
 */
import { type Client, ClientError, type ConsumeOptions, connect, type Stream } from '@zeroth/client';
import type { Oracle } from '../support/oracle.ts';
import type { Random } from '../support/random.ts';

/** Quick to come back, and patient: most of the time there is no node. */
export async function open(endpoint: string, name: string): Promise<Client> {
  return await connect(endpoint, {
    name,
    timeout: 60_000,
    heartbeat: 1000,
    reconnect: { initial: 10, max: 300 },
  });
}

/** Milliseconds after which a record that a consumer forgot comes again. */
const ACK_TIMEOUT = 1500;

export interface ProducerOptions {
  /** Records that wait for their answer at most. */
  readonly window: number;
  /** Milliseconds of pause between bursts, at most. */
  readonly pause: number;
}

export class Producer {
  readonly name: string;
  readonly #stream: Stream;
  readonly #client: Client;
  readonly #oracle: Oracle;
  readonly #random: Random;
  readonly #options: ProducerOptions;
  #open = 0;
  #stopping = false;
  #wake: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();

  private constructor(
    client: Client,
    stream: string,
    oracle: Oracle,
    random: Random,
    options: ProducerOptions,
  ) {
    this.name = client.name;
    this.#client = client;
    this.#stream = client.stream(stream);
    this.#oracle = oracle;
    this.#random = random;
    this.#options = options;
  }

  static async start(
    endpoint: string,
    name: string,
    stream: string,
    oracle: Oracle,
    random: Random,
    options: ProducerOptions,
  ): Promise<Producer> {
    const producer = new Producer(await open(endpoint, name), stream, oracle, random.fork(name), options);
    producer.#running = producer.#run();
    return producer;
  }

  /** No more records; resolves when all are answered. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    await this.#running;
    while (this.#open > 0) await this.#answered();
    await this.#client.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      for (let left = this.#random.between(1, 100); left > 0 && !this.#stopping; left -= 1) {
        while (this.#open >= this.#options.window && !this.#stopping) await this.#answered();
        if (!this.#stopping) void this.#publish();
      }
      await pause(this.#random.between(0, this.#options.pause));
    }
  }

  async #publish(): Promise<void> {
    const { number, key, body } = this.#oracle.next(this.name);
    this.#open += 1;
    try {
      const { sequence } = await this.#stream.publish(body, key === '' ? {} : { key });
      this.#oracle.acked(this.name, number, sequence);
    } catch (error) {
      this.#oracle.failed(this.name, number);
      this.#oracle.report.add('refused', `${this.name} ${number}: ${wordsOf(error)}`);
    }
    this.#open -= 1;
    this.#wake?.();
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

export type MemberOptions = Pick<ConsumeOptions, 'group' | 'strategy' | 'live' | 'credit'> & {
  /** Leaves and comes back after some records. */
  readonly restless?: boolean;
};

/** A consumer; members of a group are one reader for the oracle. */
export class Member {
  readonly reader: string;
  readonly client: Client;
  readonly #stream: string;
  readonly #oracle: Oracle;
  readonly #random: Random;
  readonly #options: MemberOptions;
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(
    client: Client,
    stream: string,
    reader: string,
    oracle: Oracle,
    random: Random,
    options: MemberOptions,
  ) {
    this.client = client;
    this.reader = reader;
    this.#stream = stream;
    this.#oracle = oracle;
    this.#random = random;
    this.#options = options;
  }

  static async start(
    endpoint: string,
    name: string,
    stream: string,
    reader: string,
    oracle: Oracle,
    random: Random,
    options: MemberOptions,
  ): Promise<Member> {
    const client = await open(endpoint, name);
    const member = new Member(client, stream, reader, oracle, random.fork(name), options);
    member.#running = member.#run();
    return member;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    await this.client.close();
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        await this.#consume(this.#options.restless === true ? this.#random.between(50, 5000) : 0);
      } catch (error) {
        this.#oracle.report.add('refused', `${this.client.name}: consume: ${wordsOf(error)}`);
        return;
      }
    }
  }

  /** Takes `limit` records, or all there are with 0. */
  async #consume(limit: number): Promise<void> {
    const { restless: _, ...options } = this.#options;
    // A live reader acknowledges by itself: nothing comes again out of turn.
    const again = options.live === true ? {} : { ackTimeout: ACK_TIMEOUT };
    const consumer = this.client
      .stream(this.#stream)
      .consume({ ...options, ...again, from: 'first', signal: this.#abort.signal });
    const byKey = options.strategy === 'sharded';
    const held: (() => void)[] = [];
    const release = (): void => {
      for (const ack of held.splice(0)) ack();
    };
    let taken = 0;
    for await (const record of consumer) {
      if (options.live === true) {
        this.#oracle.deliveredOnce(this.reader, record);
        continue;
      }
      this.#oracle.delivered(this.reader, record, byKey);
      const chance = this.#random.next();
      // Most are acknowledged at once, some late and together, a few not at all: those come again.
      if (chance < 0.9) record.ack();
      else if (chance < 0.998) held.push(() => record.ack());
      else if (chance < 0.9995) record.nack({ delay: 20 });
      if (held.length > 100) release();
      taken += 1;
      if (taken === limit) break;
      if (held.length === 1) setTimeout(release, 50);
      if (this.#random.chance(0.001)) await pause(this.#random.between(1, 20));
    }
    release();
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function wordsOf(error: unknown): string {
  if (error instanceof ClientError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
