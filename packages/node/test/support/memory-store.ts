/**
 * A store in memory that does what a test tells it: commits at once or when told, refuses, loses, answers late. The
 * second implementation of the interface, too: it holds those who use it to what the interface says.
 */
import { type Run, skipMessages } from '@zeroth/zmq/run';
import type { StreamSettings } from '../../src/config/types.ts';
import { ZerothError } from '../../src/errors.ts';
import type {
  Appended,
  Places,
  Producer,
  Span,
  Stream,
  StreamListener,
  StreamStats,
  StreamStore,
} from '../../src/store/store.ts';

export const SETTINGS: StreamSettings = {
  retain: { bytes: 0, age: 0, count: 0 },
  fsync: 'always',
  fsyncInterval: 100,
};

export class MemoryStore implements StreamStore {
  readonly streams: Map<string, MemoryStream> = new Map();

  async open(name: string, settings: StreamSettings = SETTINGS): Promise<MemoryStream> {
    let stream = this.streams.get(name);
    if (stream === undefined) {
      stream = new MemoryStream(name, settings);
      this.streams.set(name, stream);
    }
    return stream;
  }

  get(name: string): MemoryStream | null {
    return this.streams.get(name) ?? null;
  }

  all(): readonly MemoryStream[] {
    return [...this.streams.values()];
  }

  async release(name: string): Promise<void> {
    this.streams.delete(name);
  }

  async list(): Promise<string[]> {
    return [...this.streams.keys()];
  }

  async close(): Promise<void> {}
}

type Records = Extract<Span, { type: 'records' }>;

export class MemoryStream implements Stream, Places {
  readonly name: string;
  settings: StreamSettings;
  first = 1;
  next = 1;
  committed = 1;
  trouble: ZerothError | null = null;
  hasRoom = true;
  /** Commits wait for `commit`. */
  held = false;
  /** Reads are answered by a promise. */
  slow = false;
  /** Reads fail. */
  broken = false;
  readonly #batches: Records[] = [];
  readonly #lost: { first: number; last: number }[] = [];
  readonly #producers: Map<string, number> = new Map();
  readonly #listeners: Set<StreamListener> = new Set();
  readonly #values: Map<string, Uint8Array> = new Map();
  #scheduled = false;

  constructor(name: string, settings: StreamSettings) {
    this.name = name;
    this.settings = settings;
  }

  configure(settings: StreamSettings): void {
    this.settings = settings;
  }

  timeOf(sequence: number): number | null {
    const batch = this.#batches.findLast(({ first }) => first <= sequence);
    return batch?.timestamp ?? null;
  }

  get places(): Places {
    return this;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  get stats(): StreamStats {
    const bytes = this.#batches.reduce((sum, { start, end }) => sum + end - start, 0);
    const pending = this.next - this.committed;
    const records = this.next - 1;
    const commits = { commits: 0, lastCommit: 0, commitTime: 0 };
    return { bytes, records, repeated: 0, pending, ...commits, segments: 1, listeners: this.listeners };
  }

  append(run: Run, producer: Producer | null): Appended | null {
    if (this.trouble !== null) throw this.trouble;
    if (!this.hasRoom) return null;
    const last = producer === null ? 0 : this.lastOf(producer.name);
    const repeated = producer === null ? 0 : Math.min(run.count, Math.max(0, last + 1 - producer.sequence));
    const count = run.count - repeated;
    const first = this.next;
    if (count > 0) {
      if (producer !== null) this.#producers.set(producer.name, producer.sequence + run.count - 1);
      const { bytes, end } = run;
      const start = skipMessages(bytes, run.start, repeated);
      this.#batches.push({ type: 'records', first, count, timestamp: 1000 + first, bytes, start, end });
      this.next += count;
    }
    if (!this.held && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        if (!this.held) this.commit();
      });
    }
    return { first: count > 0 ? first : 0, count, repeated, durableAt: this.next };
  }

  commit(until: number = this.next): void {
    this.committed = until;
    this.tell();
  }

  /** Calls the listeners. */
  tell(): void {
    for (const listener of [...this.#listeners]) listener(this);
  }

  fail(message: string): void {
    this.trouble = new ZerothError('STREAM_FAILED', message);
    this.tell();
  }

  lastOf(producer: string): number {
    return this.#producers.get(producer) ?? 0;
  }

  read(from: number, maxBytes: number): readonly Span[] | Promise<readonly Span[]> {
    if (this.broken) return Promise.reject(new ZerothError('STREAM_FAILED', 'it can not be read'));
    const spans = this.#read(from, maxBytes);
    return this.slow ? new Promise((resolve) => setImmediate(() => resolve(spans))) : spans;
  }

  #read(from: number, maxBytes: number): readonly Span[] {
    const found: Span[] = [];
    if (from >= this.committed) return found;
    if (from < this.first)
      found.push({ type: 'gap', first: from, last: this.first - 1, reason: 'retention' });
    let bytes = 0;
    let at = Math.max(from, this.first);
    for (const batch of this.#batches) {
      const end = batch.first + batch.count;
      if (end <= at || batch.first >= this.committed || bytes >= maxBytes) continue;
      const lost = this.#lost.find(({ first, last }) => first <= at && last >= at);
      if (lost !== undefined) {
        found.push({ type: 'gap', first: at, last: lost.last, reason: 'damaged' });
        at = lost.last + 1;
      }
      if (end <= at) continue;
      const start = skipMessages(batch.bytes, batch.start, at - batch.first);
      found.push({ ...batch, first: at, count: end - at, start });
      bytes += batch.end - start;
      at = end;
    }
    return found;
  }

  async find(time: number): Promise<number> {
    await new Promise(setImmediate);
    return this.#batches.find(({ timestamp }) => timestamp >= time)?.first ?? this.committed;
  }

  listen(listener: StreamListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protect(): void {}

  async purge(sequence: number): Promise<number> {
    this.first = Math.max(this.first, Math.min(sequence, this.committed));
    return this.first;
  }

  /** These are damaged from now on. */
  lose(first: number, last: number): void {
    this.#lost.push({ first, last });
  }

  // ---- Places

  names(): string[] {
    return [...this.#values.keys()];
  }

  get(name: string): Uint8Array | null {
    return this.#values.get(name) ?? null;
  }

  save(name: string, value: Uint8Array): void {
    this.#values.set(name, value);
  }

  async settle(): Promise<void> {}

  remove(name: string): void {
    this.#values.delete(name);
  }
}
