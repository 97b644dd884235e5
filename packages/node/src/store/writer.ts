/**
 * Writes what waits in the queue: one write at a time, with all that has come meanwhile (group commit).
 *
 * Guarantees: batches are committed in order, each once, and only when the file system said that they are written
 * (`fsync: always`: on the disk). When it says otherwise nothing is lost: what was not committed stays in memory, and
 * is written to a new segment as soon as that works; a sync that failed is never tried again on the same file, because
 * the system may have dropped what it could not write.
 */
import type { StreamSettings } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import type { FileSystem, OpenFile } from './files.ts';
import type { Producers } from './producers.ts';
import { type Batch, piecesOf, type Queue, sizeOf } from './queue.ts';
import { createSegment, type Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import { writeIndex } from './sparse.ts';
import { reasonOf } from './trouble.ts';

/** How long a producer is remembered at least after it wrote, also when its records are gone: seven days. */
const REMEMBERED = 7 * 24 * 3_600_000;

/** Octets of one write. More makes a commit last longer and brings no more bandwidth. */
const WRITE_MAX = 2 * 1024 * 1024;

/** What may change while it writes. */
export interface WriterPolicy {
  readonly settings: StreamSettings;
  /** Octets after which a new segment begins, and milliseconds; 0: never. */
  readonly segmentBytes: number;
  readonly segmentAge: number;
  /** Records after which one begins; 0: never. */
  readonly segmentCount: number;
}

export interface WriterOptions {
  readonly stream: string;
  readonly folder: string;
  readonly policy: WriterPolicy;
  readonly files: FileSystem;
  readonly log: Log;
  readonly now: () => number;
  /** Rejects when the folder is somebody else's by now. */
  readonly verify: () => Promise<void>;
  readonly mark: number;
  readonly segments: Segments;
  readonly queue: Queue;
  readonly producers: Producers;
  /** The active segment, open; null: make one. */
  readonly file: OpenFile | null;
  readonly next: number;
}

export interface WriterEvents {
  /** These are committed now. */
  readonly committed: (batches: readonly Batch[], milliseconds: number) => void;
  /** Writing failed, or (null) works again. */
  readonly failed: (error: unknown) => void;
  readonly rolled: () => void;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #events: WriterEvents;
  #policy: WriterPolicy;
  /** The active file is opened so that each write is on the disk. */
  #syncs: boolean;
  #file: OpenFile | null;
  /** Sequence after the last one that is committed. */
  #next: number;
  /** What is being written. */
  #flight: readonly Batch[] = [];
  #began = 0;
  #busy = false;
  #scheduled = false;
  #trouble = false;
  #closing = false;
  #stopped = false;
  #rollWanted = false;
  /** Why the active file can't be used after the write that is under way. */
  #poison: { readonly error: unknown } | null = null;
  /** Offset in the active file before which all is on the disk. */
  #durable: number;
  #syncTimer: NodeJS.Timeout | null = null;
  #syncing: Promise<void> | null = null;
  readonly #sealing = new Set<Promise<void>>();
  readonly #idle: (() => void)[] = [];
  readonly #rolling: (() => void)[] = [];
  #pending = 0;

  constructor(options: WriterOptions, events: WriterEvents) {
    this.#options = options;
    this.#events = events;
    this.#policy = options.policy;
    this.#syncs = options.policy.settings.fsync === 'always';
    this.#file = options.file;
    this.#next = options.next;
    this.#durable = options.file === null ? 0 : options.segments.active.end;
  }

  /** Octets that were taken from the queue and are not committed. */
  get flying(): number {
    return this.#pending;
  }

  /** Other settings; another way to sync begins with a new segment, which is asked for at once. */
  configure(policy: WriterPolicy): void {
    this.#policy = policy;
    if (this.#syncTimer !== null) {
      clearTimeout(this.#syncTimer);
      this.#syncTimer = null;
      this.#syncSoon();
    }
    this.kick();
  }

  /** Something was added to the queue. */
  kick(): void {
    if (this.#busy || this.#scheduled || this.#trouble) return;
    this.#scheduled = true;
    // At the end of the callback that runs now: what it appends goes together.
    queueMicrotask(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    if (!this.#busy && !this.#trouble) this.#start();
  };

  #start(): void {
    if (this.#mustRoll()) {
      this.#busy = true;
      this.#roll().then(
        () => this.#rolled(),
        (error: unknown) => this.#fail(error),
      );
      return;
    }
    const { queue, segments, mark } = this.#options;
    if (queue.isEmpty) {
      this.#rest();
      return;
    }
    this.#busy = true;
    this.#began = performance.now();
    this.#flight = queue.take(WRITE_MAX);
    this.#pending = 0;
    for (const batch of this.#flight) this.#pending += sizeOf(batch);
    this.#file!.write(piecesOf(this.#flight, mark, this.#durable), segments.active.end, this.#written);
  }

  readonly #written = (error: Error | null): void => {
    if (error !== null || this.#stopped) {
      this.#fail(error);
      return;
    }
    const { segments, producers, now } = this.#options;
    const { settings } = this.#policy;
    const segment = segments.active;
    const batches = this.#flight;
    const time = now();
    if (segment.next === segment.first) segment.began = time;
    segment.written = time;
    for (const batch of batches) {
      const { first, count, timestamp, number } = batch;
      if (segment.next === segment.first) segment.firstTime = timestamp;
      segment.lastTime = timestamp;
      segment.sparse?.note(first, timestamp, segment.end);
      const size = sizeOf(batch);
      segment.end += size;
      segments.grow(size);
      segment.next = first + count;
      if (number > 0) producers.commit(batch.producer, number + count - 1, timestamp);
    }
    this.#next = segment.next;
    if (this.#syncs) this.#durable = segment.end;
    else if (settings.fsync !== 'never') this.#syncSoon();
    this.#flight = [];
    this.#pending = 0;
    this.#busy = false;
    const took = performance.now() - this.#began;
    const healed = this.#trouble;
    this.#trouble = false;
    if (this.#poison !== null) {
      const { error: reason } = this.#poison;
      this.#events.committed(batches, took);
      this.#fail(reason);
      return;
    }
    // The disk gets its next work before anybody hears of this.
    this.#start();
    if (healed) this.#events.failed(null);
    this.#events.committed(batches, took);
  };

  #mustRoll(): boolean {
    const { segments, now, queue } = this.#options;
    const { settings, segmentBytes, segmentAge, segmentCount } = this.#policy;
    const { active } = segments;
    if (this.#file === null || this.#syncs !== (settings.fsync === 'always')) return true;
    if (active.next === active.first) return false;
    if (this.#rollWanted) return true;
    if (segmentAge > 0 && now() - active.began >= segmentAge) return true;
    if (queue.isEmpty) return false;
    if (segmentCount > 0 && active.next - active.first >= segmentCount) return true;
    return active.end - active.start >= segmentBytes;
  }

  /** Begins a new segment, for what comes next. */
  async #roll(): Promise<void> {
    const { files, folder, mark, now, producers, segments, verify } = this.#options;
    await verify();
    const first = this.#next;
    const created = now();
    // Who wrote none of the records that are kept sends none of them again.
    const kept = segments.oldest.firstTime === 0 ? created : segments.oldest.firstTime;
    producers.forget(Math.min(kept, created - REMEMBERED));
    const durable = this.#policy.settings.fsync === 'always';
    // One without records is replaced by the next, which has its name: Windows replaces no file that is open.
    if (this.#file !== null && segments.active.first === first) {
      await this.#syncing;
      await this.#file.close().catch(() => {});
      this.#file = null;
    }
    const { segment, file } = await createSegment(
      files,
      folder,
      { mark, first, created, producers },
      durable,
    );
    const before = segments.count === 0 ? null : segments.active;
    const old = this.#file;
    const synced = this.#syncs;
    segments.push(segment);
    this.#file = file;
    this.#syncs = durable;
    this.#durable = segment.start;
    this.#rollWanted = false;
    this.#poison = null;
    if (this.#syncTimer !== null) clearTimeout(this.#syncTimer);
    this.#syncTimer = null;
    if (before !== null) this.#seal(before, synced ? null : old, old, first === before.first);
  }

  #rolled(): void {
    this.#busy = false;
    settle(this.#rolling);
    if (this.#stopped) {
      this.#rest();
      return;
    }
    this.#events.rolled();
    // After trouble the first write that works ends it.
    if (this.#trouble && this.#options.queue.isEmpty) {
      this.#trouble = false;
      this.#events.failed(null);
    }
    this.#start();
  }

  /** Finishes a segment that is not written to any more. Nobody waits for it. */
  #seal(segment: Segment, unsynced: OpenFile | null, file: OpenFile | null, replaced: boolean): void {
    const { files, log, stream } = this.#options;
    const failed = this.#trouble;
    const syncing = this.#syncing;
    this.#syncing = null;
    const work = (async () => {
      await syncing;
      try {
        if (unsynced !== null && !failed && !replaced) await unsynced.sync();
      } catch (error) {
        const { path, first, next } = segment;
        log.event('store:unsynced', { stream, file: path, first, last: next - 1, reason: reasonOf(error) });
      }
      await file?.close();
      if (replaced || segment.sparse === null) return;
      await writeIndex(files, segment, segment.sparse);
      segment.sparse = null;
    })().catch((error: unknown) => {
      log.event('store:index', { stream, file: segment.path, reason: reasonOf(error) });
    });
    this.#sealing.add(work);
    void work.then(() => this.#sealing.delete(work));
  }

  /** Waits until finished segments are left alone. */
  async sealed(): Promise<void> {
    await Promise.all(this.#sealing);
  }

  #syncSoon(): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = null;
      if (this.#file !== null && this.#syncing === null) this.#syncing = this.#sync(this.#file);
    }, this.#policy.settings.fsyncInterval);
  }

  async #sync(file: OpenFile): Promise<void> {
    const { segments } = this.#options;
    const segment = segments.active;
    const { end, next } = segment;
    try {
      await file.sync();
      if (this.#file === file) this.#durable = end;
    } catch (error) {
      const { log, stream } = this.#options;
      const { path, first } = segment;
      log.event('store:unsynced', { stream, file: path, first, last: next - 1, reason: reasonOf(error) });
      // What this file still holds stays readable; what comes next goes to another one.
      if (this.#file === file) this.#abandon(error);
    }
    if (this.#file === file) {
      this.#syncing = null;
      if (segment.end > end) this.#syncSoon();
    }
  }

  /** The active file is not to be trusted any more. A write to it may be under way. */
  #abandon(error: unknown): void {
    if (this.#busy) this.#poison = { error };
    else this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#options.queue.putBack(this.#flight);
    this.#flight = [];
    this.#pending = 0;
    this.#busy = false;
    this.#trouble = true;
    settle(this.#rolling);
    this.#events.failed(error);
    this.#rest();
  }

  /** Tries again after a failure: a new segment, and what waits. */
  retry(): void {
    if (!this.#trouble || this.#busy || this.#closing || this.#stopped) return;
    this.#busy = true;
    this.#again().then(
      () => this.#rolled(),
      (error: unknown) => this.#fail(error),
    );
  }

  async #again(): Promise<void> {
    const { segments } = this.#options;
    // What a failed write has left would be read as torn, or not count: it is cut off where that is possible.
    if (this.#file !== null) await this.#file.truncate(segments.active.end).catch(() => {});
    await this.#roll();
  }

  /** Begins a new segment before the next write, if the active one has records. Resolves when that worked or failed. */
  roll(): Promise<void> {
    const { active } = this.#options.segments;
    if (this.#trouble || active.next === active.first) return Promise.resolve();
    this.#rollWanted = true;
    this.kick();
    return new Promise((resolve) => this.#rolling.push(resolve));
  }

  /** Rolls if the active segment has become old. */
  tick(): void {
    if (this.#trouble) this.retry();
    else if (this.#mustRoll()) this.kick();
  }

  /** Writes nothing any more: the folder is somebody else's. */
  stop(): void {
    this.#stopped = true;
    this.#trouble = true;
    if (this.#busy) return;
    settle(this.#rolling);
    this.#rest();
  }

  #rest(): void {
    settle(this.#idle);
  }

  /** Resolves when nothing is being written, nor waits unless writing fails. */
  idle(): Promise<void> {
    if (!this.#busy && (this.#trouble || (this.#options.queue.isEmpty && !this.#scheduled)))
      return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Writes what waits, if that is possible, and closes the file. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.idle();
    if (this.#syncTimer !== null) clearTimeout(this.#syncTimer);
    await this.#syncing;
    const file = this.#file;
    this.#file = null;
    if (file !== null) {
      if (!this.#syncs && !this.#trouble) await file.sync().catch(() => {});
      await file.close().catch(() => {});
    }
    await this.sealed();
  }
}

function settle(waiting: (() => void)[]): void {
  for (const resolve of waiting.splice(0)) resolve();
}
