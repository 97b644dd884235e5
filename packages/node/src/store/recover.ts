/**
 * Finds out what a stream's folder holds when it is opened.
 *
 * Guarantees: nothing that was committed and is intact is lost; what is not intact is reported with file, offset and
 * sequences, and never makes the next start fail. Finished segments are known by their index; only the last one, and
 * those without a good index, are read. Sequences are not used twice, even when it is not known how many were used.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { countOf, numberOf, producerOf, timeOf } from './batch.ts';
import type { Block } from './block.ts';
import { type FileSystem, type OpenFile, readSmall, replaceFile, TEMPORARY } from './files.ts';
import { Producers } from './producers.ts';
import { type Damage, type Scanned, scanSegment } from './scan.ts';
import { type Header, readHeader, type Segment, segmentPath, sequenceOf, VERSION } from './segment.ts';
import { readIndex, writeIndex } from './sparse.ts';

/** How often a long recovery says how far it is, in ms. */
const PROGRESS = 2000;
/** Segments whose index is read between two words of progress; a segment that is read itself tells more often. */
const TOLD_EVERY = 64;
const MIB = 1024 * 1024;
const META = 'stream.json';

export interface Recovered {
  readonly mark: number;
  readonly segments: readonly Segment[];
  readonly next: number;
  readonly lastTime: number;
  readonly producers: Producers;
  /** The last segment can be written to. */
  readonly writable: boolean;
}

export interface Recovery {
  readonly files: FileSystem;
  readonly folder: string;
  readonly stream: string;
  readonly log: Log;
  readonly now: () => number;
  /** Told how far it is; empty: it begins. */
  readonly progress?: (text: string) => void;
}

/** Sequences of the segments in a folder, in order. */
export async function listSegments(files: FileSystem, folder: string): Promise<number[]> {
  const names = await files.list(folder);
  const firsts = names.map(sequenceOf).filter((sequence) => sequence !== null);
  return firsts.sort((a, b) => a - b);
}

/** The stream's mark; null: none is known. @throws STORE_FAILED: a format of another version. */
export async function readMark(
  files: FileSystem,
  folder: string,
  firsts: readonly number[],
): Promise<number | null> {
  const bytes = await readSmall(files, join(folder, META), 4096);
  const meta = bytes === null ? null : parseMeta(bytes);
  if (meta !== null) {
    if (meta.format !== VERSION) throw unknownFormat(join(folder, META), meta.format);
    return meta.mark;
  }
  for (const first of firsts) {
    const header = await headerOf(files, segmentPath(folder, first));
    if (header !== null) return header.mark;
  }
  return null;
}

export async function recover(recovery: Recovery): Promise<Recovered> {
  const { files, folder } = recovery;
  await files.makeFolder(folder);
  await sweep(files, folder);
  const firsts = await listSegments(files, folder);
  let mark = await readMark(files, folder, firsts);
  if (mark === null && firsts.length > 0) {
    throw new ZerothError(
      'STORE_FAILED',
      `${folder} can't be read: neither ${META} nor the beginning of any segment is intact. Restore the folder from a copy, or move it away.`,
    );
  }
  const isNew = mark === null;
  mark ??= randomInt(1, 0xffff_ffff);
  const meta = Buffer.from(`${JSON.stringify({ format: VERSION, mark })}\n`);
  if (isNew || (await readSmall(files, join(folder, META), 4096))?.equals(meta) !== true)
    await replaceFile(files, join(folder, META), [meta]);
  // Also what a process that was killed had no time for: a segment whose name is not on the disk may vanish.
  await files.syncFolder(folder);
  return new Reading(recovery, mark, firsts).run();
}

/** Removes what was not finished, and indexes of segments that are gone. */
async function sweep(files: FileSystem, folder: string): Promise<void> {
  const names = await files.list(folder);
  for (const name of names) {
    const orphan = name.endsWith('.index') && !names.includes(name.replace(/\.index$/, '.log'));
    if (orphan || name.endsWith(TEMPORARY)) await files.remove(join(folder, name));
  }
}

function parseMeta(bytes: Buffer): { format: unknown; mark: number } | null {
  try {
    const { format, mark } = JSON.parse(bytes.toString()) as { format: unknown; mark: unknown };
    return typeof mark === 'number' ? { format, mark } : null;
  } catch {
    return null;
  }
}

/** Null: damaged, or not there. @throws STORE_FAILED: another version. */
async function headerOf(files: FileSystem, path: string): Promise<Header | null> {
  const file = await files.open(path, 'read');
  try {
    return known(path, await readHeader(file));
  } finally {
    await file.close();
  }
}

function known(path: string, header: Header | { readonly version: number } | null): Header | null {
  if (header === null || 'mark' in header) return header;
  throw unknownFormat(path, header.version);
}

function unknownFormat(path: string, version: unknown): ZerothError {
  return new ZerothError(
    'STORE_FAILED',
    `${path} has format ${JSON.stringify(version)}, this version of zeroth knows ${VERSION}. Run the version that wrote it, or move the folder away.`,
  );
}

/** Tells a table of producers of each batch. */
export function notesOf(producers: Producers): (block: Block, at: number) => void {
  return ({ bytes }, at) => {
    const number = numberOf(bytes, at);
    if (number > 0)
      producers.commit(producerOf(bytes, at), number + countOf(bytes, at) - 1, timeOf(bytes, at));
  };
}

/** The newest table of producers that is intact, and which segment it is the beginning of. */
export async function newestTable(
  files: FileSystem,
  folder: string,
  firsts: readonly number[],
): Promise<{ index: number; producers: Producers }> {
  for (let index = firsts.length - 1; index >= 0; index--) {
    const header = await headerOf(files, segmentPath(folder, firsts[index]!));
    if (header !== null) return { index, producers: header.producers };
  }
  return { index: 0, producers: new Producers() };
}

class Reading {
  readonly #recovery: Recovery;
  readonly #mark: number;
  readonly #firsts: readonly number[];
  readonly #segments: Segment[] = [];
  #lastTime = 0;
  #done = 0;
  /** The segment that is being read. */
  #where = '';
  #reported: number;

  constructor(recovery: Recovery, mark: number, firsts: readonly number[]) {
    this.#recovery = recovery;
    this.#mark = mark;
    this.#firsts = firsts;
    this.#reported = recovery.now();
  }

  async run(): Promise<Recovered> {
    const { files, folder } = this.#recovery;
    this.#recovery.progress?.('');
    const { index, producers } = await newestTable(files, folder, this.#firsts);
    let next = 1;
    let writable = false;
    for (const [i, first] of this.#firsts.entries()) {
      const limit = this.#firsts[i + 1] ?? null;
      this.#where = `segment ${i + 1} of ${this.#firsts.length}`;
      if (i % TOLD_EVERY === TOLD_EVERY - 1) this.#recovery.progress?.(this.#where);
      const reads = i >= index;
      const indexed = reads ? null : await this.#indexed(first, limit);
      if (indexed !== null) {
        this.#add(indexed);
        continue;
      }
      const file = await files.open(segmentPath(folder, first), limit === null ? 'write' : 'read');
      try {
        const scanned = await this.#scan(file, first, limit, reads ? producers : new Producers());
        if (limit === null) {
          ({ next, writable } = await this.#last(file, scanned));
        }
        this.#add(scanned.segment);
      } finally {
        await file.close();
      }
    }
    return {
      mark: this.#mark,
      segments: this.#segments,
      next,
      lastTime: this.#lastTime,
      producers,
      writable,
    };
  }

  async #indexed(first: number, limit: number | null): Promise<Segment | null> {
    const { files, folder } = this.#recovery;
    const path = segmentPath(folder, first);
    const segment = await readIndex(files, path, first);
    if (segment === null || segment.next > (limit ?? segment.next)) return null;
    const { size, modified } = await files.stat(path);
    if (size < segment.end) return null;
    this.#clock(segment, modified);
    return { ...segment, sparse: null };
  }

  /** A time to come is of a clock that was wrong: then the file system says more. */
  #clock(segment: Segment, modified: number): void {
    const now = this.#recovery.now();
    if (segment.lastTime <= now) return;
    segment.written = Math.min(modified, now);
    segment.began = Math.min(segment.began, segment.written);
  }

  #add(segment: Segment): void {
    this.#segments.push(segment);
    this.#lastTime = Math.max(this.#lastTime, segment.lastTime);
  }

  async #scan(file: OpenFile, first: number, limit: number | null, producers: Producers): Promise<Scanned> {
    const { files, folder, log } = this.#recovery;
    const path = segmentPath(folder, first);
    const header = known(path, await readHeader(file));
    const good = header !== null && header.first === first && header.mark === this.#mark;
    const before = this.#done;
    const scanned = await scanSegment({
      file,
      path,
      mark: this.#mark,
      first,
      start: good ? header.start : 0,
      limit,
      onBatch: notesOf(producers),
      onProgress: (bytes) => this.#progress(before + bytes, path, log),
    });
    this.#done = before + (await file.size());
    if (scanned.segment.lastTime > this.#recovery.now())
      this.#clock(scanned.segment, (await files.stat(path)).modified);
    for (const damage of scanned.damages) this.#report(damage);
    if (limit !== null) {
      await writeIndex(files, scanned.segment, scanned.segment.sparse!).catch(() => {});
      scanned.segment.sparse = null;
    }
    return scanned;
  }

  /** Cuts a torn tail; makes sure that what was found is on the disk. */
  async #last(file: OpenFile, scanned: Scanned): Promise<{ next: number; writable: boolean }> {
    const { segment, batches, damages } = scanned;
    const header = await readHeader(file);
    const good = header !== null && 'mark' in header;
    if (!good && batches === 0) {
      // It held records, and nothing says how many: at most one for two octets.
      segment.next = segment.first + Math.ceil((await file.size()) / 2);
    }
    if (damages.some(({ kind }) => kind === 'torn')) await file.truncate(segment.end);
    await file.sync();
    return { next: segment.next, writable: good };
  }

  #progress(bytes: number, path: string, log: Log): void {
    this.#recovery.progress?.(`${this.#where}, ${Math.floor(bytes / MIB)} MiB read`);
    const now = this.#recovery.now();
    if (now - this.#reported < PROGRESS) return;
    this.#reported = now;
    log.event('store:recovering', { stream: this.#recovery.stream, file: path, bytes });
  }

  #report(damage: Damage): void {
    const { log, stream } = this.#recovery;
    const { file, offset, bytes, first, last, kind } = damage;
    if (kind === 'torn') {
      log.event('store:torn', { stream, file, offset, bytes });
      return;
    }
    log.event('store:damaged', { code: 'STREAM_DAMAGED', stream, file, offset, bytes, first, last });
  }
}
