/**
 * A segment: one file of a stream, named by the sequence of its first record, `<20 digits>.log`.
 *
 *      0  8    "ZEROTHS\n"
 *      8  u32  version of the format, 1
 *     12  u32  the stream's mark
 *     16  u64  sequence of the first record
 *     24  u64  when it was made, ms since 1970
 *     32  u32  length of the table of producers
 *     36  u32  CRC-32 of octets 0 to 35 and the table
 *     40       table of producers as of the beginning of this segment (producers.ts), then batches (batch.ts)
 *
 * Guarantees: a segment appears with its header whole and on the disk. The table makes the last segment enough to know
 * all producers. What a segment holds at or after the first sequence of the next one does not count: it is what a write
 * left that failed.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { readU64, writeU64 } from '@zeroth/zmq/run';
import type { FileSystem, OpenFile } from './files.ts';
import { TEMPORARY, writeAt } from './files.ts';
import { Producers } from './producers.ts';
import { Sparse } from './sparse.ts';

export const VERSION = 1;
const MAGIC = Buffer.from('ZEROTHS\n', 'latin1');
const FIXED = 40;
/** More than a table of {@link PRODUCERS_MAX} names can take. */
const TABLE_MAX = 32 * 1024 * 1024;

/** What is known of a segment without looking into the file. */
export interface Segment {
  readonly path: string;
  readonly first: number;
  /** Sequence after the last record. */
  next: number;
  /** Where the first batch begins. */
  readonly start: number;
  /** Where the committed batches end. */
  end: number;
  /** Time of the first and the last batch; 0: there is none. */
  firstTime: number;
  lastTime: number;
  /** When the first and the last batch were written, by the clock: those above never go back, if it does. */
  began: number;
  written: number;
  /** Null: it is in the index file. */
  sparse: Sparse | null;
}

export interface Header {
  readonly version: number;
  readonly mark: number;
  readonly first: number;
  readonly created: number;
  readonly start: number;
  readonly producers: Producers;
}

export function segmentPath(folder: string, first: number): string {
  return join(folder, `${String(first).padStart(20, '0')}.log`);
}

/** The sequence in the name of a segment; null: it is no name of a segment. */
export function sequenceOf(name: string): number | null {
  if (!/^\d{20}\.log$/.test(name)) return null;
  const sequence = Number(name.slice(0, 20));
  return sequence > 0 && Number.isSafeInteger(sequence) ? sequence : null;
}

function encodeHeader(mark: number, first: number, created: number, table: Buffer): Buffer {
  const bytes = Buffer.alloc(FIXED);
  bytes.set(MAGIC);
  bytes.writeUInt32BE(VERSION, 8);
  bytes.writeUInt32BE(mark, 12);
  writeU64(bytes, 16, first);
  writeU64(bytes, 24, created);
  bytes.writeUInt32BE(table.length, 32);
  bytes.writeUInt32BE(crc32(table, crc32(bytes.subarray(0, 36))), 36);
  return bytes;
}

/** Null: the header is damaged. A version that is not ours is told without looking further. */
export async function readHeader(file: OpenFile): Promise<Header | { readonly version: number } | null> {
  const fixed = Buffer.alloc(FIXED);
  if ((await file.read(fixed, 0)) < FIXED || !fixed.subarray(0, 8).equals(MAGIC)) return null;
  const version = fixed.readUInt32BE(8);
  const length = fixed.readUInt32BE(32);
  if (length <= TABLE_MAX && FIXED + length <= (await file.size())) {
    const table = Buffer.allocUnsafeSlow(length);
    const whole = (await file.read(table, FIXED)) === length;
    if (whole && crc32(table, crc32(fixed.subarray(0, 36))) === fixed.readUInt32BE(36)) {
      if (version !== VERSION) return { version };
      const producers = Producers.decode(table);
      if (producers === null) return null;
      return {
        version,
        mark: fixed.readUInt32BE(12),
        first: readU64(fixed, 16),
        created: readU64(fixed, 24),
        start: FIXED + length,
        producers,
      };
    }
  }
  // Of a later version only the first twelve octets are known to us: it need not have our checksum.
  return version > VERSION && version < VERSION + 100 ? { version } : null;
}

/**
 * Makes a segment, replacing what has its name, and leaves it open for writing. It is there under its name, header and
 * all, when this returns.
 */
export async function createSegment(
  files: FileSystem,
  folder: string,
  header: {
    readonly mark: number;
    readonly first: number;
    readonly created: number;
    readonly producers: Producers;
  },
  durable: boolean,
): Promise<{ segment: Segment; file: OpenFile }> {
  const path = segmentPath(folder, header.first);
  const table = header.producers.encode();
  const file = await files.open(`${path}${TEMPORARY}`, durable ? 'durable' : 'write');
  try {
    await file.truncate(0);
    await writeAt(file, [encodeHeader(header.mark, header.first, header.created, table), table], 0);
    await file.sync();
    await files.rename(`${path}${TEMPORARY}`, path);
    await files.syncFolder(folder);
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
  return { segment: newSegment(path, header.first, FIXED + table.length), file };
}

/** One that holds nothing yet. */
function newSegment(path: string, first: number, start: number): Segment {
  return {
    path,
    first,
    next: first,
    start,
    end: start,
    firstTime: 0,
    lastTime: 0,
    began: 0,
    written: 0,
    sparse: new Sparse(),
  };
}
