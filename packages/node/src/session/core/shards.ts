/**
 * Who has which shard. Shards are spread evenly, and stay where they are when members come and go, as far as that
 * allows. A shard has an owner, who may hold records of it, and a target, who is to have it; while they differ, nothing
 * of it is delivered.
 */
import { SHARDS } from './keys.ts';

export class Shards<M> {
  readonly #owner: (M | null)[] = new Array(SHARDS).fill(null);
  readonly #target: (M | null)[] = new Array(SHARDS).fill(null);
  /** Records of each shard that are with its owner. */
  readonly #held: Int32Array = new Int32Array(SHARDS);

  target(shard: number): M | null {
    return this.#target[shard]!;
  }

  /** Nothing of the shard may be delivered now. */
  moving(shard: number): boolean {
    return this.#owner[shard] !== this.#target[shard];
  }

  /** Its owner got so many more records of the shard, or fewer. Returns whether the shard has just moved. */
  hold(shard: number, records: number): boolean {
    this.#held[shard]! += records;
    if (this.#held[shard]! > 0 || !this.moving(shard)) return false;
    this.#owner[shard] = this.#target[shard]!;
    return true;
  }

  /** Spreads all shards over these members. */
  assign(members: readonly M[]): void {
    const least = members.length === 0 ? 0 : Math.floor(SHARDS / members.length);
    let extra = members.length === 0 ? 0 : SHARDS % members.length;
    const load = new Map<M, number>(members.map((member) => [member, 0]));
    const free: number[] = [];
    // Who has enough keeps no more of what it has; some may have one more than others.
    for (let shard = 0; shard < SHARDS; shard++) {
      const member = this.#target[shard]!;
      const count = member === null ? undefined : load.get(member);
      if (count === undefined || count > least || (count === least && extra === 0)) {
        free.push(shard);
        continue;
      }
      if (count === least) extra--;
      load.set(member!, count + 1);
    }
    for (const [member, count] of load) {
      let room = least - count;
      if (room >= 0 && extra > 0) {
        room++;
        extra--;
      }
      for (; room > 0; room--) this.#move(free.pop()!, member);
    }
    for (const shard of free) this.#move(shard, null);
  }

  #move(shard: number, member: M | null): void {
    this.#target[shard] = member;
    this.hold(shard, 0);
  }
}
