/**
 * What was appended and is not written yet, as batches.
 *
 * Guarantees: order is kept. Runs without a producer that wait together become one batch of at most
 * {@link BATCH_MAX} octets; those of a producer stay apart. Large runs are kept by reference, small ones are copied
 * side by side, so that a few octets never hold on to a large piece of memory and many little runs are written by few
 * pieces.
 */
import { crc32 } from 'node:zlib';
import { type Run, view } from '@zeroth/zmq/run';
import { HEAD, writeHead } from './batch.ts';

export const BATCH_MAX: number = 1024 * 1024;
/** Memory that small runs are copied to, and heads are written in. */
const ARENA = 32 * 1024;
const NOBODY = new Uint8Array(0);

/** Consecutive records in one piece of memory. */
export interface Part {
  readonly bytes: Uint8Array;
  readonly start: number;
  end: number;
  count: number;
}

export interface Batch {
  readonly first: number;
  count: number;
  readonly timestamp: number;
  /** The producer; '' if there is none. */
  readonly producer: string;
  /** The producer's number of the first record; 0: no producer. */
  readonly number: number;
  readonly name: Uint8Array;
  /** Where the head and the name will be written. */
  readonly memory: Buffer;
  readonly at: number;
  readonly parts: Part[];
  /** Octets of the run, and its checksum so far. */
  size: number;
  crc: number;
}

export class Queue {
  #batches: Batch[] = [];
  #size = 0;
  #arena: Buffer = Buffer.alloc(0);
  #used = 0;
  /** The last batch takes more. */
  #open = false;

  /** Octets on the disk that what waits will take. */
  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** `name`: that of the producer in UTF-8. */
  add(run: Run, first: number, timestamp: number, producer: string, number: number): void {
    const length = run.end - run.start;
    const copied = length * 2 < run.bytes.buffer.byteLength;
    const packed = copied && length <= ARENA / 4 ? length : 0;
    let batch = this.#batches.at(-1);
    if (!this.#open || batch === undefined || number > 0 || batch.size + length > BATCH_MAX) {
      const name = number > 0 ? Buffer.from(producer) : NOBODY;
      const at = this.#reserve(HEAD + name.length, packed);
      batch = {
        first,
        count: 0,
        timestamp,
        producer,
        number,
        name,
        memory: this.#arena,
        at,
        parts: [],
        size: 0,
        crc: 0,
      };
      this.#batches.push(batch);
      this.#open = number === 0;
      this.#size += HEAD + name.length;
    }
    if (!copied) push(batch, run);
    else if (packed > 0) {
      const at = this.#reserve(length, 0);
      this.#arena.set(view(run.bytes, run.start, run.end), at);
      push(batch, { bytes: this.#arena, start: at, end: at + length, count: run.count });
    } else {
      const bytes = Buffer.allocUnsafeSlow(length);
      bytes.set(view(run.bytes, run.start, run.end));
      push(batch, { bytes, start: 0, end: length, count: run.count });
    }
    this.#size += length;
  }

  /** Room for `size` octets, with room for `more` right behind. */
  #reserve(size: number, more: number): number {
    if (this.#used + size + more > this.#arena.length) {
      this.#arena = Buffer.allocUnsafeSlow(ARENA);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += size;
    return at;
  }

  /** The oldest batches: about `limit` octets, one at least if there is one. */
  take(limit: number): Batch[] {
    let size = 0;
    let taken = 0;
    while (taken < this.#batches.length && size < limit) {
      const batch = this.#batches[taken]!;
      if (taken > 0 && size + batch.size > limit) break;
      size += batch.size;
      taken++;
    }
    const batches = this.#batches.splice(0, taken);
    for (const batch of batches) this.#size -= sizeOf(batch);
    if (this.#batches.length === 0) this.#open = false;
    return batches;
  }

  /** Back to the front: they could not be written. */
  putBack(batches: readonly Batch[]): void {
    this.#batches = [...batches, ...this.#batches];
    for (const batch of batches) this.#size += sizeOf(batch);
  }
}

function push(batch: Batch, run: Run): void {
  const last = batch.parts.at(-1);
  if (last !== undefined && last.bytes === run.bytes && last.end === run.start) {
    last.end = run.end;
    last.count += run.count;
  } else {
    batch.parts.push({ bytes: run.bytes, start: run.start, end: run.end, count: run.count });
  }
  batch.count += run.count;
  batch.size += run.end - run.start;
  batch.crc = crc32(view(run.bytes, run.start, run.end), batch.crc);
}

/** Octets that a batch takes on the disk. */
export function sizeOf(batch: Batch): number {
  return HEAD + batch.name.length + batch.size;
}

/** Finishes heads and lists the memory to write, neighbours as one piece. */
export function piecesOf(batches: readonly Batch[], mark: number, durable: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let bytes: Uint8Array = NOBODY;
  let start = 0;
  let end = 0;
  const add = (more: Uint8Array, from: number, to: number): void => {
    if (more === bytes && from === end) {
      end = to;
      return;
    }
    if (end > start) pieces.push(view(bytes, start, end));
    bytes = more;
    start = from;
    end = to;
  };
  for (const batch of batches) {
    const { first, count, timestamp, number, name, memory, at } = batch;
    const length = name.length + batch.size;
    writeHead(memory, at, mark, { length, count, first, timestamp, number, durable }, name, batch.crc);
    add(memory, at, at + HEAD + name.length);
    for (const part of batch.parts) add(part.bytes, part.start, part.end);
  }
  if (end > start) pieces.push(view(bytes, start, end));
  return pieces;
}
