/**
 * A set of sequences as ranges. Adding after the last and removing the first, which is what consumers mostly do, takes no
 * search.
 */
import type { Range } from '../wire/numbers.ts';

export class Intervals {
  #firsts: number[] = [];
  #lasts: number[] = [];

  /** Ranges that it takes. */
  get ranges(): number {
    return this.#firsts.length;
  }

  /** The smallest sequence; infinite: it is empty. */
  get min(): number {
    return this.#firsts.length === 0 ? Number.POSITIVE_INFINITY : this.#firsts[0]!;
  }

  has(sequence: number): boolean {
    const at = this.#find(sequence);
    return at < this.#firsts.length && this.#firsts[at]! <= sequence;
  }

  /** Adds `first` to `last`, both included. */
  add(first: number, last: number): void {
    const firsts = this.#firsts;
    const lasts = this.#lasts;
    const end = firsts.length - 1;
    if (end < 0 || first > lasts[end]! + 1) {
      firsts.push(first);
      lasts.push(last);
      return;
    }
    if (first === lasts[end]! + 1) {
      lasts[end] = last;
      return;
    }
    // The ranges that it touches become one with it.
    const from = this.#find(first - 1);
    let to = from;
    let low = first;
    let high = last;
    for (; to < firsts.length && firsts[to]! <= last + 1; to++) {
      if (firsts[to]! < low) low = firsts[to]!;
      if (lasts[to]! > high) high = lasts[to]!;
    }
    firsts.splice(from, to - from, low);
    lasts.splice(from, to - from, high);
  }

  /** Removes one sequence; false: it was not there. */
  remove(sequence: number): boolean {
    const firsts = this.#firsts;
    const lasts = this.#lasts;
    const at = firsts[0] === sequence ? 0 : this.#find(sequence);
    const first = firsts[at];
    if (first === undefined || first > sequence) return false;
    const last = lasts[at]!;
    if (first === last) {
      firsts.splice(at, 1);
      lasts.splice(at, 1);
    } else if (first === sequence) firsts[at] = sequence + 1;
    else if (last === sequence) lasts[at] = sequence - 1;
    else {
      firsts.splice(at + 1, 0, sequence + 1);
      lasts.splice(at, 0, sequence - 1);
    }
    return true;
  }

  /** Removes `first` to `last`, both included. */
  cut(first: number, last: number): void {
    const ranges = this.list();
    this.clear();
    for (const range of ranges) {
      if (range.first < first) this.add(range.first, Math.min(range.last, first - 1));
      if (range.last > last) this.add(Math.max(range.first, last + 1), range.last);
    }
  }

  /** Forgets the smallest sequences, until `ranges` is at most `max`. */
  bound(max: number): void {
    const extra = this.#firsts.length - max;
    if (extra <= 0) return;
    this.#firsts.splice(0, extra);
    this.#lasts.splice(0, extra);
  }

  clear(): void {
    this.#firsts = [];
    this.#lasts = [];
  }

  /** All of it, in order. */
  list(): Range[] {
    return this.#firsts.map((first, at) => ({ first, last: this.#lasts[at]! }));
  }

  copy(): Intervals {
    const copy = new Intervals();
    copy.#firsts = [...this.#firsts];
    copy.#lasts = [...this.#lasts];
    return copy;
  }

  /** Index of the first range that ends at `sequence` or later. */
  #find(sequence: number): number {
    const lasts = this.#lasts;
    let low = 0;
    let high = lasts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lasts[middle]! < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
