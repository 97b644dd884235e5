/**
 * Looks into a data folder without taking its lock: for tools, while a node may be writing.
 *
 * Guarantees: changes nothing. What a node is just writing looks like a torn tail, and is not there yet; what retention
 * removes meanwhile is told as a gap. All else that is missing is told, too.
 */
import { setTimeout } from 'node:timers/promises';
import { ZerothError } from '../errors.ts';
import { silentLog } from '../log/log.ts';
import { codeOf, type FileSystem, type OpenFile, realFiles } from './files.ts';
import { ownerOf } from './lock.ts';
import { listStreams } from './open.ts';
import type { Owner } from './owner.ts';
import { readPlaces } from './places.ts';
import { FilePool } from './pool.ts';
import { Ahead, Reader } from './reader.ts';
import { listSegments, newestTable, notesOf, readMark } from './recover.ts';
import { type Damage, type Scanned, type ScanRequest, scanSegment } from './scan.ts';
import { readHeader, type Segment, segmentPath } from './segment.ts';
import { Segments } from './segments.ts';
import { readIndex } from './sparse.ts';
import type { Span } from './store.ts';
import { streamFolder } from './stream.ts';
import { reasonOf } from './trouble.ts';

export type { Damage } from './scan.ts';

const READ = 1024 * 1024;
/** Milliseconds between two looks for what is new. */
const FOLLOW = 200;

export interface StreamInfo {
  readonly name: string;
  /** Sequence of the oldest record; the same as `next` when there is none. */
  readonly first: number;
  readonly next: number;
  /** Octets on the disk. */
  readonly bytes: number;
  /** Oldest first. */
  readonly segments: readonly { readonly first: number; readonly next: number; readonly bytes: number }[];
  /** When the first and the last record were appended, ms since 1970; null: there is none. */
  readonly oldest: number | null;
  readonly newest: number | null;
}

export interface Verified {
  readonly records: number;
  readonly batches: number;
  readonly bytes: number;
  readonly damages: readonly Damage[];
}

export interface StoreInspector {
  /** Who writes in the folder; null: nobody. */
  owner(): Promise<Owner | null>;
  list(): Promise<string[]>;
  info(name: string): Promise<StreamInfo>;
  /**
   * Records from `from` on, or the oldest, up to the end as it is when it is reached. With `follow` also what comes
   * after it, until that is aborted.
   */
  read(name: string, from: number, follow?: AbortSignal): AsyncIterable<Span>;
  /** Sequence of the first record that is not older than `time`; that of the next one if there is none. */
  find(name: string, time: number): Promise<number>;
  /** Who numbered records, and the last number of each. */
  producers(name: string): Promise<readonly { readonly name: string; readonly last: number }[]>;
  /** Places of readers, by name. */
  places(name: string): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Reads everything, and looks at every checksum. */
  verify(name: string, onProgress?: (bytes: number, of: number) => void): Promise<Verified>;
}

/** @throws ZerothError FILE_FAILED: there is no such folder. The rest throws STREAM_UNKNOWN and FILE_FAILED. */
export async function inspectStore(dir: string, files: FileSystem = realFiles): Promise<StoreInspector> {
  await called(dir, () => files.list(dir));
  return new Inspector(dir, files);
}

/** A stream as it is now. */
interface View {
  readonly mark: number;
  readonly segments: Segments;
}

class Inspector implements StoreInspector {
  readonly #dir: string;
  readonly #files: FileSystem;

  constructor(dir: string, files: FileSystem) {
    this.#dir = dir;
    this.#files = files;
  }

  owner(): Promise<Owner | null> {
    return called(this.#dir, () => ownerOf(this.#files, this.#dir, Date.now));
  }

  list(): Promise<string[]> {
    return called(this.#dir, () => listStreams(this.#files, this.#dir));
  }

  async info(name: string): Promise<StreamInfo> {
    const { segments } = await this.#view(name);
    const filled = segments.all.filter(({ first, next }) => next > first);
    return {
      name,
      first: segments.oldest.first,
      next: segments.active.next,
      bytes: segments.bytes,
      segments: segments.all.map(({ first, next, end }) => ({ first, next, bytes: end })),
      oldest: filled[0]?.firstTime ?? null,
      newest: filled.at(-1)?.lastTime ?? null,
    };
  }

  async *read(name: string, from: number, follow?: AbortSignal): AsyncGenerator<Span, void, undefined> {
    let sequence = from;
    let known: Segment | null = null;
    for (let begun = false; ; begun = true) {
      // Each time anew: a node may have written, and removed, meanwhile.
      const { mark, segments } = await this.#view(name, known);
      const { oldest, active } = segments;
      if (begun && sequence < oldest.first)
        yield { type: 'gap', first: sequence, last: oldest.first - 1, reason: 'retention' };
      sequence = Math.max(sequence, oldest.first);
      if (sequence >= active.next) {
        if (follow === undefined || !(await waited(follow))) return;
        known = active;
        continue;
      }
      known = null;
      const pool = new FilePool(this.#files);
      const ahead = new Ahead();
      const reader = new Reader(
        { stream: name, files: this.#files, pool, ahead, mark, log: silentLog },
        segments,
      );
      try {
        while (sequence < active.next) {
          for (const span of await reader.read(sequence, READ)) {
            sequence = span.type === 'gap' ? span.last + 1 : span.first + span.count;
            yield span;
          }
        }
      } catch (error) {
        // Retention was faster.
        if (!(error instanceof ZerothError) || codeOf(error.cause) !== 'ENOENT') throw error;
      } finally {
        await pool.close();
      }
    }
  }

  async find(name: string, time: number): Promise<number> {
    const { mark, segments } = await this.#view(name);
    const pool = new FilePool(this.#files);
    const options = { stream: name, files: this.#files, pool, ahead: new Ahead(), mark, log: silentLog };
    try {
      const found = await called(name, () => new Reader(options, segments).find(time));
      return found ?? segments.active.next;
    } finally {
      await pool.close();
    }
  }

  async verify(name: string, onProgress?: (bytes: number, of: number) => void): Promise<Verified> {
    const { mark, segments } = await this.#view(name);
    const damages: Damage[] = [];
    let records = 0;
    let batches = 0;
    let bytes = 0;
    for (const [i, segment] of segments.all.entries()) {
      const limit = segments.all[i + 1]?.first ?? null;
      const before = bytes;
      const scanned = await this.#scan(segment.path, mark, segment.first, limit, {
        onProgress: (done) => onProgress?.(before + done, segments.bytes),
      });
      if (scanned === null) continue;
      damages.push(...scanned.damages);
      records += scanned.records;
      batches += scanned.batches;
      bytes += scanned.segment.end;
    }
    return { records, batches, bytes, damages };
  }

  async producers(name: string): Promise<readonly { readonly name: string; readonly last: number }[]> {
    const { mark, segments } = await this.#view(name);
    const firsts = segments.all.map(({ first }) => first);
    return called(name, async () => {
      const { index, producers } = await newestTable(this.#files, streamFolder(this.#dir, name), firsts);
      for (let i = index; i < firsts.length; i++)
        await this.#scan(segments.all[i]!.path, mark, firsts[i]!, firsts[i + 1] ?? null, {
          onBatch: notesOf(producers),
        });
      return producers.list();
    });
  }

  async places(name: string): Promise<ReadonlyMap<string, Uint8Array>> {
    await this.#known(name);
    return called(name, () => readPlaces(this.#files, streamFolder(this.#dir, name)));
  }

  async #known(name: string): Promise<void> {
    const names = await this.list();
    if (!names.includes(name))
      throw new ZerothError('STREAM_UNKNOWN', `There is no stream ${JSON.stringify(name)} in ${this.#dir}.`);
  }

  /** `known`: a segment that was read to its end: what is before that is left out. */
  async #view(name: string, known: Segment | null = null): Promise<View> {
    await this.#known(name);
    const folder = streamFolder(this.#dir, name);
    return called(folder, async () => {
      const firsts = await listSegments(this.#files, folder);
      const mark = await readMark(this.#files, folder, firsts);
      if (mark === null) throw new ZerothError('FILE_FAILED', `${folder} holds no stream that can be read.`);
      const segments: Segment[] = [];
      for (const [i, first] of firsts.entries()) {
        const limit = firsts[i + 1] ?? null;
        if (known !== null && segmentPath(folder, first) < known.path) continue;
        const segment = await this.#segment(folder, mark, first, limit, known);
        if (segment !== null) segments.push(segment);
      }
      if (segments.length === 0) throw new ZerothError('FILE_FAILED', `${folder} holds no segment.`);
      return { mark, segments: new Segments(segments) };
    });
  }

  async #segment(
    folder: string,
    mark: number,
    first: number,
    limit: number | null,
    known: Segment | null,
  ): Promise<Segment | null> {
    const path = segmentPath(folder, first);
    if (known?.path === path)
      return (await this.#scan(path, mark, known.next, limit, {}, known.end))?.segment ?? null;
    const indexed = limit === null ? null : await readIndex(this.#files, path, first);
    if (indexed !== null && indexed.next <= limit!) return { ...indexed, sparse: null };
    return (await this.#scan(path, mark, first, limit))?.segment ?? null;
  }

  /** Null: it was removed meanwhile. */
  async #scan(
    path: string,
    mark: number,
    first: number,
    limit: number | null,
    told: Pick<ScanRequest, 'onBatch' | 'onProgress'> = {},
    from: number | null = null,
  ): Promise<Scanned | null> {
    let file: OpenFile;
    try {
      file = await this.#files.open(path, 'read');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
    try {
      const start = from ?? startOf(await readHeader(file), mark);
      return await scanSegment({ file, path, mark, first, start, limit, ...told });
    } finally {
      await file.close();
    }
  }
}

function startOf(header: Awaited<ReturnType<typeof readHeader>>, mark: number): number {
  return header !== null && 'start' in header && header.mark === mark ? header.start : 0;
}

/** False: aborted. */
function waited(signal: AbortSignal): Promise<boolean> {
  return setTimeout(FOLLOW, true, { signal }).catch(() => false);
}

async function called<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ZerothError) throw error;
    throw new ZerothError('FILE_FAILED', `${what} can't be read. ${reasonOf(error)}.`, { cause: error });
  }
}
