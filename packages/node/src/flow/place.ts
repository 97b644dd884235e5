/**
 * How far a pipeline route has delivered its stream, kept with the stream.
 *
 * Guarantees: what counts as delivered is with the operating system of a consumer's connection; after a clean stop
 * nothing that was delivered is repeated, after a crash what was delivered in the last moment ({@link SAVE_MS}) is; what was not
 * delivered is never skipped, and never removed by retention.
 *
 * Format: `{"acknowledged":118,"next":140,"outstanding":[[118,118],[130,131]]}`, in JSON. Everything before
 * `acknowledged` is delivered; so is what is before `next` and not outstanding.
 */
import type { Range } from '@zeroth/zmq/run';
import type { Stream } from '../store/store.ts';

/** How long a change may wait to be saved, in ms, and in times of what saving takes: at most a twentieth of all time. */
const SAVE_MS = 10;
const SAVE_COST = 20;
/** Milliseconds by which what saving takes may grow at once, besides twofold: the more is the machine's, which had no time. */
const GRAIN = 0.1;
/** Many consumers of which some are slow leave many ranges: then some that were delivered count as outstanding. */
const MAX_RANGES = 1000;

export interface Standing {
  /** The first sequence that nobody was sent. */
  readonly next: number;
  /** Of those before `next`, in order: what is to be sent again unless its delivery ends well. */
  readonly outstanding: readonly Range[];
}

export class Place {
  readonly #stream: Stream;
  readonly #name: string;
  readonly #standing: () => Standing;
  #timer: NodeJS.Timeout | null = null;
  #cost = 0;

  /** `standing` is asked when it is time to save. */
  constructor(stream: Stream, route: string, standing: () => Standing) {
    this.#stream = stream;
    // No consumer group can have this name.
    this.#name = `route:${route}`;
    this.#standing = standing;
  }

  /** Where delivery stood; null: nothing is known, or nothing that makes sense. */
  load(): Standing | null {
    const saved = this.#stream.places.get(this.#name);
    return saved === null ? null : parse(saved, this.#stream.next);
  }

  /** Delivery went on: to be saved before long. */
  moved(): void {
    this.#timer ??= setTimeout(() => this.save(), Math.max(SAVE_MS, this.#cost * SAVE_COST));
  }

  /** Nobody goes on here: retention need not spare anything. */
  forget(): void {
    this.#stream.protect(this.#name, null);
  }

  save(): void {
    const began = performance.now();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { next, outstanding } = this.#standing();
    const ranges = coarse(outstanding).map(({ first, last }) => [first, last]);
    const acknowledged = outstanding[0]?.first ?? next;
    const value = JSON.stringify({ acknowledged, next, outstanding: ranges });
    this.#stream.places.save(this.#name, Buffer.from(value));
    this.#stream.protect(this.#name, acknowledged);
    this.#cost = Math.min(performance.now() - began, 2 * this.#cost + GRAIN);
  }
}

/** At most {@link MAX_RANGES} ranges with everything that is in `ranges`: the smallest holes between them are filled. */
function coarse(ranges: readonly Range[]): readonly Range[] {
  let result = ranges;
  for (let hole = 1; result.length > MAX_RANGES; hole *= 2) {
    const joined: Range[] = [];
    for (const range of result) {
      const last = joined.at(-1);
      if (last !== undefined && range.first - last.last - 1 <= hole)
        joined[joined.length - 1] = { first: last.first, last: range.last };
      else joined.push(range);
    }
    result = joined;
  }
  return result;
}

function parse(saved: Uint8Array, end: number): Standing | null {
  try {
    const value = JSON.parse(Buffer.from(saved).toString()) as { next?: unknown; outstanding?: unknown };
    if (!isSequence(value.next) || !Array.isArray(value.outstanding)) return null;
    // A disk that was not told to sync may have lost the end: then those numbers are given anew.
    const next = Math.min(value.next, end);
    const outstanding: Range[] = [];
    for (const [first, last] of value.outstanding as [unknown, unknown][]) {
      if (!isSequence(first) || !isSequence(last) || first > last) return null;
      if (first < next) outstanding.push({ first, last: Math.min(last, next - 1) });
    }
    return { next, outstanding };
  } catch {
    return null;
  }
}

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
