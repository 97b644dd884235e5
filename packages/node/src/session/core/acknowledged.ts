/**
 * Which records are acknowledged: all before `floor`, and ranges above it. Ranges are disjoint, sorted, and never touch
 * each other or the floor; so there are at most as many as there are records between them that are not acknowledged.
 */
import type { Range } from '@zeroth/client/wire';
import { MANY } from './leases.ts';

/** Places at the beginning that may be empty: passing the first of many ranges must not move all the others. */
const SLACK = 256;

export class Acknowledged {
  #floor: number;
  #ranges: { first: number; last: number }[] = [];
  /** Those before it are below the floor. */
  #head = 0;

  constructor(floor: number, ranges: readonly Range[] = []) {
    this.#floor = floor;
    for (const { first, last } of ranges) this.add(first, last);
  }

  /** Everything before it is acknowledged, itself is not. */
  get floor(): number {
    return this.#floor;
  }

  get ranges(): readonly Range[] {
    this.#compact();
    return this.#ranges;
  }

  add(first: number, last: number): void {
    if (last < this.#floor || last < first) return;
    const ranges = this.#ranges;
    if (first <= this.#floor) {
      this.#floor = last + 1;
      for (; this.#head < ranges.length && ranges[this.#head]!.first <= this.#floor; this.#head++)
        this.#floor = Math.max(this.#floor, ranges[this.#head]!.last + 1);
      if (this.#head === ranges.length || (this.#head >= SLACK && this.#head >= ranges.length >> 1))
        this.#compact();
      return;
    }
    // The first range that ends at `first - 1` or later, and the first one that begins after `last + 1`.
    const from = this.#after(first - 1);
    let to = from;
    let low = first;
    let high = last;
    for (; to < ranges.length && ranges[to]!.first <= last + 1; to++) {
      low = Math.min(low, ranges[to]!.first);
      high = Math.max(high, ranges[to]!.last);
    }
    if (to === from + 1) {
      const range = ranges[from]!;
      range.first = low;
      range.last = high;
    } else if (from === ranges.length) ranges.push({ first: low, last: high });
    else ranges.splice(from, to - from, { first: low, last: high });
  }

  /** As `add` of each, in order; of many in one pass. */
  addAll(added: readonly Range[]): void {
    if (added.length <= MANY) {
      for (const { first, last } of added) this.add(first, last);
      return;
    }
    this.#compact();
    const all = [...this.#ranges, ...added].sort((a, b) => a.first - b.first);
    this.#ranges = [];
    for (const { first, last } of all) this.add(first, last);
  }

  has(sequence: number): boolean {
    return this.skip(sequence) > sequence;
  }

  /** The first sequence from this one on that is not acknowledged. */
  skip(sequence: number): number {
    if (sequence < this.#floor) return this.#floor;
    const range = this.#ranges[this.#after(sequence)];
    return range !== undefined && range.first <= sequence ? range.last + 1 : sequence;
  }

  /** Where the next acknowledged range after a sequence that is not acknowledged begins; Infinity: nowhere. */
  limit(sequence: number): number {
    return this.#ranges[this.#after(sequence)]?.first ?? Number.POSITIVE_INFINITY;
  }

  #compact(): void {
    if (this.#head > 0) this.#ranges.splice(0, this.#head);
    this.#head = 0;
  }

  /** Index of the first range whose last is `sequence` or later. */
  #after(sequence: number): number {
    const ranges = this.#ranges;
    let low = this.#head;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranges[middle]!.last < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
