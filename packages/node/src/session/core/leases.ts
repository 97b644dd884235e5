/**
 * Stretches of records that are with a member, or wait to be delivered again: disjoint, sorted by sequence. What goes in
 * and out at the ends, as it does mostly, costs next to nothing.
 */
import type { Range } from '@zeroth/client/wire';

/** Consecutive records that share one fate. */
export interface Lease {
  first: number;
  last: number;
  /** How often they were delivered. */
  deliveries: number;
  /** With a member: when they are delivered again. Delayed: when that may be. In the time of the group. */
  due: number;
  /** About the octets that they take. */
  octets: number;
  /** Which shard all of them belong to; 0 where there are none. */
  readonly shard: number;
  /** Who had them last, while they wait. */
  holder: object | null;
}

/** Places at the beginning that may be empty: taking the first of many must not move all the others. */
const SLACK = 256;
/** More at once than these go in one pass over all: each by itself may have to move all the others. */
export const MANY = 64;

export class Leases {
  #items: Lease[] = [];
  /** Those before it are gone. */
  #head = 0;
  /** Records. */
  count = 0;
  octets = 0;

  get items(): readonly Lease[] {
    this.#compact();
    return this.#items;
  }

  get first(): Lease | null {
    return this.#items[this.#head] ?? null;
  }

  /** Adds records that are not in it. */
  insert(lease: Lease): void {
    const items = this.#items;
    this.count += lease.last - lease.first + 1;
    this.octets += lease.octets;
    const end = this.#head < items.length ? items[items.length - 1] : undefined;
    if (end === undefined || end.last < lease.first) {
      if (end !== undefined && joins(end, lease)) {
        end.last = lease.last;
        end.octets += lease.octets;
      } else items.push(lease);
      return;
    }
    items.splice(this.#from(lease.first), 0, lease);
  }

  /** As `insert` of each, in order of sequence; of many in one pass. */
  insertAll(leases: readonly Lease[]): void {
    if (leases.length <= MANY) {
      for (const lease of leases) this.insert(lease);
      return;
    }
    const all = [...this.clear(), ...leases].sort((a, b) => a.first - b.first);
    for (const lease of all) this.insert(lease);
  }

  /** As `take` of each of these ranges, which are in order and apart; of many in one pass. */
  takeAll(ranges: readonly Range[], holder?: object): Lease[] {
    if (ranges.length <= MANY) return ranges.flatMap(({ first, last }) => this.take(first, last, holder));
    const taken: Lease[] = [];
    let index = 0;
    for (const lease of this.clear()) {
      if (holder !== undefined && lease.holder !== holder) {
        this.insert(lease);
        continue;
      }
      while (index < ranges.length && ranges[index]!.last < lease.first) index++;
      const whole = ranges[index];
      if (whole !== undefined && whole.first <= lease.first && whole.last >= lease.last) {
        taken.push(lease);
        continue;
      }
      for (let at = index; lease.first <= lease.last; at++) {
        const range = ranges[at];
        const first = Math.max(lease.first, range?.first ?? Number.POSITIVE_INFINITY);
        if (first > lease.first) this.insert(cut(lease, Math.min(lease.last, first - 1)));
        if (first <= lease.last) taken.push(cut(lease, Math.min(lease.last, range!.last)));
      }
    }
    return taken;
  }

  /** Removes and returns what it has of these records, in order; of `holder` only, if one is given. */
  take(first: number, last: number, holder?: object): Lease[] {
    const items = this.#items;
    const taken: Lease[] = [];
    let at = this.#from(first);
    let gone = at;
    for (let lease = items[gone]; lease !== undefined && lease.first <= last; lease = items[gone]) {
      if (holder !== undefined && lease.holder !== holder) {
        at = this.#cut(at, gone) + 1;
        gone = at;
        continue;
      }
      const low = Math.max(first, lease.first);
      const high = Math.min(last, lease.last);
      if (low === lease.first && high === lease.last) {
        taken.push(lease);
        gone++;
        continue;
      }
      const part = split(lease, low, high);
      taken.push(part);
      if (low > lease.first && high < lease.last) {
        const rest = split(lease, high + 1, lease.last);
        lease.last = low - 1;
        lease.octets -= part.octets + rest.octets;
        items.splice(gone + 1, 0, rest);
      } else {
        if (low === lease.first) lease.first = high + 1;
        else lease.last = low - 1;
        lease.octets -= part.octets;
      }
      at = this.#cut(at, gone) + 1;
      gone = at;
    }
    this.#cut(at, gone);
    for (const lease of taken) {
      this.count -= lease.last - lease.first + 1;
      this.octets -= lease.octets;
    }
    return taken;
  }

  /** Removes and returns everything. */
  clear(): Lease[] {
    this.#compact();
    const items = this.#items;
    this.#items = [];
    this.count = 0;
    this.octets = 0;
    return items;
  }

  /** The lease that has the sequence, or the first one after it. */
  at(sequence: number): Lease | null {
    return this.#items[this.#from(sequence)] ?? null;
  }

  /** Removes the items at these places. Returns where the next one is. */
  #cut(from: number, to: number): number {
    if (to === from) return from;
    if (from > this.#head) {
      this.#items.splice(from, to - from);
      return from;
    }
    this.#head = to;
    const { length } = this.#items;
    if (to < length && (to < SLACK || to < length >> 1)) return to;
    this.#compact();
    return 0;
  }

  #compact(): void {
    if (this.#head > 0) this.#items.splice(0, this.#head);
    this.#head = 0;
  }

  /** Index of the first lease that ends at the sequence or later. */
  #from(sequence: number): number {
    const items = this.#items;
    let low = this.#head;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (items[middle]!.last < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A part of a lease, with its share of the octets. */
function split(lease: Lease, first: number, last: number): Lease {
  const share = (last - first + 1) / (lease.last - lease.first + 1);
  return { ...lease, first, last, octets: Math.floor(lease.octets * share) };
}

/** Cuts off and returns the part up to `last`; nothing is left when that is all. */
function cut(lease: Lease, last: number): Lease {
  const part = split(lease, lease.first, last);
  lease.first = last + 1;
  lease.octets -= part.octets;
  return part;
}

function joins(before: Lease, after: Lease): boolean {
  return (
    before.last + 1 === after.first &&
    before.deliveries === after.deliveries &&
    before.due === after.due &&
    before.shard === after.shard &&
    before.holder === after.holder
  );
}
