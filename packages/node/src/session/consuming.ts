/**
 * CONSUME, ACK, NACK, CANCEL: which consumer is in which group, and which groups there are. How one gets into its group
 * is in entrance.ts.
 *
 * Guarantees: a group is there while it has members or records on the way to its dead letters, and its place after
 * that; a consumer that comes again (same session, same number) has what it had.
 */
import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers';
import type { ClientMessage, ConsumeRequest, Range, Trouble } from '@zeroth/client/wire';
import { messageOf } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { type BurialHost, bury } from './burial.ts';
import { Consumer } from './consumer.ts';
import { Entrance, type EntranceHost } from './entrance.ts';
import type { Hub, Hubs } from './hub.ts';
import { deadLetterOf, placeOf, unfit } from './request.ts';
import type { Runner } from './runner.ts';
import type { Connection, Outlet, Session } from './session.ts';
import type { Traces } from './traces.ts';

/** Octets on the way to one consumer, at most; and to all together, as long as each has the least. */
const WINDOW = 8 * 1024 * 1024;
const ALL_WINDOWS = 1024 * 1024 * 1024;
const LEAST_WINDOW = 64 * 1024;
const MAX_CREDIT = 100_000;
/** Consumers of all sessions, with what is still there of former ones; and of one session. */
const MAX_CONSUMERS = 10_000;
const MAX_OF_SESSION = 256;
const MAX_PREFIX = 1024;
/** Milliseconds until a change of a place is saved. */
const SAVE_AFTER = 10;

type Consume = Extract<ClientMessage, { type: 'CONSUME' }>;

export interface ConsumingHost extends BurialHost {
  now(): number;
}

export class Consuming implements EntranceHost {
  readonly #hubs: Hubs;
  readonly #entrance: Entrance;
  readonly #outlet: Outlet;
  readonly #host: ConsumingHost;
  readonly #traces: Traces;
  readonly #log: Log;
  /** Groups without members that have records on the way to their dead letters. */
  readonly #left: Set<Runner> = new Set();
  /** Consumers of all sessions. */
  count = 0;
  /** Groups of which something was acknowledged since the messages that are there began to be taken. */
  readonly #touched: Set<Runner> = new Set();
  readonly #later: Set<Runner> = new Set();
  readonly #unsaved: Set<Runner> = new Set();
  #saveTimer: NodeJS.Timeout | null = null;
  closed = false;

  constructor(hubs: Hubs, outlet: Outlet, host: ConsumingHost, traces: Traces) {
    this.#hubs = hubs;
    this.#entrance = new Entrance(hubs, outlet, this);
    this.#outlet = outlet;
    this.#host = host;
    this.#traces = traces;
    this.#log = host.log;
    // Each group listens to it while it buries something.
    setMaxListeners(0, host.signal);
  }

  /** Octets that may be on the way to one consumer, while there are so many. */
  get window(): number {
    return Math.max(LEAST_WINDOW, Math.min(WINDOW, Math.floor(ALL_WINDOWS / this.count)));
  }

  /** Groups that run, and consumers that are on their way into one. */
  get counts(): { readonly groups: number; readonly entering: number } {
    let groups = this.#left.size;
    for (const { runners } of this.#hubs.all()) groups += runners.size;
    return { groups, entering: this.#entrance.waiting };
  }

  // ---- messages

  consume(session: Session, connection: Connection, message: Consume): void {
    const { consumer: number, request, prefix } = message;
    const known = session.consumers.get(number);
    if (known !== undefined && known.runner !== null && this.#same(known, message)) {
      this.#resume(known, known.runner, connection, request);
      return;
    }
    if (known !== undefined) this.leave(known, false);
    const hub = this.#hubs.get(request.stream);
    const deadLetter = deadLetterOf(request);
    const trouble = this.#objection(session, message, hub, deadLetter);
    if (trouble !== null || hub === null) {
      if (trouble !== null) this.#outlet.answer(connection, { type: 'ENDED', consumer: number, trouble });
      return;
    }
    this.count++;
    const credit = Math.min(MAX_CREDIT, request.credit);
    const consumer = new Consumer(session, number, credit, this.window, this.#outlet, this.#traces);
    consumer.wantsTrace = request.trace;
    session.consumers.set(number, consumer);
    this.#entrance.enter(consumer, hub, request, prefix);
  }

  ack(session: Session, number: number, ranges: readonly Range[]): void {
    const consumer = session.consumers.get(number);
    const runner = consumer?.runner;
    if (consumer === undefined || runner === null || runner === undefined) return;
    consumer.heard(ranges);
    runner.group.ack(consumer, ranges);
    this.#touched.add(runner);
  }

  nack(session: Session, number: number, ranges: readonly Range[], delay: number): void {
    const consumer = session.consumers.get(number);
    const runner = consumer?.runner;
    if (consumer === undefined || runner === null || runner === undefined) return;
    runner.group.nack(consumer, ranges, delay, this.#host.now());
    if (delay > 0) runner.wake(delay);
    this.#touched.add(runner);
  }

  cancel(session: Session, connection: Connection, number: number): void {
    const consumer = session.consumers.get(number);
    if (consumer !== undefined) this.leave(consumer, false);
    this.#outlet.answer(connection, {
      type: 'ENDED',
      consumer: number,
      trouble: { code: 'CANCELLED', message: '' },
    });
  }

  // ---- sessions

  /** The session ends: `lost` without a word of its client. */
  end(session: Session, lost: boolean): void {
    for (const consumer of [...session.consumers.values()]) this.leave(consumer, lost);
  }

  /** The connection is lost, the session is not. */
  suspend(session: Session): void {
    for (const consumer of session.consumers.values()) consumer.runner?.group.suspend(consumer);
  }

  leave(consumer: Consumer, lost: boolean): void {
    const { session, number, runner } = consumer;
    if (session.consumers.get(number) !== consumer) return;
    session.consumers.delete(number);
    this.count--;
    consumer.runner = null;
    if (runner === null) return;
    runner.group.leave(consumer, lost);
    this.#touched.add(runner);
    this.#closeIfEmpty(runner);
  }

  // ---- the server

  /** Hands out what acknowledgements made room for. To be called when the messages that are there were taken. */
  flush(): void {
    if (this.#touched.size === 0) return;
    const runners = [...this.#touched];
    this.#touched.clear();
    for (const runner of runners) runner.pump();
  }

  committed(hub: Hub): void {
    for (const runner of hub.runners.values()) runner.pump();
  }

  /** The stream of a hub goes: its consumers are told, and its groups end where they stand. */
  released({ stream, runners }: Hub): void {
    for (const runner of [...runners.values()]) {
      for (const consumer of [...runner.group.members])
        this.refuse(consumer, 'STREAM_UNKNOWN', `the node has no stream ${stream.name} any more`);
      runner.close();
      // Their place has them: they are looked at again if the stream comes back.
      runner.group.dying.clear();
      this.#left.delete(runner);
    }
    runners.clear();
  }

  /** To be called now and then. */
  rest(): void {
    for (const { runners } of this.#hubs.all()) for (const runner of runners.values()) runner.rest();
  }

  /** Saves all places, and ends all groups. */
  close(): void {
    this.closed = true;
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    for (const { runners } of this.#hubs.all()) for (const runner of runners.values()) runner.close();
  }

  // ---- EntranceHost

  joined(consumer: Consumer, runner: Runner): void {
    this.#left.delete(runner);
    runner.group.join(consumer);
    this.#touched.add(runner);
  }

  refuse(consumer: Consumer, code: string, message: string): void {
    const trouble = { code, message };
    this.#outlet.send(consumer.session, { type: 'ENDED', consumer: consumer.number, trouble });
    this.leave(consumer, false);
  }

  // ---- RunnerHost

  now(): number {
    return this.#host.now();
  }

  later(runner: Runner): void {
    this.#later.add(runner);
    if (this.#later.size > 1) return;
    nextTurn(() => {
      const runners = [...this.#later];
      this.#later.clear();
      for (const each of runners) each.pump();
    });
  }

  unsaved(runner: Runner): void {
    this.#unsaved.add(runner);
    if (this.#saveTimer !== null || this.closed) return;
    this.#saveTimer = setTimeout(() => {
      this.#saveTimer = null;
      for (const each of this.#unsaved) if (each.group.changed) each.save();
      this.#unsaved.clear();
    }, SAVE_AFTER);
    this.#saveTimer.unref();
  }

  dying(runner: Runner): void {
    if (runner.burying) return;
    void bury(runner, this.#host).then(() => this.#closeIfEmpty(runner));
  }

  failed(runner: Runner, error: Error): void {
    const { stream, options } = runner;
    this.#log.event('session:unreadable', { stream: stream.name, group: options.name, err: error });
    for (const consumer of [...runner.group.members]) this.refuse(consumer, 'STREAM_FAILED', error.message);
  }

  broken(runner: Runner, error: unknown): void {
    const members = [...runner.group.members];
    if (members.length === 0) this.#log.event('session:fault', { err: error, command: 'CONSUME' });
    for (const consumer of members) {
      this.#log.event('session:fault', { err: error, client: consumer.session.name, command: 'CONSUME' });
      this.refuse(consumer, 'STREAM_FAILED', messageOf(error));
    }
  }

  // ----

  /** Why a request can't be served, whoever asks. */
  #objection(
    session: Session,
    { request, prefix }: Consume,
    hub: Hub | null,
    deadLetter: string,
  ): Trouble | null {
    const { stream, maxDeliveries } = request;
    if (hub === null) return { code: 'STREAM_UNKNOWN', message: `the node has no stream ${stream}` };
    if (this.count + this.#left.size + this.#entrance.waiting >= MAX_CONSUMERS)
      return { code: 'TOO_MANY_CONSUMERS', message: `the node serves ${MAX_CONSUMERS} at most` };
    if (session.consumers.size >= MAX_OF_SESSION)
      return { code: 'TOO_MANY_CONSUMERS', message: `the node serves ${MAX_OF_SESSION} of a client at most` };
    if (maxDeliveries > 0) {
      const problem = unfit(stream, deadLetter, (name) => this.#hubs.get(name) !== null);
      const message = `${deadLetter} can't be the dead-letter stream of ${stream}: ${problem}`;
      if (problem !== null) return { code: 'REQUEST_INVALID', message };
    }
    if (prefix.length > MAX_PREFIX)
      return { code: 'REQUEST_INVALID', message: `a prefix has ${MAX_PREFIX} octets at most` };
    return null;
  }

  #same(consumer: Consumer, { request, prefix }: Consume): boolean {
    const runner = consumer.runner!;
    const place = placeOf(request, consumer.session.name);
    const deadLetter = deadLetterOf(request);
    return (
      runner.stream.name === request.stream &&
      runner.options.place === place &&
      runner.agrees(request, prefix, deadLetter)
    );
  }

  #resume(
    consumer: Consumer,
    runner: Runner,
    connection: Connection,
    { credit, trace }: ConsumeRequest,
  ): void {
    consumer.credit = Math.min(MAX_CREDIT, credit);
    consumer.wantsTrace = trace;
    // Not `group.next`: what the consumer holds comes again, and it may never have seen any of it.
    const next = runner.group.acked.floor;
    this.#outlet.answer(connection, { type: 'CONSUMING', consumer: consumer.number, next });
    consumer.tellGaps();
    runner.group.resume(consumer, this.now(), runner.options.strategy === 'broadcast');
    this.#touched.add(runner);
  }

  #closeIfEmpty(runner: Runner): void {
    if (this.closed || runner.group.members.length > 0) return;
    if (runner.group.dying.count > 0) {
      this.#left.add(runner);
      return;
    }
    this.#left.delete(runner);
    const hub = this.#hubs.get(runner.stream.name);
    for (const [key, each] of hub?.runners ?? []) if (each === runner) hub!.runners.delete(key);
    runner.close();
  }
}
