/**
 * A sample of what passes a route or a stream, for a person who looks.
 *
 * Guarantees: what passes is never held up: a run costs one check while the sample of this moment is taken, and no more
 * is copied than was sampled. A reader that is slow misses samples, never the route; memory is bounded, and so is the
 * number of taps. Each line says how many messages passed and how many of them it does not show; when a configuration
 * has taken the route or stream away, the last one says so.
 */
import type { Run } from '@zeroth/zmq/run';
import { bodyStart, frameEnd, MORE, messageEnd } from '@zeroth/zmq/run';
import { ZerothError } from '../errors.ts';
import type { Span, Stream } from '../store/store.ts';

export interface TapOptions {
  /** Messages a second at most, spread over it: 1 to 10,000. Default 100. */
  readonly rate?: number;
  /** Octets of each message at most: 1 to 65,536. Default 4096. */
  readonly bytes?: number;
  /** Only messages whose first frame begins so. */
  readonly match?: Uint8Array;
}

/** One message, or, without `frames`, only the counts. */
export interface TapLine {
  /** Of the route or stream. */
  readonly name: string;
  /** ISO 8601; of a record the time when it was stored. */
  readonly time: string;
  /** Messages that passed since the tap began, and those of them that no line shows. */
  readonly passed: number;
  readonly skipped: number;
  readonly direction?: Way;
  /** Base64, cut to `bytes` all together. */
  readonly frames?: readonly string[];
  /** Octets of these frames as they passed. */
  readonly sizes?: readonly number[];
  /** Frames that are not shown at all, for there are too many. */
  readonly more?: number;
  /** Of a record: its place in the stream. */
  readonly sequence?: number;
  /** Why this is the last line. */
  readonly ended?: string;
}

export interface Tap extends AsyncIterable<TapLine> {
  /** Ends the lines; nothing is left behind. */
  close(): void;
}

/** What is tapped: a node. */
export interface Tapped {
  readonly routes: ReadonlyMap<string, unknown>;
  streams(): readonly Stream[];
  observe(route: string, listener: (direction: 'toBack' | 'toFront', run: Run) => void): () => void;
}

type Way = 'toBack' | 'toFront' | 'stored';

/** Milliseconds between two allowances; each is for so long at most. */
const TICK = 50;
/** Ticks after which the counts are told, if nothing else was; and though nothing passed, so that a reader knows of us. */
const TELL = 20;
const TELL_ANYWAY = 600;
/** Messages that are compared with `match` for each allowance. */
const LOOKS = 1000;
const MAX_FRAMES = 32;
/** What waits for the reader at most. */
const MAX_QUEUED = 1000;
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
/** Octets of one reading of a stream. */
const READ = 65_536;
/** Ticks after which what is not there is gone: while a configuration is taken over or back it may not be there for a moment. */
const GONE = 20;
/** Taps of one node at a time. */
const MAX_TAPS = 32;

const taps: WeakMap<Tapped, number> = new WeakMap();

/** Taps that are open. */
export function tapsOf(node: Tapped): number {
  return taps.get(node) ?? 0;
}

/**
 * Taps a route, else the stream of that name. Its first line comes at once.
 * @throws ZerothError STREAM_UNKNOWN, TAPS_FULL.
 */
export function openTap(node: Tapped, name: string, options: TapOptions = {}): Tap {
  const route = node.routes.has(name);
  if (!route && streamOf(node, name) === null) {
    const names = [...new Set([...node.routes.keys(), ...node.streams().map((stream) => stream.name)])];
    const known = names.length === 0 ? 'it has none' : `there are ${names.slice(0, 20).join(', ')}`;
    throw new ZerothError('STREAM_UNKNOWN', `the node has no route and no stream ${name}; ${known}`);
  }
  const others = taps.get(node) ?? 0;
  if (others >= MAX_TAPS)
    throw new ZerothError('TAPS_FULL', `the node has ${MAX_TAPS} taps already; end one of them`);
  taps.set(node, others + 1);
  const sampler = new Sampler(name, options);
  const follower = route ? null : new Follower(sampler, () => streamOf(node, name));
  const unobserve = route ? node.observe(name, (way, run) => sampler.offer(way, run)) : null;
  let missing = 0;
  const timer = setInterval(() => {
    sampler.tick();
    const there = follower === null ? node.routes.has(name) : follower.look();
    missing = there ? 0 : missing + 1;
    if (missing === GONE) sampler.end(`the node has no ${route ? 'route' : 'stream'} ${name} any more`);
  }, TICK);
  timer.unref();
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    taps.set(node, (taps.get(node) ?? 1) - 1);
    clearInterval(timer);
    unobserve?.();
    follower?.close();
    sampler.close();
  };
  return { close, [Symbol.asyncIterator]: () => lines(sampler, close) };
}

async function* lines(sampler: Sampler, close: () => void): AsyncGenerator<TapLine> {
  try {
    for (let line = await sampler.next(); line !== null; line = await sampler.next()) yield line;
  } finally {
    close();
  }
}

function streamOf(node: Tapped, name: string): Stream | null {
  return node.streams().find((stream) => stream.name === name) ?? null;
}

interface Sample {
  readonly way: Way;
  readonly time: number;
  readonly sequence: number | null;
  readonly frames: readonly Buffer[];
  readonly sizes: readonly number[];
  readonly more: number;
  readonly octets: number;
  readonly passed: number;
  readonly skipped: number;
}

class Sampler {
  readonly #name: string;
  readonly #perTick: number;
  readonly #bytes: number;
  readonly #match: Uint8Array | null;
  /** Messages that may be sampled now; below 1: none. */
  #allowance: number;
  #looks = LOOKS;
  #passed = 0;
  #shown = 0;
  #queue: Sample[] = [];
  #queued = 0;
  #ticks = 0;
  /** What the last line said of `#passed`; -1: there was none. */
  #told = -1;
  #closed = false;
  /** Why there is nothing more to come. */
  #ended: string | null = null;
  #wake: (() => void) | null = null;

  constructor(name: string, { rate = 100, bytes = 4096, match }: TapOptions) {
    this.#name = name;
    this.#perTick = (within(rate, 10_000) * TICK) / 1000;
    this.#bytes = within(bytes, 65_536);
    this.#match = match === undefined || match.length === 0 ? null : match;
    this.#allowance = Math.max(1, this.#perTick);
  }

  get sated(): boolean {
    return this.#allowance < 1;
  }

  tick(): void {
    this.#allowance = Math.min(Math.max(1, this.#perTick), this.#allowance + this.#perTick);
    this.#looks = LOOKS;
    if (++this.#ticks >= TELL) this.#wake?.();
  }

  passed(count: number): void {
    this.#passed += count;
  }

  /** What passes a route. The memory of the run is somebody else's afterwards. */
  offer(way: Way, run: Run): void {
    this.#passed += run.count;
    if (this.#allowance >= 1) this.sample(way, run, null, Date.now());
  }

  /** Of messages that have been counted. `sequence` is that of the first record. */
  sample(way: Way, { bytes, start, count }: Run, sequence: number | null, time: number): void {
    for (let i = 0, at = start; i < count && this.#allowance >= 1 && this.#looks > 0; i++) {
      const end = messageEnd(bytes, at);
      if (this.#wanted(bytes, at)) {
        this.#allowance--;
        this.#take(way, bytes, at, end, sequence === null ? null : sequence + i, time);
      }
      at = end;
    }
  }

  /** Null: closed. */
  async next(): Promise<TapLine | null> {
    while (!this.#closed) {
      const sample = this.#queue.shift();
      if (sample !== undefined) {
        this.#queued -= sample.octets;
        return this.#line(sample);
      }
      if (this.#ended !== null) {
        this.#closed = true;
        return { ...this.#counts(), ended: this.#ended };
      }
      if (this.#due) return this.#counts();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    return null;
  }

  /** The lines end with this word. */
  end(why: string): void {
    this.#ended = why;
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#wake?.();
  }

  get #due(): boolean {
    if (this.#told === -1 || this.#ticks >= TELL_ANYWAY) return true;
    return this.#ticks >= TELL && this.#told !== this.#passed;
  }

  #wanted(bytes: Uint8Array, at: number): boolean {
    const match = this.#match;
    if (match === null) return true;
    this.#looks--;
    const body = bodyStart(bytes, at);
    if (frameEnd(bytes, at) - body < match.length) return false;
    for (let i = 0; i < match.length; i++) if (bytes[body + i] !== match[i]) return false;
    return true;
  }

  #take(
    way: Way,
    bytes: Uint8Array,
    start: number,
    end: number,
    sequence: number | null,
    time: number,
  ): void {
    if (this.#queue.length >= MAX_QUEUED || this.#queued >= MAX_QUEUED_BYTES) return;
    const frames: Buffer[] = [];
    const sizes: number[] = [];
    let left = this.#bytes;
    let more = 0;
    for (let at = start, last = false; !last && at < end; ) {
      const body = bodyStart(bytes, at);
      const next = frameEnd(bytes, at);
      last = (bytes[at]! & MORE) === 0;
      at = next;
      if (frames.length === MAX_FRAMES) {
        more++;
        continue;
      }
      const kept = Math.min(left, next - body);
      left -= kept;
      frames.push(Buffer.from(bytes.subarray(body, body + kept)));
      sizes.push(next - body);
    }
    const octets = this.#bytes - left;
    this.#shown++;
    const { passed, skipped } = this.#figures();
    this.#queue.push({ way, time, sequence, frames, sizes, more, octets, passed, skipped });
    this.#queued += octets;
    this.#wake?.();
  }

  #figures(): { passed: number; skipped: number } {
    return { passed: this.#passed, skipped: this.#passed - this.#shown };
  }

  #counts(): TapLine {
    this.#told = this.#passed;
    this.#ticks = 0;
    return { name: this.#name, time: new Date().toISOString(), ...this.#figures() };
  }

  #line({ way, time, sequence, frames, sizes, more, passed, skipped }: Sample): TapLine {
    this.#told = passed;
    this.#ticks = 0;
    return {
      name: this.#name,
      time: new Date(time).toISOString(),
      passed,
      skipped,
      direction: way,
      frames: frames.map((frame) => frame.toString('base64')),
      sizes,
      ...(more === 0 ? {} : { more }),
      ...(sequence === null ? {} : { sequence }),
    };
  }
}

/** Follows what a stream commits; what is not sampled is not read. */
class Follower {
  readonly #sampler: Sampler;
  readonly #find: () => Stream | null;
  #stream: Stream | null = null;
  #next = 0;
  #reading = false;
  #unlisten: () => void = () => {};

  constructor(sampler: Sampler, find: () => Stream | null) {
    this.#sampler = sampler;
    this.#find = find;
    this.look();
  }

  /** Follows the stream that has the name now: a new configuration may have closed or made it. False: there is none. */
  look(): boolean {
    const stream = this.#find();
    if (stream === this.#stream) return stream !== null;
    this.#unlisten();
    this.#stream = stream;
    this.#next = stream?.committed ?? 0;
    this.#unlisten = stream?.listen(() => this.#committed(stream)) ?? (() => {});
    return stream !== null;
  }

  close(): void {
    this.#unlisten();
    this.#stream = null;
  }

  #committed(stream: Stream): void {
    const from = this.#next;
    const count = stream.committed - from;
    if (count <= 0) return;
    this.#next = stream.committed;
    this.#sampler.passed(count);
    if (this.#reading || this.#sampler.sated) return;
    const spans = stream.read(from, READ);
    if (!('then' in spans)) {
      this.#sample(spans);
      return;
    }
    this.#reading = true;
    spans
      .then(
        (read) => {
          if (stream === this.#stream) this.#sample(read);
        },
        // What can't be read is told by the stream itself; here it is not shown.
        () => {},
      )
      .finally(() => {
        this.#reading = false;
      });
  }

  #sample(spans: readonly Span[]): void {
    for (const span of spans)
      if (span.type === 'records') this.#sampler.sample('stored', span, span.first, span.timestamp);
  }
}

function within(value: number, max: number): number {
  return Math.min(max, Math.max(1, Math.floor(value)));
}
