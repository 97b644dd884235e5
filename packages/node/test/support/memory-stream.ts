/**
 * A stream in memory that commits when it is told to: for tests of what stands on streams.
 */
import type { Run } from '@zeroth/zmq/run';
import { decodeMessage, skipMessages } from '@zeroth/zmq/run';
import { ZerothError } from '../../src/errors.ts';
import type { Appended, Places, Span, Stream, StreamListener, StreamStats } from '../../src/store/store.ts';

interface Held extends Run {
  readonly first: number;
}

export class MemoryStream implements Stream {
  readonly name = 'memory';
  readonly settings = {
    retain: { bytes: 0, age: 0, count: 0 },
    fsync: 'always',
    fsyncInterval: 100,
  } as const;
  readonly stats: StreamStats = {
    bytes: 0,
    records: 0,
    repeated: 0,
    pending: 0,
    commits: 0,
    lastCommit: 0,
    commitTime: 0,
    segments: 1,
    listeners: 0,
  };
  first = 1;
  next = 1;
  committed = 1;
  trouble: ZerothError | null = null;
  /** Records that `append` takes before it has no room; what is committed counts no more. */
  room = Number.POSITIVE_INFINITY;
  /** Commits what is appended at once. */
  atOnce = true;
  /** Reads by a promise, as from a disk. */
  slow = false;
  reads = 0;
  protected: number | null = null;
  readonly #held: Held[] = [];
  readonly #gone: { first: number; last: number }[] = [];
  readonly #listeners = new Set<StreamListener>();
  readonly places: Places = new MemoryPlaces();

  get hasRoom(): boolean {
    return this.next - this.committed < this.room;
  }

  append(run: Run): Appended | null {
    if (this.trouble !== null) throw this.trouble;
    if (!this.hasRoom) return null;
    const first = this.next;
    this.#held.push({ ...run, first });
    this.next += run.count;
    if (this.atOnce) this.commit();
    return { first, count: run.count, repeated: 0, durableAt: this.next };
  }

  configure(): void {}

  timeOf(): number | null {
    return null;
  }

  lastOf(): number {
    return 0;
  }

  commit(upTo: number = this.next): void {
    this.committed = upTo;
    this.tell();
  }

  fail(message: string): void {
    this.trouble = new ZerothError('STREAM_FAILED', message);
    this.tell();
  }

  recover(): void {
    this.trouble = null;
    this.tell();
  }

  /** These are damaged from now on. */
  damage(first: number, last: number): void {
    this.#gone.push({ first, last });
  }

  tell(): void {
    for (const listener of [...this.#listeners]) listener(this);
  }

  read(from: number): readonly Span[] | Promise<readonly Span[]> {
    this.reads++;
    const spans = this.#spans(from);
    return this.slow ? new Promise((resolve) => setImmediate(resolve, spans)) : spans;
  }

  /** One run, or one gap, at a time. */
  #spans(from: number): readonly Span[] {
    const gap = this.#gone.find(({ first, last }) => first <= from && from <= last);
    if (gap !== undefined) return [{ type: 'gap', first: from, last: gap.last, reason: 'damaged' }];
    const end = Math.min(this.committed, ...this.#gone.map(({ first }) => (first > from ? first : Infinity)));
    const held = this.#held.find(({ first, count }) => first <= from && from < first + count);
    if (held === undefined || from >= end) return [];
    const start = skipMessages(held.bytes, held.start, from - held.first);
    const count = Math.min(end, held.first + held.count) - from;
    const stop = skipMessages(held.bytes, start, count);
    return [{ type: 'records', first: from, count, timestamp: 0, bytes: held.bytes, start, end: stop }];
  }

  /** The bodies of all records, committed or not. */
  get bodies(): string[] {
    return this.#held.flatMap(({ bytes, start, count }) => {
      const texts: string[] = [];
      for (let at = start, left = count; left > 0; left--) {
        const end = skipMessages(bytes, at, 1);
        texts.push(String(decodeMessage(bytes, at, end).at(-1)));
        at = end;
      }
      return texts;
    });
  }

  find(): Promise<number> {
    return Promise.resolve(this.first);
  }

  listen(listener: StreamListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  protect(_reader: string, sequence: number | null): void {
    this.protected = sequence;
  }

  purge(): Promise<number> {
    return Promise.resolve(this.first);
  }
}

class MemoryPlaces implements Places {
  readonly #values = new Map<string, Uint8Array>();

  names(): string[] {
    return [...this.#values.keys()];
  }

  get(name: string): Uint8Array | null {
    return this.#values.get(name) ?? null;
  }

  save(name: string, value: Uint8Array): void {
    this.#values.set(name, Buffer.from(value));
  }

  async settle(): Promise<void> {}

  remove(name: string): void {
    this.#values.delete(name);
  }
}
