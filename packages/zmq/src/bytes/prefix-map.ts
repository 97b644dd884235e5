/**
 * A map from octet prefixes to values that answers "which of the stored prefixes begin this text?".
 *
 * One pass over the text computes the hash of each of its beginnings; the map is asked only at the lengths that stored
 * prefixes have. A trie takes a step for each octet, most of them a cache miss; here an octet costs a multiplication,
 * and a stored prefix its octets, however long it is. (bench: pub-sub-10k)
 */

interface Entry<V> {
  readonly prefix: Buffer;
  value: V;
  /** Another prefix with the same hash. */
  next: Entry<V> | null;
}

// FNV-1a from a start that others don't know. Folding the high bits back after each octet makes every octet depend on
// all of that start: without it, prefixes that fall together could be found by guessing eight bits.
const PRIME = 0x0100_0193;

function mix(hash: number, octet: number): number {
  const product = Math.imul(hash ^ octet, PRIME);
  return product ^ (product >>> 15);
}

export class PrefixMap<V> {
  readonly #seed: number;
  readonly #entries = new Map<number, Entry<V>>();
  // Lengths that stored prefixes have, ascending, and how many prefixes have each.
  #lengths: number[] = [];
  readonly #counts = new Map<number, number>();
  #everything: V | undefined = undefined;
  #size = 0;

  /** `seed` is any number that others can't guess. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Stored prefixes. */
  get size(): number {
    return this.#size;
  }

  /** The value of the empty prefix, which every text begins with. */
  get everything(): V | undefined {
    return this.#everything;
  }

  get(prefix: Uint8Array): V | undefined {
    if (prefix.length === 0) return this.#everything;
    return this.#find(this.#hash(prefix), prefix)?.value;
  }

  set(prefix: Uint8Array, value: V): void {
    if (prefix.length === 0) {
      if (this.#everything === undefined) this.#size++;
      this.#everything = value;
      return;
    }
    const hash = this.#hash(prefix);
    const entry = this.#find(hash, prefix);
    if (entry !== null) {
      entry.value = value;
      return;
    }
    this.#entries.set(hash, { prefix: Buffer.from(prefix), value, next: this.#entries.get(hash) ?? null });
    this.#size++;
    const count = this.#counts.get(prefix.length) ?? 0;
    this.#counts.set(prefix.length, count + 1);
    if (count === 0) this.#lengths = [...this.#lengths, prefix.length].sort((a, b) => a - b);
  }

  /** True when there was such a prefix. */
  delete(prefix: Uint8Array): boolean {
    if (prefix.length === 0) {
      if (this.#everything === undefined) return false;
      this.#everything = undefined;
      this.#size--;
      return true;
    }
    const hash = this.#hash(prefix);
    const entry = this.#find(hash, prefix);
    if (entry === null) return false;
    this.#unlink(hash, entry);
    this.#size--;
    const count = this.#counts.get(prefix.length)! - 1;
    if (count > 0) this.#counts.set(prefix.length, count);
    else {
      this.#counts.delete(prefix.length);
      this.#lengths = this.#lengths.filter((length) => length !== prefix.length);
    }
    return true;
  }

  /** Appends the values of all prefixes of `bytes[start, end)` to `into`, shortest first. */
  collect(bytes: Uint8Array, start: number, end: number, into: V[]): void {
    if (this.#everything !== undefined) into.push(this.#everything);
    const lengths = this.#lengths;
    let hash = this.#seed;
    let at = start;
    for (let i = 0; i < lengths.length; i++) {
      const stop = start + lengths[i]!;
      if (stop > end) return;
      for (; at < stop; at++) hash = mix(hash, bytes[at]!);
      for (let entry = this.#entries.get(hash) ?? null; entry !== null; entry = entry.next) {
        if (begins(entry.prefix, bytes, start, stop)) into.push(entry.value);
      }
    }
  }

  /** True when a stored prefix begins `bytes[start, end)`. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#everything !== undefined) return true;
    const lengths = this.#lengths;
    let hash = this.#seed;
    let at = start;
    for (let i = 0; i < lengths.length; i++) {
      const stop = start + lengths[i]!;
      if (stop > end) return false;
      for (; at < stop; at++) hash = mix(hash, bytes[at]!);
      for (let entry = this.#entries.get(hash) ?? null; entry !== null; entry = entry.next) {
        if (begins(entry.prefix, bytes, start, stop)) return true;
      }
    }
    return false;
  }

  /** All prefixes with their values. */
  *entries(): Generator<[prefix: Buffer, value: V]> {
    if (this.#everything !== undefined) yield [Buffer.alloc(0), this.#everything];
    for (const first of this.#entries.values()) {
      for (let entry: Entry<V> | null = first; entry !== null; entry = entry.next)
        yield [entry.prefix, entry.value];
    }
  }

  #hash(prefix: Uint8Array): number {
    let hash = this.#seed;
    for (let at = 0; at < prefix.length; at++) hash = mix(hash, prefix[at]!);
    return hash;
  }

  #find(hash: number, prefix: Uint8Array): Entry<V> | null {
    let entry = this.#entries.get(hash) ?? null;
    while (entry !== null && !begins(entry.prefix, prefix, 0, prefix.length)) entry = entry.next;
    return entry;
  }

  #unlink(hash: number, entry: Entry<V>): void {
    const first = this.#entries.get(hash)!;
    if (first === entry) {
      if (entry.next === null) this.#entries.delete(hash);
      else this.#entries.set(hash, entry.next);
      return;
    }
    let before = first;
    while (before.next !== entry) before = before.next!;
    before.next = entry.next;
  }
}

/** True when `prefix` is exactly `bytes[start, end)`. */
function begins(prefix: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = prefix.length;
  if (length !== end - start) return false;
  // From the end: prefixes with a common beginning differ there.
  for (let i = length - 1; i >= 0; i--) if (prefix[i] !== bytes[start + i]) return false;
  return true;
}
