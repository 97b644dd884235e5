/**
 * What a group has read and not delivered yet: spans of the store by reference, and a position in them. Going forward
 * from record to record costs a look at one header each, and a whole span nothing.
 */
import { skipMessages } from '@zeroth/zmq/run';
import type { Span } from '../../store/store.ts';

export class Window {
  #spans: readonly Span[] = [];
  #index = 0;
  // Where record #sequence begins in the span at #index.
  #sequence = 0;
  #at = 0;

  hold(spans: readonly Span[]): void {
    this.#spans = spans;
    this.#open(0);
  }

  /** Lets go of the memory. */
  release(): void {
    this.#spans = [];
    this.#open(0);
  }

  /** Offset in the span, after `seek` found records: where that record begins. */
  get at(): number {
    return this.#at;
  }

  /** The span that has this sequence; null: it has to be read. */
  seek(sequence: number): Span | null {
    let span = this.#spans[this.#index];
    if (span === undefined || sequence < span.first || sequence > lastOf(span)) {
      const index = this.#find(sequence);
      if (index < 0) return null;
      this.#open(index);
      span = this.#spans[index]!;
    }
    if (span.type === 'gap') return span;
    if (sequence < this.#sequence) this.#open(this.#index);
    if (sequence > this.#sequence) {
      this.#at = skipMessages(span.bytes, this.#at, sequence - this.#sequence);
      this.#sequence = sequence;
    }
    return span;
  }

  /** Says where a later record of the span begins, for who has found out on the way. */
  moved(sequence: number, at: number): void {
    this.#sequence = sequence;
    this.#at = at;
  }

  #open(index: number): void {
    const span = this.#spans[index];
    this.#index = index;
    this.#sequence = span?.first ?? 0;
    this.#at = span?.type === 'records' ? span.start : 0;
  }

  #find(sequence: number): number {
    const spans = this.#spans;
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lastOf(spans[middle]!) < sequence) low = middle + 1;
      else high = middle;
    }
    const span = spans[low];
    return span !== undefined && span.first <= sequence ? low : -1;
  }
}

/** The last sequence of a span. */
export function lastOf(span: Span): number {
  return span.type === 'gap' ? span.last : span.first + span.count - 1;
}
