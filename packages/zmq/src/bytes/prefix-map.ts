/**
 * A map from octet prefixes to values that answers "which of the stored prefixes begin this text?".
 *
 * One pass over the text computes the hash of each of its beginnings; the map is asked only at the lengths that stored
 * prefixes have. A trie takes a step for each octet, most of them a cache miss; here an octet costs a multiplication.
 * Everything that a question touches lies in a few flat arrays, the prefixes back to back: ten thousand of them stay
 * within a processor's own cache, and a stored prefix costs its octets and some 30 more. (bench: pub-sub-10k)
 */

// FNV-1a from a start that others don't know. Folding the high bits back after each octet makes every octet depend on
// all of that start: without it, prefixes that fall together could be found by guessing eight bits.
const PRIME = 0x0100_0193;
const SMALLEST_TABLE = 16;
const SMALLEST_STORE = 256;

function mix(hash: number, octet: number): number {
  const product = Math.imul(hash ^ octet, PRIME);
  return product ^ (product >>> 15);
}

export class PrefixMap<V> {
  readonly #seed: number;
  // Open addressing: pairs of hash and entry number plus one; 0 where there is none. At most half full.
  #table: Int32Array = new Int32Array(2 * SMALLEST_TABLE);
  #mask = SMALLEST_TABLE - 1;
  // Entries: where in #store the prefix lies, how long it is, and the value. Numbers of deleted ones are used again.
  #starts: Int32Array = new Int32Array(SMALLEST_TABLE / 2);
  #sizes: Int32Array = new Int32Array(SMALLEST_TABLE / 2);
  #values: (V | undefined)[] = [];
  #free: number[] = [];
  #store: Uint8Array = new Uint8Array(SMALLEST_STORE);
  #storeEnd = 0;
  #stored = 0;
  // Lengths that stored prefixes have, ascending, and how many prefixes have each.
  #lengths: number[] = [];
  readonly #counts = new Map<number, number>();
  #everything: V | undefined = undefined;
  #count = 0;

  /** `seed` is any number that others can't guess. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Stored prefixes. */
  get size(): number {
    return this.#everything === undefined ? this.#count : this.#count + 1;
  }

  /** The value of the empty prefix, which every text begins with. */
  get everything(): V | undefined {
    return this.#everything;
  }

  get(prefix: Uint8Array): V | undefined {
    if (prefix.length === 0) return this.#everything;
    const at = this.#find(this.#hash(prefix), prefix, 0, prefix.length);
    return at < 0 ? undefined : this.#values[this.#table[at + 1]! - 1];
  }

  set(prefix: Uint8Array, value: V): void {
    const size = prefix.length;
    if (size === 0) {
      this.#everything = value;
      return;
    }
    const hash = this.#hash(prefix);
    const at = this.#find(hash, prefix, 0, size);
    if (at >= 0) {
      this.#values[this.#table[at + 1]! - 1] = value;
      return;
    }
    if (2 * (this.#count + 1) > this.#mask + 1) this.#resize(2 * (this.#mask + 1));
    const entry = this.#free.pop() ?? this.#count;
    if (this.#storeEnd + size > this.#store.length) this.#compact(size);
    this.#store.set(prefix, this.#storeEnd);
    this.#starts[entry] = this.#storeEnd;
    this.#sizes[entry] = size;
    this.#values[entry] = value;
    this.#storeEnd += size;
    this.#stored += size;
    this.#count++;
    this.#insert(hash, entry);
    const same = this.#counts.get(size) ?? 0;
    this.#counts.set(size, same + 1);
    if (same === 0) this.#lengths = [...this.#lengths, size].sort((a, b) => a - b);
  }

  /** True when there was such a prefix. */
  delete(prefix: Uint8Array): boolean {
    const size = prefix.length;
    if (size === 0) {
      const had = this.#everything !== undefined;
      this.#everything = undefined;
      return had;
    }
    const at = this.#find(this.#hash(prefix), prefix, 0, size);
    if (at < 0) return false;
    const entry = this.#table[at + 1]! - 1;
    this.#values[entry] = undefined;
    this.#free.push(entry);
    this.#remove(at >> 1);
    this.#count--;
    this.#stored -= size;
    const same = this.#counts.get(size)! - 1;
    if (same > 0) this.#counts.set(size, same);
    else {
      this.#counts.delete(size);
      this.#lengths = this.#lengths.filter((length) => length !== size);
    }
    if (8 * this.#count < this.#mask && this.#mask >= SMALLEST_TABLE) this.#shrink();
    return true;
  }

  /**
   * Writes the values of all prefixes of `bytes[start, end)` to the beginning of `into`, shortest first, and returns how
   * many they are. (An array that is emptied for each question costs more than the question.)
   */
  collect(bytes: Uint8Array, start: number, end: number, into: V[]): number {
    let count = 0;
    if (this.#everything !== undefined) into[count++] = this.#everything;
    const lengths = this.#lengths;
    let hash = this.#seed;
    let at = start;
    for (let i = 0; i < lengths.length; i++) {
      const stop = start + lengths[i]!;
      if (stop > end) break;
      for (; at < stop; at++) hash = mix(hash, bytes[at]!);
      const found = this.#find(hash, bytes, start, stop);
      if (found >= 0) into[count++] = this.#values[this.#table[found + 1]! - 1]!;
    }
    return count;
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
      if (this.#find(hash, bytes, start, stop) >= 0) return true;
    }
    return false;
  }

  /** All prefixes, in memory of their own, with their values. */
  *entries(): Generator<[prefix: Buffer, value: V]> {
    if (this.#everything !== undefined) yield [Buffer.alloc(0), this.#everything];
    const live: [Buffer, V][] = [];
    for (let i = 1; i < this.#table.length; i += 2) {
      const entry = this.#table[i]! - 1;
      if (entry >= 0) live.push([Buffer.from(this.#prefix(entry)), this.#values[entry]!]);
    }
    yield* live;
  }

  #prefix(entry: number): Uint8Array {
    const start = this.#starts[entry]!;
    return this.#store.subarray(start, start + this.#sizes[entry]!);
  }

  #hash(prefix: Uint8Array): number {
    let hash = this.#seed;
    for (let at = 0; at < prefix.length; at++) hash = mix(hash, prefix[at]!);
    return hash;
  }

  /** The index of its pair in the table, or -1. */
  #find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const table = this.#table;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = table[2 * slot + 1]! - 1;
      if (entry < 0) return -1;
      if (table[2 * slot] === hash && this.#is(entry, bytes, start, end)) return 2 * slot;
    }
  }

  #is(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const size = end - start;
    if (this.#sizes[entry] !== size) return false;
    const store = this.#store;
    const from = this.#starts[entry]!;
    for (let i = 0; i < size; i++) if (store[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #insert(hash: number, entry: number): void {
    const table = this.#table;
    let slot = hash & this.#mask;
    while (table[2 * slot + 1] !== 0) slot = (slot + 1) & this.#mask;
    table[2 * slot] = hash;
    table[2 * slot + 1] = entry + 1;
  }

  /** Empties a slot and moves those after it that would not be found any more (Knuth, 6.4, Algorithm R). */
  #remove(slot: number): void {
    const table = this.#table;
    const mask = this.#mask;
    let hole = slot;
    for (let next = (hole + 1) & mask; table[2 * next + 1] !== 0; next = (next + 1) & mask) {
      const home = table[2 * next]! & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      table[2 * hole] = table[2 * next]!;
      table[2 * hole + 1] = table[2 * next + 1]!;
      hole = next;
    }
    table[2 * hole + 1] = 0;
  }

  #resize(slots: number): void {
    const old = this.#table;
    this.#table = new Int32Array(2 * slots);
    this.#mask = slots - 1;
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) this.#insert(old[i]!, old[i + 1]! - 1);
    if (this.#starts.length < slots / 2) {
      this.#starts = grown(this.#starts, slots / 2);
      this.#sizes = grown(this.#sizes, slots / 2);
    }
  }

  /** Gives back what a large map took, by building the small one that is left of it. */
  #shrink(): void {
    const left = [...this.entries()];
    this.#table = new Int32Array(2 * SMALLEST_TABLE);
    this.#mask = SMALLEST_TABLE - 1;
    this.#starts = new Int32Array(SMALLEST_TABLE / 2);
    this.#sizes = new Int32Array(SMALLEST_TABLE / 2);
    this.#values = [];
    this.#free = [];
    this.#store = new Uint8Array(SMALLEST_STORE);
    this.#storeEnd = 0;
    this.#stored = 0;
    this.#count = 0;
    this.#lengths = [];
    this.#counts.clear();
    for (const [prefix, value] of left) this.set(prefix, value);
  }

  /** Makes room for `size` octets: moves the prefixes together, into more memory where that is not enough. */
  #compact(size: number): void {
    const store = new Uint8Array(Math.max(SMALLEST_STORE, 2 * (this.#stored + size)));
    let end = 0;
    for (let i = 1; i < this.#table.length; i += 2) {
      const entry = this.#table[i]! - 1;
      if (entry < 0) continue;
      store.set(this.#prefix(entry), end);
      this.#starts[entry] = end;
      end += this.#sizes[entry]!;
    }
    this.#store = store;
    this.#storeEnd = end;
  }
}

function grown(old: Int32Array, length: number): Int32Array {
  const fresh = new Int32Array(length);
  fresh.set(old);
  return fresh;
}
