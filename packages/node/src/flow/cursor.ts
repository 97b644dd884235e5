/**
 * A place in a stream that moves on through what was read of it.
 *
 * Guarantees: holds one reading at a time; moving on inside of it reads nothing.
 */
import type { Run } from '@zeroth/zmq/run';
import { skipMessages } from '@zeroth/zmq/run';
import type { Span } from '../store/store.ts';

/** What stands at a sequence: records from it on, a gap that it is in, or nothing that was read yet. */
export type Found = { readonly run: Run } | { readonly gap: Extract<Span, { type: 'gap' }> } | null;

export class SpanCursor {
  #spans: readonly Span[] = [];
  #index = 0;
  /** Sequence and offset of the next record of the span at #index. */
  #sequence = 0;
  #offset = 0;

  /** Takes over what was read. */
  load(spans: readonly Span[]): void {
    this.#spans = spans;
    this.#enter(0);
  }

  /** What is at `sequence`, in what was loaded. */
  seek(sequence: number): Found {
    for (let span = this.#spans[this.#index]; span !== undefined; span = this.#spans[this.#index]) {
      if (sequence < this.#sequence) return null;
      const end = span.type === 'gap' ? span.last + 1 : span.first + span.count;
      if (sequence >= end) {
        this.#enter(this.#index + 1);
        continue;
      }
      if (span.type === 'gap') return { gap: span };
      if (sequence > this.#sequence) {
        this.#offset = skipMessages(span.bytes, this.#offset, sequence - this.#sequence);
        this.#sequence = sequence;
      }
      return { run: { bytes: span.bytes, start: this.#offset, end: span.end, count: end - sequence } };
    }
    return null;
  }

  #enter(index: number): void {
    const span = this.#spans[index];
    this.#index = index;
    if (span === undefined) {
      // Nobody goes back: the memory need not wait for the next reading.
      this.#spans = [];
      return;
    }
    this.#sequence = span.first;
    this.#offset = span.type === 'records' ? span.start : 0;
  }
}
