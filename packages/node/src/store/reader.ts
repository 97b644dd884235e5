/**
 * Reading what is not in memory any more.
 *
 * Guarantees: every checksum is looked at; sequences that are missing are told as gaps, once, in their place. A reader
 * that goes on where it stopped continues in the block that was read for it, and the next one is read meanwhile: memory
 * for that is bounded over all streams ({@link Ahead}).
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
  /** Octets of the spans. */
  left: number;
  /** Where to read on in the segment; null: not known. */
  offset: number | null;
  /** The next block is being read. */
  filling: Promise<unknown> | null;
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
    let size = place.filling === null ? 0 : BLOCK_MAX;
    for (const { byteLength } of memory) size += byteLength;
    this.take(key);
    this.#places.set(key, { place, size });
    this.#bytes += size;
    for (const [oldest, { size: freed }] of this.#places) {
      if (this.#bytes <= 32 * BLOCK_MAX && this.#places.size <= 1024) break;
      this.#remove(oldest, freed);
    }
  }

  /** The stream is closed: when it is opened again its segments are others. */
  forget(stream: string): void {
    for (const [key, { size }] of this.#places) if (key.startsWith(`${stream} `)) this.#remove(key, size);
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

  /**
   * Records from `from` on, which is committed, and not before the oldest segment. Nothing from `until` on is read ahead.
   */
  read(from: number, maxBytes: number, until: number = Number.POSITIVE_INFINITY): Span[] | Promise<Span[]> {
    const { stream, ahead } = this.#options;
    const place = ahead.take(`${stream} ${from}`);
    if (place === null) return this.#fetch(this.#placeOf(from), maxBytes, 0);
    if (place.spans.length === 0) return this.#fetch(place, maxBytes, until);
    return this.#serve(place, maxBytes, until);
  }

  async #fetch(place: Place, maxBytes: number, until: number): Promise<Span[]> {
    // Who begins somewhere may want little; who goes on wants more.
    const size = Math.max(maxBytes, until > 0 ? BLOCK_MAX : BLOCK_MIN);
    while (place.spans.length === 0) {
      if (place.filling !== null) await place.filling;
      else if (!(await this.#fill(place, size))) break;
    }
    return this.#serve(place, maxBytes, until);
  }

  /** Hands out what was read, and has the next block read if that is going to be asked for. */
  #serve(place: Place, maxBytes: number, until: number): Span[] {
    const { stream, ahead } = this.#options;
    const spans: Span[] = [];
    for (let size = 0; place.spans.length > 0 && (size < maxBytes || spans.length === 0); ) {
      const span = place.spans.shift()!;
      spans.push(span);
      if (span.type === 'gap') place.sequence = span.last + 1;
      else {
        place.sequence = span.first + span.count;
        size += span.end - span.start;
        place.left -= span.end - span.start;
      }
    }
    if (place.filling === null && place.left < BLOCK_MAX / 2 && expected(place) < until) {
      // Whoever asks next sees for himself what went wrong.
      place.filling = this.#fill(place, BLOCK_MAX)
        .catch(() => {})
        .finally(() => {
          place.filling = null;
        });
    }
    ahead.put(`${stream} ${place.sequence}`, place);
    return spans;
  }

  /** Sequence of the first record that is not older than `time`; null: there is none. */
  async find(time: number): Promise<number | null> {
    const segment = this.#segments.all.find(({ lastTime }) => lastTime >= time);
    if (segment === undefined) return null;
    const offset = (await this.#sparse(segment))?.beforeTime(time) ?? segment.start;
    const place: Place = { sequence: segment.first, spans: [], left: 0, segment, offset, filling: null };
    for (;;) {
      if (!(await this.#fill(place, BLOCK_MIN))) return null;
      for (const span of place.spans) {
        if (span.type === 'records' && span.timestamp >= time) return span.first;
        place.sequence = span.type === 'gap' ? span.last + 1 : span.first + span.count;
      }
      place.spans = [];
      place.left = 0;
    }
  }

  #placeOf(sequence: number): Place {
    const segment = this.#segments.holding(sequence);
    return { sequence, spans: [], left: 0, segment, offset: null, filling: null };
  }

  async #sparse(segment: Segment): Promise<Segment['sparse']> {
    if (segment.sparse !== null) return segment.sparse;
    const index = await readIndex(this.#options.files, segment.path, segment.first);
    return index?.sparse ?? null;
  }

  /** Reads a block, or goes on to the next segment. False: there is nothing more. */
  async #fill(place: Place, size: number): Promise<boolean> {
    const { pool, mark } = this.#options;
    if (place.segment.first < this.#segments.oldest.first) {
      const { oldest } = this.#segments;
      if (expected(place) < oldest.first) gap(place, oldest.first - 1, 'retention');
      place.segment = oldest;
      place.offset = oldest.start;
      return true;
    }
    const { segment } = place;
    try {
      place.offset ??= (await this.#sparse(segment))?.before(expected(place)) ?? segment.start;
      const { offset } = place;
      // From here on as of now: the active segment grows meanwhile.
      const { end, next } = segment;
      const after = this.#segments.after(segment);
      const limit = after?.first ?? next;
      if (offset >= end) {
        if (expected(place) < limit) gap(place, limit - 1, 'damaged');
        else if (after === null) return false;
        if (after !== null) {
          place.segment = after;
          place.offset = after.start;
        }
        return true;
      }
      place.offset = await pool.use(segment.path, async (file) => {
        const block = await readBlock(file, offset, end, mark, Math.min(size, BLOCK_MAX));
        for (let i = 0; i + 1 < block.at.length; i++)
          take(place, block.bytes, block.at[i]!, block.at[i + 1]!);
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
    this.#options.log.event('store:damaged', { code: 'STREAM_DAMAGED', file: segment.path, offset });
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

/** Adds a batch. */
function take(place: Place, bytes: Buffer, at: number, end: number): void {
  const first = firstOf(bytes, at);
  const count = countOf(bytes, at);
  const from = expected(place);
  if (first + count <= from) return;
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
  const wanted = first < from ? cut(span, from) : span;
  place.spans.push(wanted);
  place.left += wanted.end - wanted.start;
}
