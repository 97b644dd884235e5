/**
 * A sparse index: sequence, time and offset of a batch about every {@link STEP} octets of a segment, so that a reader
 * that begins anywhere reads little for nothing. `<20 digits>.index` beside a segment that is finished:
 *
 *      0  8    "ZEROTHI\n"
 *      8  u32  version, 1
 *     12  u32  CRC-32 of all that follows
 *     16       u64 each: first sequence, sequence after the last, start and end of the batches, first and last time
 *     64       entries of three u64: sequence, time, offset
 *
 * Guarantees: it can be lost. A missing or damaged one is made again from the segment.
 */
import { crc32 } from 'node:zlib';
import { readU64, writeU64 } from '@zeroth/zmq/run';
import type { FileSystem } from './files.ts';
import { readSmall, replaceFile } from './files.ts';
import type { Segment } from './segment.ts';

export const STEP: number = 256 * 1024;
const MAGIC = Buffer.from('ZEROTHI\n', 'latin1');
const VERSION = 1;
const FIXED = 64;
const ENTRY = 24;
/** More than any segment needs: one entry for {@link STEP} octets, of which 2^32 are the limit. */
const INDEX_MAX = FIXED + ENTRY * 16_384;

export class Sparse {
  readonly sequences: number[] = [];
  readonly times: number[] = [];
  readonly offsets: number[] = [];

  /** Tells of each batch, in order; keeps one now and then. */
  note(sequence: number, time: number, offset: number): void {
    const last = this.offsets.at(-1);
    if (last !== undefined && offset - last < STEP) return;
    this.sequences.push(sequence);
    this.times.push(time);
    this.offsets.push(offset);
  }

  /** Offset of a batch at or before the one that holds `sequence`; null: none is known. */
  before(sequence: number): number | null {
    return this.offsets[above(this.sequences, sequence) - 1] ?? null;
  }

  /** Time of a batch at or before the one that holds `sequence`; null: none is known. */
  timeOf(sequence: number): number | null {
    return this.times[above(this.sequences, sequence) - 1] ?? null;
  }

  /** Offset of a batch before all that are not older than `time`; null: none is known. */
  beforeTime(time: number): number | null {
    // Batches before an entry may have the time of the entry.
    return this.offsets[above(this.times, time - 1) - 1] ?? null;
  }
}

/** Index of the first element above `value`. */
function above(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function indexPath(segment: string): string {
  return segment.replace(/\.log$/, '.index');
}

export async function writeIndex(files: FileSystem, segment: Segment, sparse: Sparse): Promise<void> {
  const { sequences, times, offsets } = sparse;
  const bytes = Buffer.alloc(FIXED + ENTRY * offsets.length);
  bytes.set(MAGIC);
  bytes.writeUInt32BE(VERSION, 8);
  const { first, next, start, end, firstTime, lastTime } = segment;
  for (const [i, value] of [first, next, start, end, firstTime, lastTime].entries())
    writeU64(bytes, 16 + i * 8, value);
  for (let i = 0; i < offsets.length; i++) {
    const at = FIXED + ENTRY * i;
    writeU64(bytes, at, sequences[i]!);
    writeU64(bytes, at + 8, times[i]!);
    writeU64(bytes, at + 16, offsets[i]!);
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(16)), 12);
  await replaceFile(files, indexPath(segment.path), [bytes]);
}

/** The segment as its index describes it; null: there is no index, or it is not good. */
export async function readIndex(files: FileSystem, path: string, first: number): Promise<Segment | null> {
  const bytes = await readSmall(files, indexPath(path), INDEX_MAX);
  if (bytes === null || bytes.length < FIXED || (bytes.length - FIXED) % ENTRY !== 0) return null;
  if (!bytes.subarray(0, 8).equals(MAGIC) || bytes.readUInt32BE(8) !== VERSION) return null;
  if (crc32(bytes.subarray(16)) !== bytes.readUInt32BE(12) || readU64(bytes, 16) !== first) return null;
  const sparse = new Sparse();
  for (let at = FIXED; at < bytes.length; at += ENTRY) {
    sparse.sequences.push(readU64(bytes, at));
    sparse.times.push(readU64(bytes, at + 8));
    sparse.offsets.push(readU64(bytes, at + 16));
  }
  return {
    path,
    first,
    next: readU64(bytes, 24),
    start: readU64(bytes, 32),
    end: readU64(bytes, 40),
    firstTime: readU64(bytes, 48),
    lastTime: readU64(bytes, 56),
    began: readU64(bytes, 48),
    written: readU64(bytes, 56),
    sparse,
  };
}
