/**
 * What is removed from a stream, and when: whole segments, the oldest first.
 *
 * - `bytes` is what the records take at most once a write is done; `count` records are kept at least; `age` is how old a
 *   record gets before its segment goes, by the clock as it is now: see {@link Retention.clockWentBack}. A segment is about an eighth of each.
 * - Records that a reader protects stay. If they fill `bytes` or `count`, the stream has no room until the reader goes on.
 *
 * Guarantees: the segment that is written to is never removed; a file that can't be removed is tried again.
 */
import type { RetainConfig } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import { codeOf, type FileSystem } from './files.ts';
import type { FilePool } from './pool.ts';
import type { Segments } from './segments.ts';
import { indexPath } from './sparse.ts';
import { reasonOf } from './trouble.ts';

export interface RetentionOptions {
  /** As it is now. */
  readonly retain: () => RetainConfig;
  readonly files: FileSystem;
  readonly pool: FilePool;
  readonly log: Log;
  readonly now: () => number;
  readonly segments: Segments;
  readonly committed: () => number;
  /** Resolves when finished segments are left alone by who finishes them. */
  readonly sealed: () => Promise<void>;
  /** Asks for a new segment. */
  readonly roll: () => Promise<void>;
  /** Something is gone. */
  readonly removed: () => void;
}

export class Retention {
  readonly #options: RetentionOptions;
  readonly #protected = new Map<string, number>();
  /** No record from here on is removed. */
  #spared = Number.POSITIVE_INFINITY;
  /** Records before this are removed on request. */
  #purge = 0;
  /** Files that are to be removed. */
  #garbage: string[] = [];
  #work: Promise<void> = Promise.resolve();
  #told = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  protect(reader: string, sequence: number | null): void {
    const wasFull = this.#told;
    if (sequence === null) this.#protected.delete(reader);
    else this.#protected.set(reader, sequence);
    this.#spared = Math.min(Number.POSITIVE_INFINITY, ...this.#protected.values());
    if (wasFull && this.#spared > this.#options.segments.oldest.first) void this.run();
  }

  /** What is protected, with `pending` octets that wait, up to sequence `next`, fills the stream. */
  isFull(pending: number, next: number): boolean {
    const { segments, log } = this.#options;
    const retain = this.#options.retain();
    if (this.#spared >= next) return false;
    const over = retain.bytes > 0 && pending + this.#held(retain.bytes - pending) >= retain.bytes;
    if (!over && !(retain.count > 0 && next - this.#spared >= retain.count)) return false;
    if (!this.#told) {
      this.#told = true;
      const readers = [...this.#protected.keys()];
      log.event('store:full', { bytes: segments.content, limit: retain.bytes, readers });
    }
    return true;
  }

  /** The stream takes more than its octets, and something may go. */
  get isOver(): boolean {
    const { segments } = this.#options;
    const retain = this.#options.retain();
    if (retain.bytes === 0 || segments.content <= retain.bytes) return false;
    return segments.count > 1 && segments.oldest.next <= this.#spared;
  }

  /** Octets of the segments that hold protected records; no more than `enough` are looked for. */
  #held(enough: number): number {
    const { all, content, oldest } = this.#options.segments;
    if (content < enough || oldest.next > this.#spared) return content;
    let held = 0;
    for (let i = all.length - 1; i >= 0 && all[i]!.next > this.#spared && held < enough; i--)
      held += all[i]!.end - all[i]!.start;
    return held;
  }

  /** Removes what may go. */
  async run(): Promise<void> {
    const { segments, roll } = this.#options;
    let removed = false;
    while (segments.count > 1 && this.#mayGo()) {
      const { path } = segments.shift();
      this.#garbage.push(path, indexPath(path));
      removed = true;
    }
    // Nothing but the active segment fills the stream: it has to end before it can go.
    if (this.#told && segments.count === 1 && this.#spared >= segments.active.next) void roll();
    if (this.#told && !this.isFull(0, segments.active.next)) {
      this.#told = false;
      removed = true;
    }
    if (removed) this.#options.removed();
    if (this.#garbage.length === 0) return;
    // One after the other: what this call has found may come too late for a sweep that is under way.
    this.#work = this.#work.then(() => this.#sweep());
    await this.#work;
  }

  /** Removes records before `sequence`, by whole segments. */
  async purge(sequence: number): Promise<void> {
    const { committed, roll } = this.#options;
    this.#purge = Math.max(this.#purge, sequence);
    // The active segment has to end before it can go.
    if (sequence >= committed()) await roll();
    await this.run();
  }

  /** Nothing was written later than now, whatever the clock said then: a wrong clock must not keep records for years. */
  clockWentBack(): void {
    const { segments, now } = this.#options;
    const time = now();
    for (const segment of segments.all) {
      segment.began = Math.min(segment.began, time);
      segment.written = Math.min(segment.written, time);
    }
  }

  async close(): Promise<void> {
    await this.#work;
  }

  #mayGo(): boolean {
    const { segments, now } = this.#options;
    const retain = this.#options.retain();
    const { oldest } = segments;
    if (oldest.next <= this.#purge) return true;
    if (oldest.next > this.#spared) return false;
    if (retain.bytes > 0 && segments.content > retain.bytes) return true;
    if (oldest.written > now()) this.clockWentBack();
    if (retain.age > 0 && oldest.written < now() - retain.age) return true;
    return retain.count > 0 && segments.active.next - oldest.next >= retain.count;
  }

  async #sweep(): Promise<void> {
    const { files, log, pool, sealed } = this.#options;
    await sealed();
    const garbage = this.#garbage;
    this.#garbage = [];
    for (const path of garbage) {
      pool.drop(path);
      try {
        await files.remove(path);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') continue;
        this.#garbage.push(path);
        log.event('store:remove', { file: path, reason: reasonOf(error) });
      }
    }
  }
}
