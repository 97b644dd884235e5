/**
 * What a consumer group knows: which records are acknowledged, which are with which member since when, which have to
 * be delivered again, and where new ones begin. Pure and synchronous: time and records are handed in, what is to be
 * sent is handed out.
 *
 * Guarantees: a record is acknowledged only by the member that has it (or had it last), by not matching the prefix, by
 * being gone, or as a dead letter; it is with one member at a time; every other record is delivered sooner or later,
 * what was delivered before first. Every record before `next` is acknowledged, with a member, waiting or dying.
 */
import type { Range } from '@zeroth/client/wire';
import { messageEnd, skipMessages } from '@zeroth/zmq/run';
import { Acknowledged } from './acknowledged.ts';
import { type Lease, Leases } from './leases.ts';
import type { Member } from './member.ts';
import { lastOf, Window } from './window.ts';

/** What the members agree on. */
export interface GroupOptions {
  readonly prefix: Uint8Array;
  /** Milliseconds; 0: never again. */
  readonly ackTimeout: number;
  /** 0: no limit. */
  readonly maxDeliveries: number;
}

/** Where a group stands: what has to survive it. */
export interface GroupState {
  /** Everything before it is acknowledged. */
  readonly acknowledged: number;
  readonly ranges: readonly Range[];
  /** Records that are not acknowledged and were delivered more than once: first, last, how often. */
  readonly deliveries: readonly (readonly [number, number, number])[];
}

/** What a group hands out. The bytes are whole records; their memory is that of the spans. */
export interface GroupOutput<M extends Member> {
  records(
    member: M,
    first: number,
    count: number,
    timestamp: number,
    deliveries: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void;
  gap(member: M, first: number, last: number, reason: string): void;
}

/** Answers of `step` that are no sequence. */
export const DONE = 0;
export const MORE = -1;

/** Records that may wait to be delivered again, or for their member; beyond it the group waits with new ones. */
export const MAX_WAITING = 10_000;
/** Delivery counts that are kept with the state. */
const MAX_COUNTS = 1000;

export abstract class Group<M extends Member> {
  readonly options: GroupOptions;
  readonly members: M[] = [];
  /** The first sequence that was not looked at yet. */
  next: number;
  /** Delivered too often: to be taken away, then reported with `buried`. */
  readonly dying: Leases = new Leases();
  /** The state has changed since somebody set this to false. */
  changed = false;
  readonly acked: Acknowledged;
  protected readonly window: Window = new Window();
  protected readonly output: GroupOutput<M>;
  /** Octets that this step may still hand out. */
  protected budget = 0;
  /** Delivery counts from before this group was loaded, by sequence. */
  protected readonly counts: Map<number, number> = new Map();
  // What `measure` found.
  protected cutCount = 0;
  protected cutEnd = 0;

  constructor(options: GroupOptions, state: GroupState, output: GroupOutput<M>) {
    this.options = options;
    this.output = output;
    this.acked = new Acknowledged(state.acknowledged, state.ranges);
    this.next = this.acked.floor;
    for (const [first, last, count] of state.deliveries) {
      for (let at = first; at <= last && this.counts.size < MAX_COUNTS; at++) this.counts.set(at, count);
    }
  }

  /** Records that wait to be delivered again, or for their member. */
  abstract get waiting(): number;
  protected abstract joined(member: M): void;
  protected abstract left(member: M): void;
  /** These were with the member and are not any more; `failed`: they count as delivered in vain. */
  protected abstract giveBack(member: M, leases: Lease[], failed: boolean, due: number): void;
  /** They are acknowledged, and were with a member. */
  protected abstract settled(lease: Lease): void;
  /** Takes what waits and was last with the member, of ranges in order. */
  protected abstract takeWaiting(ranges: readonly Range[], member: M): Lease[];
  /** What waits, for the state. */
  protected abstract waitingItems(): Iterable<Lease>;
  protected abstract serveWaiting(now: number): number;
  protected abstract serveNew(end: number, now: number): number;
  /** Moves what is due to where it is served, and says when the next is. */
  protected abstract wake(now: number): number;

  /** Records that are with members. */
  get inFlight(): number {
    let count = 0;
    for (const { leases } of this.members) count += leases.count;
    return count;
  }

  join(member: M): void {
    this.members.push(member);
    this.joined(member);
  }

  /** `lost`: it did not say good-bye, so what it had may be why. */
  leave(member: M, lost: boolean): void {
    const index = this.members.indexOf(member);
    if (index < 0) return;
    this.members.splice(index, 1);
    this.giveBack(member, member.leases.clear(), lost, 0);
    this.left(member);
    if (this.members.length === 0) this.window.release();
    this.changed = true;
  }

  suspend(member: M): void {
    member.connected = false;
    member.resendAt = 0;
  }

  /**
   * Its client is back: it gets again what it holds. What it did not acknowledge in time comes after that, because
   * another may get it as well; `alone`: in order.
   */
  resume(member: M, now: number, alone: boolean = false): void {
    member.connected = true;
    if (alone && this.waiting > 0) {
      this.giveBack(member, member.leases.clear(), false, 0);
      return;
    }
    member.resendAt = member.leases.first?.first ?? 0;
    for (const lease of member.leases.items as Lease[]) {
      lease.deliveries++;
      lease.due = this.dueFrom(now);
    }
  }

  ack(member: M, ranges: readonly Range[]): void {
    const apart = inOrder(ranges);
    const held = member.leases.takeAll(apart);
    this.#settle(held, true);
    // What it had and did not acknowledge in time: better late than twice.
    if (this.waiting > 0 && countOf(held) < countOf(apart))
      this.#settle(this.takeWaiting(apart, member), false);
  }

  nack(member: M, ranges: readonly Range[], delay: number, now: number): void {
    const leases = member.leases.takeAll(inOrder(ranges));
    if (leases.length === 0) return;
    this.giveBack(member, leases, true, delay > 0 ? now + delay : 0);
    this.changed = true;
  }

  /** These are in the dead-letter stream, or gone. */
  buried(first: number, last: number): void {
    this.#settle(this.dying.take(first, last), false);
  }

  /** Takes back what was not acknowledged in time. Returns when to call it again; Infinity: no need. */
  expire(now: number): number {
    let due = Number.POSITIVE_INFINITY;
    if (this.options.ackTimeout > 0) {
      for (const member of this.members) {
        const late = member.leases.items.filter((lease) => lease.due <= now);
        if (late.length > 0) {
          member.leases.takeAll(late);
          this.giveBack(member, late, true, 0);
          this.changed = true;
        }
        for (const lease of member.leases.items) due = Math.min(due, lease.due);
      }
    }
    return Math.min(due, this.wake(now));
  }

  /** Spans that `step` asked for. */
  hold(spans: Parameters<Window['hold']>[0]): void {
    this.window.hold(spans);
  }

  /** Lets go of what was read ahead. */
  release(): void {
    this.window.release();
  }

  /**
   * Hands out what it can of the records before `end`. Returns the sequence from which on it has to read first, DONE,
   * or MORE when it has handed out `budget` octets.
   */
  step(end: number, now: number, budget: number): number {
    this.budget = budget;
    for (const member of this.members) {
      if (member.resendAt === 0 || !member.connected) continue;
      const wanted = this.#resend(member);
      if (wanted !== DONE) return wanted;
    }
    const wanted = this.waiting > 0 ? this.serveWaiting(now) : DONE;
    if (wanted !== DONE) return wanted;
    const more = this.serveNew(end, now);
    if (more === DONE && this.next >= end) this.window.release();
    return more;
  }

  state(): GroupState {
    const deliveries: [number, number, number][] = [];
    let room = MAX_COUNTS;
    const add = (first: number, last: number, count: number): void => {
      if (count < 2 || room <= 0) return;
      const end = Math.min(last, first + room - 1);
      room -= end - first + 1;
      deliveries.push([first, end, count]);
    };
    for (const { first, last, deliveries: count } of this.#unsettled()) add(first, last, count);
    for (const [at, count] of this.counts) if (at >= this.next) add(at, at, count);
    return { acknowledged: this.acked.floor, ranges: this.acked.ranges, deliveries };
  }

  *#unsettled(): Iterable<Lease> {
    yield* this.dying.items;
    yield* this.waitingItems();
    for (const member of this.members) yield* member.leases.items;
  }

  #settle(leases: readonly Lease[], held: boolean): void {
    if (leases.length === 0) return;
    this.acked.addAll(leases);
    if (held) for (const lease of leases) this.settled(lease);
    this.changed = true;
  }

  #resend(member: M): number {
    for (;;) {
      const lease = member.leases.at(member.resendAt);
      if (lease === null) {
        member.resendAt = 0;
        return DONE;
      }
      const first = Math.max(lease.first, member.resendAt);
      const span = this.window.seek(first);
      if (span === null) return first;
      const last = Math.min(lease.last, lastOf(span));
      member.resendAt = last + 1;
      if (span.type === 'gap') {
        this.output.gap(member, first, last, span.reason);
        this.#settle(member.leases.take(first, last), true);
      } else {
        this.measure(
          span.bytes,
          span.end,
          lastOf(span) - first + 1,
          last - first + 1,
          Number.POSITIVE_INFINITY,
        );
        this.hand(member, first, span.timestamp, lease.deliveries, span.bytes);
      }
      if (this.budget <= 0) return MORE;
    }
  }

  /** Acknowledges what is gone, and tells a member. */
  protected gone(member: M, first: number, last: number, reason: string): void {
    this.acked.add(first, last);
    this.changed = true;
    this.output.gap(member, first, last, reason);
  }

  /**
   * Finds how many of the records at the window's position may go: at most `want` of the `rest` up to `end`, within
   * `room` octets but at least one. Sets `cutCount` and `cutEnd`.
   */
  protected measure(bytes: Uint8Array, end: number, rest: number, want: number, room: number): void {
    const start = this.window.at;
    if (end - start <= room) {
      this.cutCount = Math.min(rest, want);
      this.cutEnd = want >= rest ? end : skipMessages(bytes, start, want);
      return;
    }
    let at = start;
    let count = 0;
    while (count < want) {
      const next = messageEnd(bytes, at);
      if (next - start > room && count > 0) break;
      at = next;
      count++;
    }
    this.cutCount = count;
    this.cutEnd = at;
  }

  /** Hands out what `measure` found, and moves the window behind it. */
  protected hand(member: M, first: number, timestamp: number, deliveries: number, bytes: Uint8Array): void {
    const start = this.window.at;
    this.output.records(member, first, this.cutCount, timestamp, deliveries, bytes, start, this.cutEnd);
    this.budget -= this.cutEnd - start;
    this.window.moved(first + this.cutCount, this.cutEnd);
  }

  /** As `hand`; the member has them from now on. */
  protected lease(
    member: M,
    first: number,
    timestamp: number,
    deliveries: number,
    bytes: Uint8Array,
    shard: number,
    now: number,
  ): void {
    const last = first + this.cutCount - 1;
    const octets = this.cutEnd - this.window.at;
    const due = this.dueFrom(now);
    member.leases.insert({ first, last, deliveries, due, octets, shard, holder: null });
    this.hand(member, first, timestamp, deliveries, bytes);
  }

  /** Whether records with so many deliveries get no other one. */
  protected worn(deliveries: number): boolean {
    const { maxDeliveries } = this.options;
    return maxDeliveries > 0 && deliveries >= maxDeliveries;
  }

  protected dueFrom(now: number): number {
    const { ackTimeout } = this.options;
    return ackTimeout > 0 ? now + ackTimeout : Number.POSITIVE_INFINITY;
  }
}

/** The same records, as ranges that are in order and apart: no record is looked for twice. */
function inOrder(ranges: readonly Range[]): readonly Range[] {
  if (ranges.every(({ first }, index) => index === 0 || first > ranges[index - 1]!.last)) return ranges;
  const apart: { first: number; last: number }[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = apart.at(-1);
    if (before !== undefined && first <= before.last) before.last = Math.max(before.last, last);
    else apart.push({ first, last });
  }
  return apart;
}

function countOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
