/**
 * Runs a group: reads from the stream for it, one read at a time, sends what it hands out, keeps its timer and its
 * place.
 *
 * Guarantees: nothing is read while nobody has room; a group hands out a bounded number of octets before others get
 * their turn; the place is saved soon after each change, and at the end.
 */
import type { ConsumeRequest, Strategy } from '@zeroth/client/wire';
import type { Span, Stream } from '../store/store.ts';
import type { Consumer } from './consumer.ts';
import {
  DONE,
  type Group,
  type GroupOptions,
  type GroupOutput,
  type GroupState,
  MORE,
} from './core/group.ts';
import { encodePlace } from './core/place.ts';
import { ShardedGroup } from './core/sharded.ts';
import { SharedGroup } from './core/shared.ts';
import { lastOf } from './core/window.ts';

/** Octets that are read at a time: the least, and the most for who reads on and on. */
const READ = 256 * 1024;
const READ_MAX = 1024 * 1024;
/** Octets that are handed out before others get their turn. */
const TURN = 1024 * 1024;
/** No timer waits longer. */
const MAX_WAIT = 0x7fff_ffff;

/** What the members of a group agree on, and what it is called. */
export interface RunnerOptions extends GroupOptions {
  /** Where its place is kept; null: nowhere. */
  readonly place: string | null;
  /** The name for people. */
  readonly name: string;
  readonly strategy: Strategy;
  readonly deadLetter: string;
}

/** What a runner needs of those around it. */
export interface RunnerHost {
  /** Octets that may be with one consumer now. */
  readonly window: number;
  now(): number;
  /** Call `pump` in one of the next turns of the event loop. */
  later(runner: Runner): void;
  /** Call `save` before long. */
  unsaved(runner: Runner): void;
  /** There are records that were delivered too often. */
  dying(runner: Runner): void;
  /** The stream can't be read. */
  failed(runner: Runner, error: Error): void;
  /** A mistake of ours: the group can't go on. */
  broken(runner: Runner, error: unknown): void;
}

export class Runner implements GroupOutput<Consumer> {
  readonly stream: Stream;
  readonly options: RunnerOptions;
  readonly group: Group<Consumer>;
  /** Somebody takes away what is dying. */
  burying = false;
  /** Nothing was handed out since this was set. */
  idle = false;
  readonly #host: RunnerHost;
  #reading = false;
  /** Octets that the next read asks for, if it begins at this sequence. */
  #size = READ;
  #follows = 0;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(stream: Stream, options: RunnerOptions, state: GroupState, host: RunnerHost) {
    this.stream = stream;
    this.options = options;
    this.#host = host;
    this.group =
      options.strategy === 'sharded'
        ? new ShardedGroup<Consumer>(options, state, this)
        : new SharedGroup<Consumer>(options, state, this);
  }

  // ---- GroupOutput

  records(
    member: Consumer,
    first: number,
    count: number,
    timestamp: number,
    deliveries: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.idle = false;
    member.add(first, count, timestamp, deliveries, bytes, start, end);
  }

  gap(member: Consumer, first: number, last: number, reason: string): void {
    member.gap(first, last, reason);
  }

  // ----

  /** Whether a member asks for what this group does. */
  agrees(
    { strategy, ackTimeout, maxDeliveries }: ConsumeRequest,
    prefix: Uint8Array,
    deadLetter: string,
  ): boolean {
    const { options } = this;
    return (
      options.strategy === strategy &&
      options.ackTimeout === ackTimeout &&
      options.maxDeliveries === maxDeliveries &&
      (maxDeliveries === 0 || options.deadLetter === deadLetter) &&
      Buffer.compare(options.prefix, prefix) === 0
    );
  }

  /** Hands out what there is, as far as there is room. */
  pump(): void {
    if (this.#reading || this.#closed) return;
    try {
      this.#pump();
    } catch (error) {
      this.#host.broken(this, error);
    }
  }

  #pump(): void {
    const { group, stream } = this;
    const now = this.#host.now();
    const { window } = this.#host;
    for (const member of group.members) member.window = window;
    let budget = TURN;
    for (;;) {
      const wanted = group.step(stream.committed, now, budget);
      if (wanted === DONE) break;
      if (wanted === MORE) {
        this.#host.later(this);
        break;
      }
      let spans: readonly Span[] | Promise<readonly Span[]>;
      try {
        this.#size = wanted === this.#follows ? Math.min(READ_MAX, this.#size * 2) : READ;
        spans = stream.read(wanted, this.#size);
      } catch (error) {
        spans = Promise.reject(error);
      }
      if (spans instanceof Promise) {
        this.#wait(spans, wanted);
        break;
      }
      if (!this.#hold(spans, wanted)) break;
      budget -= this.#size >> 2;
      if (budget <= 0) {
        this.#host.later(this);
        break;
      }
    }
    for (const member of group.members) member.flush();
    this.#after(now);
  }

  /** Something of the group may be delivered again after `delay` ms. */
  wake(delay: number): void {
    this.#arm(this.#host.now() + delay);
  }

  #tick(): void {
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const due = this.group.expire(this.#host.now());
    this.pump();
    this.#arm(due);
  }

  #after(now: number): void {
    const { group } = this;
    if (group.changed && this.options.place !== null) this.#host.unsaved(this);
    if (group.dying.count > 0) this.#host.dying(this);
    // A timer that is there may wait for something later: a refusal with a delay.
    if (group.options.ackTimeout > 0 && group.inFlight > 0) this.#arm(now + group.options.ackTimeout);
  }

  #arm(due: number): void {
    if (due >= this.#timerAt || this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = due;
    const wait = Math.min(MAX_WAIT, Math.max(1, Math.ceil(due - this.#host.now())));
    this.#timer = setTimeout(() => this.#tick(), wait);
    this.#timer.unref();
  }

  #wait(spans: Promise<readonly Span[]>, wanted: number): void {
    this.#reading = true;
    spans.then(
      (found) => {
        this.#reading = false;
        if (this.#closed) return;
        if (this.#hold(found, wanted)) this.pump();
      },
      (error: Error) => {
        this.#reading = false;
        if (!this.#closed) this.#host.failed(this, error);
      },
    );
  }

  #hold(spans: readonly Span[], wanted: number): boolean {
    const end = spans[spans.length - 1];
    if (end === undefined || spans[0]!.first > wanted || lastOf(end) < wanted) {
      // Not what a store does, and nothing to try again at once.
      this.#host.failed(this, new Error(`sequence ${wanted} could not be read`));
      return false;
    }
    this.#follows = lastOf(end) + 1;
    this.group.hold(spans);
    return true;
  }

  /** Lets go of memory when nobody took anything for a while. */
  rest(): void {
    if (this.idle && !this.#reading) this.group.release();
    this.idle = true;
  }

  /** Writes down where the group stands. */
  save(): void {
    const { place } = this.options;
    this.group.changed = false;
    if (place !== null) savePlace(this.stream, place, this.options, this.group.state());
  }

  /** Saves, and ends. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.group.release();
    this.save();
  }
}

/** Writes down where a group stands, or begins. */
export function savePlace(stream: Stream, place: string, options: RunnerOptions, state: GroupState): void {
  const { strategy, prefix, ackTimeout, maxDeliveries, deadLetter } = options;
  stream.places.save(place, encodePlace({ strategy, prefix, ackTimeout, maxDeliveries, deadLetter, state }));
}
