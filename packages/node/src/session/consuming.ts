/**
 * CONSUME, ACK, NACK, CANCEL: which consumer is in which group, and which groups there are.
 *
 * Guarantees: a group is there while it has members or records on the way to its dead letters, and its place after
 * that; a consumer that comes again (same session, same number) has what it had.
 */
import { setImmediate as nextTurn } from 'node:timers';
import type { ClientMessage, ConsumeRequest, From, Range } from '@zeroth/client/wire';
import { NAME, type Trouble } from '@zeroth/client/wire';
import type { Log } from '../log/log.ts';
import type { Stream } from '../store/store.ts';
import { type BurialHost, bury } from './burial.ts';
import { Consumer } from './consumer.ts';
import type { GroupState } from './core/group.ts';
import { decodePlace, within } from './core/place.ts';
import type { Hub, Hubs } from './hub.ts';
import { Runner, type RunnerHost, type RunnerOptions } from './runner.ts';
import type { Connection, Outlet, Session } from './session.ts';

/** Octets on the way to one consumer, at most; and to all together, as long as each has the least. */
const WINDOW = 8 * 1024 * 1024;
const ALL_WINDOWS = 1024 * 1024 * 1024;
const LEAST_WINDOW = 64 * 1024;
const MAX_CREDIT = 100_000;
const MAX_CONSUMERS = 10_000;
const MAX_PREFIX = 1024;
/** Places of groups that a stream keeps. */
const MAX_PLACES = 1000;
/** Milliseconds until a change of a place is saved. */
const SAVE_AFTER = 10;

type Consume = Extract<ClientMessage, { type: 'CONSUME' }>;

export interface ConsumingHost extends BurialHost {
  now(): number;
}

export class Consuming implements RunnerHost {
  readonly #hubs: Hubs;
  readonly #outlet: Outlet;
  readonly #host: ConsumingHost;
  readonly #log: Log;
  /** Consumers of all sessions. */
  count = 0;
  /** Groups of which something was acknowledged since the messages that are there began to be taken. */
  readonly #touched: Set<Runner> = new Set();
  readonly #later: Set<Runner> = new Set();
  readonly #unsaved: Set<Runner> = new Set();
  #private = 0;
  #saveTimer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(hubs: Hubs, outlet: Outlet, host: ConsumingHost) {
    this.#hubs = hubs;
    this.#outlet = outlet;
    this.#host = host;
    this.#log = host.log;
  }

  // ---- messages

  consume(session: Session, connection: Connection, message: Consume): void {
    const { consumer: number, request, prefix } = message;
    const known = session.consumers.get(number);
    if (known !== undefined && (known.runner === null || this.#same(known, message))) {
      if (known.runner !== null) this.#resume(known, known.runner, connection, request);
      return;
    }
    if (known !== undefined) this.leave(known, false);
    const hub = this.#hubs.get(request.stream);
    const deadLetter = request.deadLetter ?? `${request.stream}.dead`;
    const trouble = this.#objection(message, hub, deadLetter);
    if (trouble !== null || hub === null) {
      if (trouble !== null) this.#outlet.answer(connection, { type: 'ENDED', consumer: number, trouble });
      return;
    }
    this.count++;
    const window = Math.max(LEAST_WINDOW, Math.min(WINDOW, Math.floor(ALL_WINDOWS / this.count)));
    const consumer = new Consumer(
      session,
      number,
      Math.min(MAX_CREDIT, request.credit),
      window,
      this.#outlet,
    );
    session.consumers.set(number, consumer);
    const place = placeOf(request, session.name);
    const options: RunnerOptions = {
      place,
      name: request.group ?? session.name,
      strategy: request.strategy,
      prefix: Buffer.from(prefix),
      ackTimeout: request.ackTimeout,
      maxDeliveries: request.maxDeliveries,
      deadLetter,
    };
    const key = place ?? ` ${this.#private++}`;
    if (hub.runners.has(key)) this.#join(consumer, hub, key, options, request, null);
    else this.#open(consumer, hub, key, options, request);
  }

  ack(session: Session, number: number, ranges: readonly Range[]): void {
    const consumer = session.consumers.get(number);
    const runner = consumer?.runner;
    if (consumer === undefined || runner === null || runner === undefined) return;
    for (const { first, last } of ranges) runner.group.ack(consumer, first, last);
    this.#touched.add(runner);
  }

  nack(session: Session, number: number, ranges: readonly Range[], delay: number): void {
    const consumer = session.consumers.get(number);
    const runner = consumer?.runner;
    if (consumer === undefined || runner === null || runner === undefined) return;
    const now = this.#host.now();
    for (const { first, last } of ranges) runner.group.nack(consumer, first, last, delay, now);
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
    for (const runner of this.#touched) runner.pump();
    this.#touched.clear();
  }

  committed(hub: Hub): void {
    for (const runner of hub.runners.values()) runner.pump();
  }

  /** To be called now and then. */
  rest(): void {
    for (const { runners } of this.#hubs.all()) for (const runner of runners.values()) runner.rest();
  }

  /** Saves all places, and ends all groups. */
  close(): void {
    this.#closed = true;
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    for (const { runners } of this.#hubs.all()) for (const runner of runners.values()) runner.close();
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
    if (this.#saveTimer !== null || this.#closed) return;
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
    this.#log.error(
      { stream: runner.stream.name, group: runner.options.name, err: error },
      'a stream can not be read',
    );
    const trouble = { code: 'STREAM_FAILED', message: error.message };
    for (const consumer of [...runner.group.members]) {
      this.#outlet.send(consumer.session, { type: 'ENDED', consumer: consumer.number, trouble });
      this.leave(consumer, false);
    }
  }

  // ----

  /** Why a request can't be served, whoever asks. */
  #objection({ request, prefix }: Consume, hub: Hub | null, deadLetter: string): Trouble | null {
    const { stream, maxDeliveries } = request;
    if (hub === null) return { code: 'STREAM_UNKNOWN', message: `the node has no stream ${stream}` };
    if (this.count >= MAX_CONSUMERS)
      return { code: 'TOO_MANY_CONSUMERS', message: `the node serves ${MAX_CONSUMERS} at most` };
    if (maxDeliveries > 0 && (deadLetter === stream || !NAME.test(deadLetter)))
      return {
        code: 'REQUEST_INVALID',
        message: `${deadLetter} can't be the dead-letter stream of ${stream}`,
      };
    if (prefix.length > MAX_PREFIX)
      return { code: 'REQUEST_INVALID', message: `a prefix has ${MAX_PREFIX} octets at most` };
    return null;
  }

  #same(consumer: Consumer, { request, prefix }: Consume): boolean {
    const runner = consumer.runner!;
    const place = placeOf(request, consumer.session.name);
    const deadLetter = request.deadLetter ?? `${request.stream}.dead`;
    return (
      runner.stream.name === request.stream &&
      runner.options.place === place &&
      runner.agrees(request, prefix, deadLetter)
    );
  }

  #resume(consumer: Consumer, runner: Runner, connection: Connection, { credit }: ConsumeRequest): void {
    consumer.credit = Math.min(MAX_CREDIT, credit);
    // Not `group.next`: what the consumer holds comes again, and it may never have seen any of it.
    const next = runner.group.acked.floor;
    this.#outlet.answer(connection, { type: 'CONSUMING', consumer: consumer.number, next });
    runner.group.resume(consumer, this.now());
    this.#touched.add(runner);
  }

  /** Starts a group: where its place says, or where the request says. */
  #open(consumer: Consumer, hub: Hub, key: string, options: RunnerOptions, request: ConsumeRequest): void {
    const { stream } = hub;
    const kept = options.place === null ? null : stream.places.get(options.place);
    if (kept !== null) {
      const place = decodePlace(kept);
      if (place === null) this.#refuse(consumer, 'STREAM_FAILED', `the place of ${key} is damaged`);
      else this.#join(consumer, hub, key, options, request, within(place.state, stream.next));
      return;
    }
    const groups = new Set([...stream.places.names(), ...hub.runners.keys()]);
    if (options.place !== null && groups.size >= MAX_PLACES) {
      this.#refuse(
        consumer,
        'TOO_MANY_CONSUMERS',
        `a stream keeps the places of ${MAX_PLACES} groups at most`,
      );
      return;
    }
    const begin = (acknowledged: number): void =>
      this.#join(consumer, hub, key, options, request, { acknowledged, ranges: [], deliveries: [] });
    const start = startOf(stream, request.from);
    if (typeof start === 'number') {
      begin(start);
      return;
    }
    stream.find(start.time).then(
      (found) => {
        // It may have left meanwhile.
        if (consumer.session.consumers.get(consumer.number) !== consumer || this.#closed) return;
        begin(found);
        this.flush();
      },
      (error: Error) => this.#refuse(consumer, 'STREAM_FAILED', error.message),
    );
  }

  /** Puts a consumer into its group, which begins in this state if it is not there. */
  #join(
    consumer: Consumer,
    hub: Hub,
    key: string,
    options: RunnerOptions,
    request: ConsumeRequest,
    state: GroupState | null,
  ): void {
    let runner = hub.runners.get(key);
    if (runner === undefined) {
      runner = new Runner(hub.stream, options, state!, this);
      hub.runners.set(key, runner);
      runner.save();
    } else if (request.strategy === 'broadcast' && runner.group.members.length > 0) {
      this.#refuse(consumer, 'GROUP_MISMATCH', 'another consumer of this client has that place');
      return;
    } else if (!runner.agrees(request, options.prefix, options.deadLetter)) {
      this.#refuse(consumer, 'GROUP_MISMATCH', 'the members of the group ask for something else');
      return;
    }
    consumer.runner = runner;
    consumer.connected = consumer.session.connection !== null;
    this.#outlet.send(consumer.session, {
      type: 'CONSUMING',
      consumer: consumer.number,
      next: runner.group.next,
    });
    runner.group.join(consumer);
    this.#touched.add(runner);
  }

  #refuse(consumer: Consumer, code: string, message: string): void {
    const trouble = { code, message };
    this.#outlet.send(consumer.session, { type: 'ENDED', consumer: consumer.number, trouble });
    this.leave(consumer, false);
  }

  #closeIfEmpty(runner: Runner): void {
    if (this.#closed || runner.group.members.length > 0 || runner.group.dying.count > 0) return;
    const hub = this.#hubs.get(runner.stream.name);
    for (const [key, each] of hub?.runners ?? []) if (each === runner) hub!.runners.delete(key);
    runner.close();
  }
}

/** Where the place of a consumer is kept; null: nowhere. */
function placeOf({ strategy, group }: ConsumeRequest, client: string): string | null {
  return group !== null && strategy === 'broadcast' ? `${group}@${client}` : group;
}

function startOf(stream: Stream, from: From): number | { readonly time: number } {
  if (from === 'first') return stream.first;
  if (from === 'new') return stream.committed;
  if (from === 'last') return Math.max(stream.first, stream.committed - 1);
  // A stream may have lost an end that was not on the disk: nothing of a new one is skipped.
  return 'sequence' in from ? Math.min(from.sequence, stream.next) : from;
}
