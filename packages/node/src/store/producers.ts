/**
 * The last number of each producer: what tells a repetition from a new record.
 *
 * Guarantees: bounded. Of more than {@link PRODUCERS_MAX} the ones that wrote longest ago are forgotten, a tenth at a
 * time, and who wrote nothing since some time when that is asked for; what such a one sends again is taken for new.
 */
import { readU64, writeU64 } from '@zeroth/zmq/run';

export const PRODUCERS_MAX = 100_000;
/** Octets of an entry beside the name: number, time, length of the name. */
const ENTRY = 17;

interface Entry {
  /** The last number that was appended, and the last one that is committed. */
  appended: number;
  committed: number;
  /** Of the last commit. */
  time: number;
}

export class Producers {
  readonly #entries = new Map<string, Entry>();

  /** Names and last numbers of what is committed. */
  list(): { name: string; last: number }[] {
    return [...this.#entries].map(([name, { committed }]) => ({ name, last: committed }));
  }

  /** The last number of a producer that was appended; 0: none. */
  last(name: string): number {
    return this.#entries.get(name)?.appended ?? 0;
  }

  append(name: string, number: number): void {
    this.#entry(name).appended = number;
  }

  commit(name: string, number: number, time: number): void {
    const entry = this.#entry(name);
    entry.committed = number;
    entry.time = time;
    if (entry.appended < number) entry.appended = number;
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      if (this.#entries.size >= PRODUCERS_MAX) this.#forget();
      entry = { appended: 0, committed: 0, time: 0 };
      this.#entries.set(name, entry);
    }
    return entry;
  }

  /** Forgets who wrote nothing since `time`. */
  forget(time: number): void {
    for (const [name, entry] of this.#entries)
      if (entry.time < time && entry.appended === entry.committed) this.#entries.delete(name);
  }

  #forget(): void {
    // What is on its way to the disk stays, or its repetition would get past it.
    const settled = [...this.#entries].filter(([, entry]) => entry.appended === entry.committed);
    settled.sort((a, b) => a[1].time - b[1].time);
    for (const [name] of settled.slice(0, PRODUCERS_MAX / 10)) this.#entries.delete(name);
  }

  /**
   * What is committed, one after the other: number, time, length of the name (u64, u64, u8), name. What is not must not
   * be there: after a crash it would be taken for stored.
   */
  encode(): Buffer {
    let length = 0;
    for (const [name, { committed }] of this.#entries)
      if (committed > 0) length += ENTRY + Buffer.byteLength(name);
    const bytes = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (const [name, { committed, time }] of this.#entries) {
      if (committed === 0) continue;
      writeU64(bytes, at, committed);
      writeU64(bytes, at + 8, time);
      const size = bytes.write(name, at + ENTRY);
      bytes[at + 16] = size;
      at += ENTRY + size;
    }
    return bytes;
  }

  /** Null if it is not a table. */
  static decode(bytes: Buffer): Producers | null {
    const producers = new Producers();
    let at = 0;
    while (at + ENTRY <= bytes.length) {
      const end = at + ENTRY + bytes[at + 16]!;
      if (end > bytes.length) return null;
      producers.commit(bytes.toString('utf8', at + ENTRY, end), readU64(bytes, at), readU64(bytes, at + 8));
      at = end;
    }
    return at === bytes.length ? producers : null;
  }
}
