/**
 * The segments of a stream, oldest first. The last one is written to; there is always one.
 */
import type { Segment } from './segment.ts';

export class Segments {
  readonly #list: Segment[];
  #bytes = 0;
  #content = 0;

  constructor(list: readonly Segment[]) {
    this.#list = [...list];
    for (const segment of list) this.#count(segment, 1);
  }

  /** Octets of all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Octets of their batches: without the tables of producers, which no retention makes smaller. */
  get content(): number {
    return this.#content;
  }

  get all(): readonly Segment[] {
    return this.#list;
  }

  get count(): number {
    return this.#list.length;
  }

  get oldest(): Segment {
    return this.#list[0]!;
  }

  get active(): Segment {
    return this.#list.at(-1)!;
  }

  /** Adds the next active one. One without records is replaced: its file has the same name. */
  push(segment: Segment): void {
    const last = this.#list.at(-1);
    if (last !== undefined && last.first === segment.first) {
      this.#list.pop();
      this.#count(last, -1);
    }
    this.#list.push(segment);
    this.#count(segment, 1);
  }

  /** The active one has grown. */
  grow(bytes: number): void {
    this.#bytes += bytes;
    this.#content += bytes;
  }

  #count({ start, end }: Segment, sign: 1 | -1): void {
    this.#bytes += sign * end;
    this.#content += sign * (end - start);
  }

  shift(): Segment {
    const segment = this.#list.shift()!;
    this.#count(segment, -1);
    return segment;
  }

  /** The segment that holds `sequence`; it is not before the oldest. */
  holding(sequence: number): Segment {
    const list = this.#list;
    let low = 0;
    let high = list.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (list[middle]!.first <= sequence) low = middle;
      else high = middle - 1;
    }
    return list[low]!;
  }

  /** The one after `segment`; null: it is the last. */
  after(segment: Segment): Segment | null {
    const next = this.holding(segment.next);
    if (next.first > segment.first) return next;
    return this.#list.find(({ first }) => first > segment.first) ?? null;
  }
}
