/**
 * What the scenarios have in common: a run with its limits, the wait for something to move, and the settling at the
 * end, when everything that was published has to be found where it belongs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Client } from '@zeroth/client';
import { inspectStore } from '../../src/store/inspect.ts';
import { MAIN } from '../support/cli.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { Oracle, type Report, type Seen } from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { Member, type MemberOptions, open, Producer, pause, wordsOf } from './load.ts';
import type { ChaosNode } from './node.ts';

export interface Limits {
  /** Kills, freezes or restarts of a client, as the scenario has it. */
  readonly kills: number;
  /** Ends the chaos of a scenario before that. */
  readonly minutes: number;
  /** Messages of the scenarios that count them. */
  readonly messages: number;
}

/** What a scenario tells besides what the oracle found. */
export type Figures = Record<string, number | string>;

/** Nothing moves for so long: stuck. */
const PATIENCE = 30_000;
/** How often a condition is looked at, in ms. */
const LOOK = 5;

export class Run {
  readonly random: Random;
  readonly oracle: Oracle;
  readonly limits: Limits;
  readonly #deadline: number;
  readonly #tell: (text: string) => void;
  readonly #cleanup: (() => Promise<void>)[] = [];

  constructor(seed: number, limits: Limits, tell: (text: string) => void) {
    this.random = new Random(seed);
    this.oracle = new Oracle(seed);
    this.limits = limits;
    this.#tell = tell;
    this.#deadline = performance.now() + limits.minutes * 60_000;
  }

  get report(): Report {
    return this.oracle.report;
  }

  /** The time is up, or too much is wrong already to go on. */
  get over(): boolean {
    return performance.now() > this.#deadline || this.report.total > 1000;
  }

  progress(text: string): void {
    this.#tell(text);
  }

  use<T extends { close(): Promise<void> }>(thing: T): T {
    this.#cleanup.push(() => thing.close());
    return thing;
  }

  async close(): Promise<void> {
    for (const work of this.#cleanup.reverse()) await work();
  }

  /**
   * Waits until `done`. As long as `measure` moves it is waited on; when it stands still for PATIENCE that is a
   * violation, and false.
   */
  async until(what: string, measure: () => number, done: () => boolean): Promise<boolean> {
    let last = measure();
    let moved = performance.now();
    while (!done()) {
      await pause(LOOK);
      const now = measure();
      if (now !== last) moved = performance.now();
      last = now;
      if (performance.now() - moved <= PATIENCE) continue;
      this.report.add('stuck', `${what}: nothing moved for ${PATIENCE} ms at ${now}`);
      return false;
    }
    return true;
  }

  /** Under load means: so many more records are acknowledged than now. */
  async load(records: number): Promise<boolean> {
    const goal = this.oracle.acknowledged + records;
    const measure = (): number => this.oracle.acknowledged;
    return await this.until('acknowledged records', measure, () => measure() >= goal);
  }
}

export const STREAM = 'telemetry';
const SHARDS = 'shards';
const GROUP = 'db';
const ALL = 'copy';
const LIVE = 'live';

/** Who reads what: groups by their reader, as the oracle knows them. */
const GROUPS: readonly { reader: string; members: number; options: MemberOptions }[] = [
  { reader: GROUP, members: 2, options: { group: GROUP, strategy: 'group', credit: 300 } },
  { reader: SHARDS, members: 2, options: { group: SHARDS, strategy: 'sharded', credit: 300 } },
  { reader: ALL, members: 1, options: { group: ALL, strategy: 'broadcast' } },
];
const READERS: typeof GROUPS = [...GROUPS, { reader: LIVE, members: 1, options: { live: true } }];

/** Producers and consumers of one stream. */
export class Load {
  readonly producers: Producer[] = [];
  readonly members: Member[] = [];
  readonly readers: string[] = READERS.map(({ reader }) => reader);
  readonly #run: Run;
  readonly #endpoint: string;

  private constructor(run: Run, endpoint: string) {
    this.#run = run;
    this.#endpoint = endpoint;
  }

  /** `pace`: milliseconds between bursts of a producer, at most. */
  static async start(run: Run, endpoint: string, pace: number, restless = true): Promise<Load> {
    const load = new Load(run, endpoint);
    const { oracle, random } = run;
    for (const { reader, members, options } of READERS)
      for (let index = 1; index <= members; index += 1) {
        // One stays, so that the others always leave somebody behind.
        const more = { ...options, restless: restless && index > 1 };
        load.members.push(
          await Member.start(endpoint, `${reader}-${index}`, STREAM, reader, oracle, random, more),
        );
      }
    for (const [index, window] of [16, 200, 1000].entries())
      load.producers.push(
        await Producer.start(endpoint, `press-${index + 1}`, STREAM, oracle, random, { window, pause: pace }),
      );
    return load;
  }

  /** One more live reader, who begins with all that is there already. */
  async late(): Promise<void> {
    const { oracle, random } = this.#run;
    const reader = `${LIVE}-late`;
    this.readers.push(reader);
    this.members.push(
      await Member.start(this.#endpoint, reader, STREAM, reader, oracle, random, { live: true }),
    );
  }

  /** No more records; waits until all are answered and every reader has everything. */
  async settle(): Promise<void> {
    const { oracle } = this.#run;
    const stops = Promise.all(this.producers.map((producer) => producer.stop()));
    let answered = false;
    void stops.then(() => {
      answered = true;
    });
    if (
      !(await this.#run.until(
        'the last answers',
        () => oracle.acknowledged,
        () => answered,
      ))
    )
      return;
    await this.#caughtUp();
  }

  /** Waits until every reader has all that the stream holds, and the node has their acknowledgements. */
  async #caughtUp(): Promise<void> {
    const client = this.members[0]?.client;
    if (client === undefined) return;
    const { next } = await client.stream(STREAM).info();
    for (const reader of this.readers) {
      const distinct = (): number => this.#run.oracle.deliveries(reader).distinct;
      await this.#run.until(`records of ${reader}`, distinct, () => distinct() >= next - 1);
    }
    await this.#acknowledged(client);
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }

  /** Waits until the node has all acknowledgements. */
  async #acknowledged(client: Client): Promise<void> {
    const end = performance.now() + PATIENCE;
    for (;;) {
      const { groups } = await client.stream(STREAM).info();
      const late = groups.filter(({ lag, inFlight }) => lag > 0 || inFlight > 0);
      if (late.length === 0) return;
      if (performance.now() > end) {
        this.#run.report.add('stuck', `not acknowledged after ${PATIENCE} ms: ${JSON.stringify(late)}`);
        return;
      }
      await pause(20);
    }
  }
}

/**
 * After everything was settled: a kill, then an orderly stop, each followed by a look at what the groups are given.
 * What was acknowledged may come again after a kill (that is counted) and must not after an orderly stop. Then the
 * stream is read by another process and held against the oracle.
 */
export async function finish(
  run: Run,
  node: ChaosNode,
  load: Load,
  proxies: readonly FaultProxy[],
): Promise<Figures> {
  for (const proxy of proxies) proxy.calm();
  await load.settle();
  await load.stop();
  await node.kill();
  await node.start();
  const afterKill = await again(run, node);
  await node.stop();
  await node.start();
  const afterStop = await again(run, node);
  if (afterStop > 0) run.report.add('redelivered', `${afterStop} records after an orderly stop`);
  await node.stop();
  const records = await run.oracle.checkStream(STREAM, readStream(node, STREAM));
  const { segments } = await (await inspectStore(node.data)).info(STREAM);
  const figures: Figures = { records, segments: segments.length };
  for (const { reader } of GROUPS) {
    run.oracle.checkReader(reader, records);
    figures[`again ${reader}`] = run.oracle.deliveries(reader).repeated;
  }
  return { ...figures, 'again after kill': afterKill };
}

/** Publishes one more record and counts what the groups are given before it. */
async function again(run: Run, node: ChaosNode): Promise<number> {
  const { oracle } = run;
  const client = await open(node.sessions, 'marker');
  let early = 0;
  try {
    const { number, key, body } = oracle.next('marker');
    const { sequence } = await client.stream(STREAM).publish(body, key === '' ? {} : { key });
    oracle.acked('marker', number, sequence);
    for (const { reader, options } of GROUPS) {
      const { restless: _, ...more } = options;
      const late = AbortSignal.timeout(PATIENCE);
      let found = false;
      // A broadcast place belongs to group and client name.
      const own = reader === ALL ? await open(node.sessions, `${ALL}-1`) : client;
      for await (const record of own.stream(STREAM).consume({ ...more, from: 'first', signal: late })) {
        const seen = { sequence: record.sequence, key: record.key, body: record.body };
        if (reader !== LIVE || record.sequence === sequence)
          oracle.delivered(reader, seen, reader === SHARDS);
        record.ack();
        found = record.sequence === sequence;
        if (found) break;
        if (reader !== LIVE) early += 1;
      }
      if (!found) run.report.add('stuck', `${reader} was not given the marker`);
      if (own !== client) await own.close();
    }
    for (;;) {
      const { groups } = await client.stream(STREAM).info();
      if (groups.every(({ lag }) => lag === 0)) break;
      await pause(20);
    }
  } catch (error) {
    run.report.add('stuck', `after the restart: ${wordsOf(error)}\n${node.tail.join('\n')}`);
  }
  await client.close();
  return early;
}

/** The whole stream, read by `zeroth stream read`: a process that knows neither the node nor the client. */
export async function* readStream(node: ChaosNode, name: string): AsyncGenerator<Seen> {
  const child = spawn(
    process.execPath,
    [MAIN, 'stream', 'read', name, '--data', node.data, '--json', '--hex'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) yield seenOf(line);
  const [code] = (await exit) as [number | null];
  if (code !== 0) throw new Error(`zeroth stream read ended with exit code ${code}`);
}

function seenOf(line: string): Seen {
  const { seq, frames } = JSON.parse(line) as { seq: number; frames: { hex: string }[] };
  const parts = frames.map(({ hex }) => Buffer.from(hex, 'hex'));
  const key = parts.length > 1 ? String(parts[0]) : '';
  return { sequence: seq, key, body: parts.at(-1) as Buffer };
}
