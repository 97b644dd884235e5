/**
 * The strategies `group` and `broadcast`, which is a group of one: each record to the member that has most room. As
 * many records as there are go in stretches, so that they stay the slices that the store has; few go one to each.
 */
import type { Range } from '@zeroth/client/wire';
import { messageEnd } from '@zeroth/zmq/run';
import type { Span } from '../../store/store.ts';
import { DONE, Group, MAX_WAITING, MORE } from './group.ts';
import { matches } from './keys.ts';
import { type Lease, Leases } from './leases.ts';
import type { Member } from './member.ts';
import { lastOf } from './window.ts';

type Records = Extract<Span, { type: 'records' }>;

export class SharedGroup<M extends Member> extends Group<M> {
  /** To be delivered again, now. */
  readonly #again: Leases = new Leases();
  /** To be delivered again, later; and no earlier than this. */
  readonly #delayed: Leases = new Leases();
  #soonest = Number.POSITIVE_INFINITY;
  // Members with room when `#pick` looked, and where it looks first: after whom it found before.
  #ready = 0;
  #turn = 0;

  override get waiting(): number {
    return this.#again.count + this.#delayed.count;
  }

  protected override joined(): void {}
  protected override left(): void {}
  protected override settled(): void {}

  protected override giveBack(member: M, leases: Lease[], failed: boolean, due: number): void {
    const waits: Lease[] = [];
    const dead: Lease[] = [];
    for (const lease of leases) {
      lease.due = due;
      lease.holder = member;
      (failed && this.worn(lease.deliveries) ? dead : waits).push(lease);
    }
    this.dying.insertAll(dead);
    if (due > 0 && waits.length > 0) this.#soonest = Math.min(this.#soonest, due);
    (due > 0 ? this.#delayed : this.#again).insertAll(waits);
  }

  protected override takeWaiting(ranges: readonly Range[], member: M): Lease[] {
    return [...this.#again.takeAll(ranges, member), ...this.#delayed.takeAll(ranges, member)];
  }

  protected override *waitingItems(): Iterable<Lease> {
    yield* this.#again.items;
    yield* this.#delayed.items;
  }

  protected override wake(now: number): number {
    if (this.#soonest > now) return this.#soonest;
    this.#soonest = Number.POSITIVE_INFINITY;
    const ready: Lease[] = [];
    for (const lease of this.#delayed.items)
      if (lease.due <= now) ready.push(lease);
      else this.#soonest = Math.min(this.#soonest, lease.due);
    this.#delayed.takeAll(ready);
    for (const lease of ready) lease.due = 0;
    this.#again.insertAll(ready);
    return this.#soonest;
  }

  protected override serveWaiting(now: number): number {
    for (let lease = this.#again.first; lease !== null; lease = this.#again.first) {
      const member = this.#pick();
      if (member === null) return DONE;
      const { first } = lease;
      const span = this.window.seek(first);
      if (span === null) return first;
      const last = Math.min(lease.last, lastOf(span));
      if (span.type === 'gap') {
        this.#again.take(first, last);
        this.gone(member, first, last, span.reason);
        continue;
      }
      const share = Math.ceil(this.#again.count / this.#ready);
      this.#measure(member, span, first, Math.min(last - first + 1, share));
      this.#again.take(first, first + this.cutCount - 1);
      this.lease(member, first, span.timestamp, lease.deliveries + 1, span.bytes, 0, now);
      if (this.budget <= 0) return MORE;
    }
    return DONE;
  }

  protected override serveNew(end: number, now: number): number {
    while (this.next < end && this.waiting + this.dying.count < MAX_WAITING) {
      const first = this.acked.skip(this.next);
      this.next = Math.min(first, end);
      if (first >= end) break;
      const member = this.#pick();
      if (member === null) break;
      const span = this.window.seek(first);
      if (span === null) return first;
      const last = Math.min(lastOf(span), end - 1, this.acked.limit(first) - 1);
      if (span.type === 'gap') {
        this.next = last + 1;
        this.gone(member, first, last, span.reason);
      } else this.#deliver(member, span, first, last - first + 1, end - first, now);
      if (this.budget <= 0) return MORE;
    }
    return DONE;
  }

  /** Delivers some of the `count` records of the span, of `all` that there are. */
  #deliver(member: M, span: Records, first: number, count: number, all: number, now: number): void {
    const { prefix } = this.options;
    let want = Math.min(count, Math.ceil(all / this.#ready));
    let before = 0;
    if (this.counts.size > 0) {
      before = this.counts.get(first) ?? 0;
      want = before > 0 ? 1 : this.#uncounted(first, want);
    }
    if (prefix.length > 0) {
      const skipped = this.#skip(span, first, count);
      if (skipped > 0) return;
      want = this.#matching(span, want);
    }
    this.#measure(member, span, first, want);
    this.next = first + this.cutCount;
    if (before > 0) this.counts.delete(first);
    if (before > 0 && this.worn(before)) {
      const octets = this.cutEnd - this.window.at;
      this.dying.insert({ first, last: first, deliveries: before, due: 0, octets, shard: 0, holder: null });
      this.window.moved(this.next, this.cutEnd);
    } else this.lease(member, first, span.timestamp, before + 1, span.bytes, 0, now);
  }

  /** How many records from `first` on have no delivery count from before. */
  #uncounted(first: number, most: number): number {
    for (let count = 1; count < most; count++) if (this.counts.has(first + count)) return count;
    return most;
  }

  /** Acknowledges records that don't match; returns how many. */
  #skip(span: Records, first: number, most: number): number {
    const { prefix } = this.options;
    const start = this.window.at;
    let at = start;
    let count = 0;
    for (; count < most && !matches(span.bytes, at, prefix); count++) at = messageEnd(span.bytes, at);
    if (count === 0) return 0;
    this.acked.add(first, first + count - 1);
    this.changed = true;
    this.next = first + count;
    this.budget -= at - start;
    this.window.moved(this.next, at);
    return count;
  }

  /** How many records in a row match, the first of which does. */
  #matching(span: Records, most: number): number {
    let at = messageEnd(span.bytes, this.window.at);
    let count = 1;
    for (; count < most && matches(span.bytes, at, this.options.prefix); count++)
      at = messageEnd(span.bytes, at);
    return count;
  }

  #measure(member: M, span: Records, first: number, want: number): void {
    const room = member.window - member.leases.octets;
    this.measure(span.bytes, span.end, lastOf(span) - first + 1, Math.min(want, member.free), room);
  }

  /** The member with most room; among equals they take turns. */
  #pick(): M | null {
    const { members } = this;
    let best: M | null = null;
    let most = 0;
    this.#ready = 0;
    let turn = this.#turn;
    for (let i = 1; i <= members.length; i++) {
      const index = (this.#turn + i) % members.length;
      const member = members[index]!;
      const { free } = member;
      if (free > 0) this.#ready++;
      if (free <= most) continue;
      best = member;
      most = free;
      turn = index;
    }
    this.#turn = turn;
    return best;
  }
}
