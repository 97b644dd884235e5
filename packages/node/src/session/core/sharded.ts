/**
 * The strategy `sharded`: all records of a key to one member, in order. A record that has to be delivered again takes
 * with it all of its shard that came after it and is not acknowledged; a shard moves to another member only when the
 * former has nothing of it any more. A member without room does not stop the others: what is for it waits in its queue,
 * as sequences only, until too much waits.
 */
import type { Range } from '@zeroth/client/wire';
import { messageEnd } from '@zeroth/zmq/run';
import type { Span } from '../../store/store.ts';
import { DONE, Group, MAX_WAITING, MORE } from './group.ts';
import { matches, SHARDS, shardOf } from './keys.ts';
import type { Lease } from './leases.ts';
import { Leases } from './leases.ts';
import type { Member } from './member.ts';
import { Shards } from './shards.ts';
import { lastOf } from './window.ts';

type Records = Extract<Span, { type: 'records' }>;

export class ShardedGroup<M extends Member> extends Group<M> {
  readonly #shards: Shards<M> = new Shards();
  /** Until when nothing of a shard is delivered: the delay of a nack. */
  readonly #until: Float64Array = new Float64Array(SHARDS);
  /** What waits while there are no members. */
  readonly #orphans: Leases = new Leases();
  /** Records that wait. */
  #count = 0;

  override get waiting(): number {
    return this.#count;
  }

  protected override joined(): void {
    this.#spread([]);
  }

  protected override left(member: M): void {
    this.#spread(member.queue.clear());
  }

  protected override settled(lease: Lease): void {
    this.#shards.hold(lease.shard, lease.first - lease.last - 1);
  }

  protected override giveBack(member: M, leases: Lease[], failed: boolean, due: number): void {
    const from = new Map<number, number>();
    const dead: Lease[] = [];
    const waits: Lease[] = [];
    for (const lease of leases) {
      const { shard, first } = lease;
      from.set(shard, Math.min(first, from.get(shard) ?? first));
      if (due > 0) this.#until[shard] = due;
      this.settled(lease);
      (failed && this.worn(lease.deliveries) ? dead : waits).push({ ...lease, holder: member });
    }
    // What came after them goes back as well, or it would be before them.
    const after = member.leases.items.filter(({ shard, first }) => first > (from.get(shard) ?? first));
    for (const lease of member.leases.takeAll(after)) {
      this.settled(lease);
      waits.push({ ...lease, holder: member });
    }
    this.dying.insertAll(dead);
    const queues = new Map<Leases, Lease[]>();
    for (const lease of waits) {
      lease.due = 0;
      this.#waits(lease, 1);
      const queue = this.#queueOf(lease);
      const list = queues.get(queue);
      if (list === undefined) queues.set(queue, [lease]);
      else list.push(lease);
    }
    for (const [queue, list] of queues) queue.insertAll(list);
  }

  protected override takeWaiting(ranges: readonly Range[], member: M): Lease[] {
    const queues = [this.#orphans, ...this.members.map(({ queue }) => queue)];
    const taken = queues.flatMap((queue) => (queue.count > 0 ? queue.takeAll(ranges, member) : []));
    for (const lease of taken) this.#waits(lease, -1);
    return taken;
  }

  protected override *waitingItems(): Iterable<Lease> {
    yield* this.#orphans.items;
    for (const { queue } of this.members) yield* queue.items;
  }

  protected override wake(now: number): number {
    // Also when nothing waits: what comes until then will.
    let due = Number.POSITIVE_INFINITY;
    for (const until of this.#until) if (until > now && until < due) due = until;
    return due;
  }

  protected override serveWaiting(now: number): number {
    for (const member of this.members) {
      if (member.free === 0 || member.queue.count === 0) continue;
      const wanted = this.#serve(member, now);
      if (wanted !== DONE) return wanted;
    }
    return DONE;
  }

  #serve(member: M, now: number): number {
    const { queue } = member;
    const blocked = new Uint8Array(SHARDS);
    for (let lease = queue.first; lease !== null && member.free > 0; ) {
      const { first, shard } = lease;
      if (blocked[shard] !== 0 || this.#shards.moving(shard) || this.#until[shard]! > now) {
        blocked[shard] = 1;
        lease = queue.at(lease.last + 1);
        continue;
      }
      const span = this.window.seek(first);
      if (span === null) return first;
      const last = Math.min(lease.last, lastOf(span));
      if (span.type === 'gap') {
        this.#take(queue, first, last);
        this.gone(member, first, last, span.reason);
      } else {
        const room = member.window - member.leases.octets;
        const want = Math.min(last - first + 1, member.free);
        this.measure(span.bytes, span.end, lastOf(span) - first + 1, want, room);
        const { deliveries } = lease;
        this.#take(queue, first, first + this.cutCount - 1);
        this.#shards.hold(shard, this.cutCount);
        this.lease(member, first, span.timestamp, deliveries + 1, span.bytes, shard, now);
      }
      if (this.budget <= 0) return MORE;
      lease = queue.at(first);
    }
    return DONE;
  }

  protected override serveNew(end: number, now: number): number {
    while (this.next < end) {
      const first = this.acked.skip(this.next);
      this.next = Math.min(first, end);
      if (first >= end) break;
      // Without anybody who could take something there is no use in going on.
      const anyone = this.members.find((member) => member.free > 0);
      if (anyone === undefined) break;
      const span = this.window.seek(first);
      if (span === null) return first;
      const last = Math.min(lastOf(span), end - 1, this.acked.limit(first) - 1);
      if (span.type === 'gap') {
        this.next = last + 1;
        this.gone(anyone, first, last, span.reason);
      } else if (!this.#stretch(span, first, last, now)) break;
      if (this.budget <= 0) return MORE;
    }
    return DONE;
  }

  /** Records of one span, one by one. False: too many wait. */
  #stretch(span: Records, first: number, last: number, now: number): boolean {
    const { prefix } = this.options;
    const { bytes } = span;
    for (let at = first; at <= last && this.budget > 0; at++) {
      const start = this.window.at;
      const end = messageEnd(bytes, start);
      if (prefix.length > 0 && !matches(bytes, start, prefix)) {
        this.acked.add(at, at);
        this.changed = true;
        this.#pass(at, start, end);
        continue;
      }
      const shard = shardOf(bytes, start);
      const member = this.#shards.target(shard)!;
      const before = this.counts.size > 0 ? (this.counts.get(at) ?? 0) : 0;
      const lease = {
        first: at,
        last: at,
        deliveries: before,
        due: 0,
        octets: end - start,
        shard,
        holder: null,
      };
      // Nothing of the shard waits for a member that has room: that was served first.
      const direct = !this.#shards.moving(shard) && this.#until[shard]! <= now;
      if (this.worn(before) && before > 0) {
        this.dying.insert(lease);
        this.#pass(at, start, end);
      } else if (direct && member.free > 0) {
        this.next = at + 1;
        this.cutCount = 1;
        this.cutEnd = end;
        this.#shards.hold(shard, 1);
        this.lease(member, at, span.timestamp, before + 1, bytes, shard, now);
        if (member.free === 0 && !this.members.some(({ free }) => free > 0)) return true;
      } else {
        if (this.#count + this.dying.count >= MAX_WAITING) return false;
        this.#wait(lease);
        this.#pass(at, start, end);
      }
      if (before > 0) this.counts.delete(at);
    }
    return true;
  }

  #pass(sequence: number, start: number, end: number): void {
    this.next = sequence + 1;
    this.budget -= end - start;
    this.window.moved(sequence + 1, end);
  }

  #wait(lease: Lease): void {
    lease.due = 0;
    this.#waits(lease, 1);
    this.#queueOf(lease).insert(lease);
  }

  #queueOf({ shard }: Lease): Leases {
    return this.#shards.target(shard)?.queue ?? this.#orphans;
  }

  #take(queue: Leases, first: number, last: number): void {
    for (const lease of queue.take(first, last)) this.#waits(lease, -1);
  }

  #waits(lease: Lease, sign: 1 | -1): void {
    this.#count += sign * (lease.last - lease.first + 1);
  }

  /** Members have changed: shards get their targets, and what waits goes to who will have it. */
  #spread(left: Lease[]): void {
    this.#shards.assign(this.members);
    const leases = [left, this.#orphans.clear(), ...this.members.map(({ queue }) => queue.clear())].flat();
    for (const lease of leases.sort((a, b) => a.first - b.first)) this.#queueOf(lease).insert(lease);
  }
}
