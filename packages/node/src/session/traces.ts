/**
 * The trace contexts of the records that were published lately.
 *
 * Guarantees: in memory only, and of the last {@link KEPT} records with a context, all streams together; the oldest are
 * forgotten first. Whoever publishes without contexts costs nothing.
 */
import { MAX_CONTEXTS, type TraceContexts } from '@zeroth/client/wire';
import type { SpanHook } from './spans.ts';

const KEPT = 10_000;

/** Of one stream, by rising sequence; those before `head` are forgotten. */
interface Kept {
  readonly sequences: number[];
  readonly contexts: string[];
  head: number;
}

export class Traces {
  readonly spans: SpanHook | null;
  readonly #streams: Map<string, Kept> = new Map();
  /** Whose the kept contexts are, in the order in which they came; a ring. */
  readonly #order: Kept[] = [];
  #at = 0;

  constructor(spans: SpanHook | null) {
    this.spans = spans;
  }

  /** A record with a context was appended. */
  add(stream: string, sequence: number, traceparent: string): void {
    const context = this.spans?.published(stream, sequence, traceparent) ?? traceparent;
    let kept = this.#streams.get(stream);
    if (kept === undefined) {
      kept = { sequences: [], contexts: [], head: 0 };
      this.#streams.set(stream, kept);
    }
    const oldest = this.#order[this.#at];
    if (oldest !== undefined) forgetOne(oldest);
    this.#order[this.#at] = kept;
    this.#at = (this.#at + 1) % KEPT;
    kept.sequences.push(sequence);
    kept.contexts.push(context);
  }

  /** There are contexts of records from `first` on. */
  has(stream: string, first: number): boolean {
    if (this.#streams.size === 0) return false;
    const kept = this.#streams.get(stream);
    return kept !== undefined && (kept.sequences[kept.sequences.length - 1] ?? 0) >= first;
  }

  /** Adds to `into` what is known of records `first` to `last`. */
  find(stream: string, first: number, last: number, into: Map<number, string>): void {
    const kept = this.#streams.get(stream);
    if (kept === undefined) return;
    const { sequences, contexts } = kept;
    for (let at = placeOf(kept, first); at < sequences.length; at++) {
      const sequence = sequences[at]!;
      if (sequence > last || into.size === MAX_CONTEXTS) return;
      into.set(sequence, contexts[at]!);
    }
  }

  /** These were sent to a consumer. */
  delivered(stream: string, group: string | null, contexts: TraceContexts): void {
    if (this.spans === null) return;
    for (const [sequence, context] of contexts) this.spans.delivered(stream, group, sequence, context);
  }

  /** The stream is gone: one of its name counts from 1 again. */
  forget(stream: string): void {
    this.#streams.delete(stream);
  }
}

function forgetOne(kept: Kept): void {
  kept.head++;
  if (kept.head < 1024) return;
  kept.sequences.splice(0, kept.head);
  kept.contexts.splice(0, kept.head);
  kept.head = 0;
}

/** Index of the first one of `sequence` or above. */
function placeOf({ sequences, head }: Kept, sequence: number): number {
  let low = head;
  let high = sequences.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sequences[middle]! < sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
