/**
 * Reads a segment from its beginning to its end, and tells what it found: the batches, what is damaged, where it is torn.
 *
 * Guarantees: never throws for what is in the file; what is damaged is told with file, offset and sequences. In the
 * last segment of a stream the first bad place behind which nothing says that it was on the disk is a torn write: what
 * follows is not counted, nobody was told that it is stored.
 */
import { countOf, durableOf, firstOf, timeOf } from './batch.ts';
import { type Block, readBlock, resync } from './block.ts';
import type { OpenFile } from './files.ts';
import type { Segment } from './segment.ts';
import { Sparse } from './sparse.ts';

/** A part of a segment that can't be used. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** Sequences that are gone; `last` is less than `first` when none is. */
  readonly first: number;
  readonly last: number;
  /** `torn`: a write that was not finished, and not acknowledged. */
  readonly kind: 'torn' | 'damaged';
}

export interface ScanRequest {
  readonly file: OpenFile;
  readonly path: string;
  readonly mark: number;
  readonly first: number;
  /** Where the first batch begins; 0 if the header is damaged. */
  readonly start: number;
  /** First sequence of the next segment; null: this is the last one. */
  readonly limit: number | null;
  /** Each intact batch, at `at` in the block; may be told twice. Not those behind a torn place. */
  readonly onBatch?: (block: Block, at: number, end: number) => void;
  /** Octets that were read. */
  readonly onProgress?: (bytes: number) => void;
}

export interface Scanned {
  readonly segment: Segment;
  readonly damages: readonly Damage[];
  readonly batches: number;
  readonly records: number;
}

const BLOCK = 1024 * 1024;

export async function scanSegment(request: ScanRequest): Promise<Scanned> {
  const size = await request.file.size();
  const pass = new Pass(request, size, request.limit === null);
  const again = await pass.run();
  if (again === null) return pass.result();
  // Something follows a bad place: now it is known what counts.
  const final = new Pass(request, again, false);
  await final.run();
  if (again < size) final.torn(again, size - again);
  return final.result();
}

class Pass {
  readonly #request: ScanRequest;
  readonly #end: number;
  /** Whether a bad place may be a write that was not finished. */
  readonly #mayBeTorn: boolean;
  readonly #sparse = new Sparse();
  readonly #damages: Damage[] = [];
  readonly #start: number;
  #used: number;
  #next: number;
  #firstTime = 0;
  #lastTime = 0;
  #batches = 0;
  #records = 0;

  constructor(request: ScanRequest, end: number, mayBeTorn: boolean) {
    this.#request = request;
    this.#end = end;
    this.#mayBeTorn = mayBeTorn && request.start > 0;
    this.#start = Math.min(request.start, end);
    this.#used = this.#start;
    this.#next = request.first;
  }

  /** Null: done. Otherwise it has to be done again, up to the offset that is returned. */
  async run(): Promise<number | null> {
    const { file, mark, limit, onProgress } = this.#request;
    const holes: number[] = [];
    let hole: { offset: number; end: number } | null = null;
    let durable = 0;
    for (let offset = this.#start; offset < this.#end; ) {
      const block = await readBlock(file, offset, this.#end, mark, BLOCK);
      for (let i = 0; i + 1 < block.at.length; i++) {
        const at = block.at[i]!;
        const first = firstOf(block.bytes, at);
        if (limit !== null && first >= limit) {
          this.#used = block.offset + at;
          this.#damaged(hole, limit);
          return null;
        }
        if (first < this.#next) continue;
        durable = Math.max(durable, durableOf(block.bytes, at));
        if (this.#mayBeTorn && holes.length > 0) continue;
        if (hole !== null || first > this.#next)
          this.#damaged(hole ?? { offset: block.offset + at, end: block.offset + at }, first);
        hole = null;
        this.#batch(block, at, block.at[i + 1]!);
      }
      this.#used = block.next;
      offset = block.next;
      if (block.bad) {
        offset = await resync(file, block.next + 1, this.#end, mark);
        hole = { offset: block.next, end: offset };
        holes.push(block.next);
      }
      onProgress?.(offset);
    }
    if (!this.#mayBeTorn || holes.length === 0) {
      this.#used = this.#end;
      this.#damaged(hole, limit ?? this.#next);
      return null;
    }
    const torn = holes.find((offset) => offset >= durable);
    if (holes.length > 1 || torn === undefined || hole?.end !== this.#end) return torn ?? this.#end;
    this.#used = torn;
    this.torn(torn, this.#end - torn);
    return null;
  }

  #batch(block: Block, at: number, end: number): void {
    const { bytes } = block;
    const first = firstOf(bytes, at);
    const time = timeOf(bytes, at);
    const count = countOf(bytes, at);
    this.#sparse.note(first, time, block.offset + at);
    if (this.#batches === 0) this.#firstTime = time;
    this.#lastTime = Math.max(this.#lastTime, time);
    this.#batches++;
    this.#records += count;
    this.#next = first + count;
    this.#request.onBatch?.(block, at, end);
  }

  #damaged(hole: { offset: number; end: number } | null, next: number): void {
    const file = this.#request.path;
    const first = this.#next;
    if (hole === null && next <= first) return;
    const { offset, end } = hole ?? { offset: this.#used, end: this.#used };
    // What a failed write has left behind the last record that counts hurts nobody.
    const kind = next > first || this.#request.limit === null ? 'damaged' : 'torn';
    this.#damages.push({ file, offset, bytes: end - offset, first, last: next - 1, kind });
  }

  torn(offset: number, bytes: number): void {
    const first = this.#next;
    this.#damages.push({ file: this.#request.path, offset, bytes, first, last: first - 1, kind: 'torn' });
  }

  result(): Scanned {
    const { path, first } = this.#request;
    return {
      segment: {
        path,
        first,
        next: this.#next,
        start: this.#start,
        end: this.#used,
        firstTime: this.#firstTime,
        lastTime: this.#lastTime,
        began: this.#firstTime,
        written: this.#lastTime,
        sparse: this.#sparse,
      },
      damages: this.#damages,
      batches: this.#batches,
      records: this.#records,
    };
  }
}
