/**
 * What was committed lately, in memory: readers that keep up never touch the disk, nor wait for a promise.
 *
 * Guarantees: spans are consecutive and in order; they hold no more than `limit` octets of memory (at least the newest
 * span is kept).
 */
import { skipMessages } from '@zeroth/zmq/run';
import type { Span } from './store.ts';

export type Records = Extract<Span, { type: 'records' }>;

/** Octets that a span takes itself, about. */
const SPAN = 100;

export class Tail {
  #spans: Records[] = [];
  /** Octets of memory that each of them holds. */
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;

  /** Sequence of the oldest record in memory; infinite: none is. */
  get first(): number {
    return this.#spans[this.#head]?.first ?? Number.POSITIVE_INFINITY;
  }

  /** `beside`: octets of memory that are kept with its records. */
  push(span: Records, beside: number): void {
    const size = span.end - span.start + beside + SPAN;
    this.#spans.push(span);
    this.#sizes.push(size);
    this.#bytes += size;
  }

  /** Forgets what is more than `limit` octets. */
  trim(limit: number): void {
    while (this.#bytes > limit && this.#head < this.#spans.length - 1) this.#shift();
    this.#compact();
  }

  /** Forgets spans that are before `sequence` as a whole. */
  drop(sequence: number): void {
    for (let span = this.#spans[this.#head]; span !== undefined; span = this.#spans[this.#head]) {
      if (span.first + span.count > sequence) break;
      this.#shift();
    }
    this.#compact();
  }

  #shift(): void {
    this.#bytes -= this.#sizes[this.#head++]!;
  }

  #compact(): void {
    // Dropped ones are let go of now and then: moving the rest costs as much as what is dropped.
    if (this.#head * 2 > this.#spans.length) {
      this.#spans = this.#spans.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#spans = [];
    this.#sizes = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  /** About `maxBytes` of records from `from` on, which is in memory. */
  read(from: number, maxBytes: number): Span[] {
    return takeSpans(this.#spans, this.#holding(from), from, maxBytes);
  }

  /** When a record that is in memory was appended. */
  timeOf(sequence: number): number {
    return this.#spans[this.#holding(sequence)]!.timestamp;
  }

  /** Index of the span that holds `sequence`, which is in memory. */
  #holding(from: number): number {
    const spans = this.#spans;
    let low = this.#head;
    let high = spans.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (spans[middle]!.first <= from) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Spans from index `at` on, the first one cut to begin at `from`, until they hold `maxBytes`. */
function takeSpans(spans: readonly Span[], at: number, from: number, maxBytes: number): Span[] {
  const taken: Span[] = [];
  let size = 0;
  for (let i = at; i < spans.length && (size < maxBytes || i === at); i++) {
    const span = spans[i]!;
    if (span.type === 'gap') {
      taken.push(span);
      continue;
    }
    const whole = span.first >= from ? span : cut(span, from);
    taken.push(whole);
    size += whole.end - whole.start;
  }
  return taken;
}

/** The records of a span from `from` on. */
export function cut(span: Records, from: number): Records {
  const skipped = from - span.first;
  const start = skipMessages(span.bytes, span.start, skipped);
  return { ...span, first: from, count: span.count - skipped, start };
}
