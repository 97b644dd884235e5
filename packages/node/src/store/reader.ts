/**
 * Reading what is not in memory any more.
 *
 * Guarantees: every checksum is looked at; sequences that are missing are told as gaps, once, in their place. A reader
 * that goes on where it stopped continues in the block that was read for it: memory for that is bounded over all
 * streams ({@link Ahead}), and nothing is read before it is asked for.
 */
import { ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { countOf, firstOf, runStart, timeOf } from './batch.ts';
import { readBlock, resync } from './block.ts';
import { codeOf, type FileSystem } from './files.ts';
import type { FilePool } from './pool.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import { readIndex } from './sparse.ts';
import type { Span } from './store.ts';
import { cut, type Records } from './tail.ts';

const BLOCK_MIN = 256 * 1024;
const BLOCK_MAX = 1024 * 1024;

/** Where a reader stopped. */
interface Place {
  /** The sequence that comes next. */
  sequence: number;
  /** What was read already, from `sequence` on. */
  spans: Span[];
  segment: Segment;
  /** Where to read on in the segment; null: not known. */
  offset: number | null;
}

/** Places where readers stopped. Bounded in number and in octets; the oldest ones are forgotten. */
export class Ahead {
  readonly #places = new Map<string, { place: Place; size: number }>();
  #bytes = 0;

  take(key: string): Place | null {
    const found = this.#places.get(key);
    if (found === undefined) return null;
    this.#remove(key, found.size);
    return found.place;
  }

  put(key: string, place: Place): void {
    // Several spans share the memory of one block.
    const memory = new Set<ArrayBufferLike>();
    for (const span of place.spans) if (span.type === 'records') memory.add(span.bytes.buffer);
    let size = 0;
    for (const { byteLength } of memory) size += byteLength;
    this.take(key);
    this.#places.set(key, { place, size });
    this.#bytes += size;
    for (const [oldest, { size: freed }] of this.#places) {
      if (this.#bytes <= 32 * BLOCK_MAX && this.#places.size <= 1024) break;
      this.#remove(oldest, freed);
    }
  }

  #remove(key: string, size: number): void {
    this.#places.delete(key);
    this.#bytes -= size;
  }
}

export interface ReaderOptions {
  readonly stream: string;
  readonly files: FileSystem;
  readonly pool: FilePool;
  readonly ahead: Ahead;
  readonly mark: number;
  readonly log: Log;
}

export class Reader {
  readonly #options: ReaderOptions;
  readonly #segments: Segments;
  /** Damage that was reported: file and offset. */
  readonly #reported = new Set<string>();

  constructor(options: ReaderOptions, segments: Segments) {
    this.#options = options;
    this.#segments = segments;
  }

  /** Records from `from` on, which is committed, and not before the oldest segment. */
  async read(from: number, maxBytes: number): Promise<Span[]> {
    const { stream, ahead } = this.#options;
    const place = ahead.take(`${stream} ${from}`) ?? this.#placeOf(from);
    const spans: Span[] = [];
    let size = 0;
    while (spans.length === 0 || (size < maxBytes && place.spans.length > 0)) {
      if (place.spans.length === 0) {
        if (!(await this.#fill(place, maxBytes))) break;
        continue;
      }
      const span = place.spans.shift()!;
      spans.push(span);
      if (span.type === 'gap') place.sequence = span.last + 1;
      else {
        place.sequence = span.first + span.count;
        size += span.end - span.start;
      }
    }
    ahead.put(`${stream} ${place.sequence}`, place);
    return spans;
  }

  /** Sequence of the first record that is not older than `time`; null: there is none. */
  async find(time: number): Promise<number | null> {
    const segment = this.#segments.all.find(({ lastTime }) => lastTime >= time);
    if (segment === undefined) return null;
    const offset = (await this.#sparse(segment))?.beforeTime(time) ?? segment.start;
    const place: Place = { sequence: segment.first, spans: [], segment, offset };
    for (;;) {
      if (!(await this.#fill(place, BLOCK_MIN))) return null;
      for (const span of place.spans) {
        if (span.type === 'records' && span.timestamp >= time) return span.first;
        place.sequence = span.type === 'gap' ? span.last + 1 : span.first + span.count;
      }
      place.spans = [];
    }
  }

  #placeOf(sequence: number): Place {
    return { sequence, spans: [], segment: this.#segments.holding(sequence), offset: null };
  }

  async #sparse(segment: Segment): Promise<Segment['sparse']> {
    if (segment.sparse !== null) return segment.sparse;
    const index = await readIndex(this.#options.files, segment.path, segment.first);
    return index?.sparse ?? null;
  }

  /** Reads a block, or goes on to the next segment. False: there is nothing more. */
  async #fill(place: Place, wanted: number): Promise<boolean> {
    const { pool, mark } = this.#options;
    if (place.segment.first < this.#segments.oldest.first) {
      const { oldest } = this.#segments;
      if (place.sequence < oldest.first) gap(place, oldest.first - 1, 'retention');
      place.segment = oldest;
      place.offset = oldest.start;
      return true;
    }
    const { segment } = place;
    try {
      place.offset ??= (await this.#sparse(segment))?.before(place.sequence) ?? segment.start;
      const { offset } = place;
      // From here on as of now: the active segment grows meanwhile.
      const { end, next } = segment;
      const after = this.#segments.after(segment);
      const limit = after?.first ?? next;
      if (offset >= end) {
        if (place.sequence < limit) gap(place, limit - 1, 'damaged');
        else if (after === null) return false;
        if (after !== null) {
          place.segment = after;
          place.offset = after.start;
        }
        return true;
      }
      const size = Math.min(Math.max(wanted, BLOCK_MIN), BLOCK_MAX);
      place.offset = await pool.use(segment.path, async (file) => {
        const block = await readBlock(file, offset, end, mark, size);
        for (let i = 0; i + 1 < block.at.length; i++)
          if (!take(place, block.bytes, block.at[i]!, block.at[i + 1]!, limit)) return end;
        if (!block.bad) return block.next;
        this.#report(segment, block.next);
        return resync(file, block.next + 1, end, mark);
      });
      return true;
    } catch (error) {
      // Retention was faster.
      if (segment.first < this.#segments.oldest.first) return true;
      throw new ZerothError(
        'STREAM_FAILED',
        `Stream ${this.#options.stream} can't be read: ${codeOf(error)} at ${segment.path}. Records before and after it can.`,
        { cause: error },
      );
    }
  }

  #report(segment: Segment, offset: number): void {
    const key = `${segment.path} ${offset}`;
    if (this.#reported.has(key) || this.#reported.size > 1000) return;
    this.#reported.add(key);
    this.#options.log.error(
      { event: 'store:damaged', code: 'STREAM_DAMAGED', file: segment.path, offset },
      'records are damaged',
    );
  }
}

function gap(place: Place, last: number, reason: 'retention' | 'damaged'): void {
  place.spans.push({ type: 'gap', first: expected(place), last, reason });
}

/** The sequence that has to come after what was read. */
function expected(place: Place): number {
  const last = place.spans.at(-1);
  if (last === undefined) return place.sequence;
  return last.type === 'gap' ? last.last + 1 : last.first + last.count;
}

/** Adds a batch; false: it, and what follows, does not count. */
function take(place: Place, bytes: Buffer, at: number, end: number, limit: number): boolean {
  const first = firstOf(bytes, at);
  const count = countOf(bytes, at);
  if (first >= limit) return false;
  const from = expected(place);
  if (first + count <= from) return true;
  if (first > from) gap(place, first - 1, 'damaged');
  const span: Records = {
    type: 'records',
    first,
    count,
    timestamp: timeOf(bytes, at),
    bytes,
    start: runStart(bytes, at),
    end,
  };
  place.spans.push(first < from ? cut(span, from) : span);
  return true;
}
