/**
 * What is behind a socket: its pattern, the sessions with its peers, the listeners of its bound endpoints, and those
 * who wait to send or to receive.
 */
import { ZmqError } from '../errors.ts';
import type { Sendable } from '../patterns/message.ts';
import type { DropReason, Pattern, PatternHost } from '../patterns/pattern.ts';
import type { Pipe } from '../patterns/pipe.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import type { Context } from './context.ts';
import { DropCounter } from './drops.ts';
import { Endpoints, type EndpointsOwner } from './endpoints.ts';
import type { Event, SocketStats } from './events.ts';
import { hold, letGo } from './keep-alive.ts';
import { Observer } from './observer.ts';
import { actsAtOnce, type OptionName, type OptionValues } from './options.ts';
import type { Session } from './session.ts';
import { Waiters } from './waiters.ts';

/** Options that every connection has taken on: a change goes to those that are there. */
const PER_CONNECTION: ReadonlySet<OptionName> = new Set([
  'heartbeatInterval',
  'heartbeatTimeout',
  'heartbeatTimeToLive',
  'maxMessageSize',
]);

export class Engine implements PatternHost, EndpointsOwner {
  readonly type: WireSocketType;
  readonly context: Context;
  readonly options: OptionValues;
  readonly seed: number = (Math.random() * 0x1_0000_0000) >>> 0;
  readonly pattern: Pattern;
  readonly endpoints: Endpoints;
  closed = false;
  lastEndpoint: string | null = null;
  /** The option `linger` was set: then it counts also for a process that would end. */
  lingerGiven = false;
  /** Those who wait to receive, and what waits to be sent. */
  readonly receivers: Waiters<null, Buffer[]>;
  readonly senders: Waiters<Sendable, undefined>;
  /** Where a relay takes the messages of this socket: then nobody else receives. */
  relay: { readable(): void; writable(): void; closed(): void } | null = null;
  readonly #sessions = new Set<Session>();
  // Pipes of peers that are gone whose messages were not received yet.
  readonly #leftovers = new Set<Pipe>();
  #observer: Observer | null = null;
  #closeWhenDone = false;
  #over = false;
  /** Called when everything is closed. */
  onEnd: (() => void) | null = null;
  #room: { promise: Promise<void>; resolve: () => void } | null = null;
  #closing: Promise<{ undelivered: number }> | null = null;
  #ended: (() => void) | null = null;
  // Counters of pipes that are gone.
  #past = {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    connections: 0,
    reconnects: 0,
    highWaterMarkHits: 0,
  };
  readonly #drops = new DropCounter((count, reason) => {
    this.emit({ type: 'drop', address: this.lastEndpoint ?? '', count, reason });
  });

  constructor(
    type: WireSocketType,
    context: Context,
    options: OptionValues,
    pattern: (host: PatternHost) => Pattern,
  ) {
    this.type = type;
    this.context = context;
    this.options = options;
    this.pattern = pattern(this);
    this.endpoints = new Endpoints(this);
    this.receivers = new Waiters(() => this.pattern.next());
    this.senders = new Waiters(
      (message) => (this.pattern.send(message) ? undefined : null),
      () => this.writable(),
    );
  }

  setOption<K extends OptionName>(name: K, value: OptionValues[K]): void {
    this.options[name] = value;
    if (name === 'linger') this.lingerGiven = true;
    if (typeof value === 'number' && value > Number.MAX_SAFE_INTEGER) {
      process.emitWarning(
        'Value is larger than Number.MAX_SAFE_INTEGER and may have been rounded inaccurately.',
      );
    }
    if (this.endpoints.any && !actsAtOnce(name)) {
      process.emitWarning('Socket option will not take effect until next connect/bind.');
    }
    if (name.startsWith('plain') || name.startsWith('curve')) this.endpoints.secure();
    const perConnection = PER_CONNECTION.has(name);
    for (const session of this.#sessions) {
      const { pipe } = session;
      if (perConnection) session.optionsChanged();
      if (this.options.conflate) continue;
      if (name === 'sendHighWaterMark') pipe.outbox.setMark(this.options.sendHighWaterMark);
      if (name === 'receiveHighWaterMark') pipe.setReceiveMark(this.options.receiveHighWaterMark);
    }
  }

  // ---- PatternHost

  readable(): void {
    if (this.relay !== null) this.relay.readable();
    else this.receivers.serve();
  }

  writable(): void {
    if (this.relay !== null) {
      this.relay.writable();
      return;
    }
    this.senders.serve();
    if (this.#room !== null && (this.closed || (this.senders.length === 0 && this.pattern.writable))) {
      this.#room.resolve();
      this.#room = null;
      letGo();
    }
  }

  /** Resolves when a message may find room, or the socket is closed. */
  room(): Promise<void> {
    if (this.#room === null) {
      let resolve: () => void = () => {};
      const promise = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.#room = { promise, resolve };
      hold();
    }
    return this.#room.promise;
  }

  dropped(pipe: Pipe | null, reason: DropReason, count: number): void {
    if (count === 0) return;
    if (pipe !== null) pipe.dropped += count;
    this.#drops.add(reason, count, this.#observer !== null);
  }

  refuse(pipe: Pipe, error: ZmqError): void {
    for (const session of this.#sessions) if (session.pipe === pipe) session.destroy(error);
  }

  part(pipe: Pipe): void {
    for (const session of this.#sessions) if (session.pipe === pipe) session.finish(this.options.linger);
  }

  // ---- EndpointsOwner, SessionOwner

  join(session: Session): void {
    this.#sessions.add(session);
  }

  free(): void {
    if (this.#closeWhenDone) this.close();
  }

  /** Peers that left have filled what one peer may fill: it is time for somebody to receive. */
  get crowded(): boolean {
    // What an XPUB announces may stay unread for ever: there it tells nothing about who keeps up, and the pattern bounds it.
    if (this.type === 'XPUB') return false;
    const mark = this.options.receiveHighWaterMark;
    let queued = 0;
    for (const { inbox } of this.#leftovers) queued += inbox.queued;
    return mark > 0 && queued >= mark;
  }

  // ---- events, figures

  get events(): Observer {
    if (this.#observer === null) {
      this.#observer = new Observer();
      if (this.#over) this.#observer.push({ type: 'end' });
    }
    return this.#observer;
  }

  emit(event: Event): void {
    this.#observer?.push(event);
  }

  /** Queued messages hold the process. */
  get blocky(): boolean {
    return this.context.blocky;
  }

  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  stats(): SocketStats {
    const past = this.#past;
    let { messagesIn, messagesOut, bytesIn, bytesOut, connections, reconnects, highWaterMarkHits } = past;
    let peers = 0;
    let queuedIn = 0;
    let queuedOut = 0;
    for (const session of this.#sessions) {
      const { pipe } = session;
      const { inbox, outbox } = pipe;
      messagesIn += pipe.receivedMessages;
      bytesIn += pipe.receivedBytes;
      messagesOut += outbox.sentMessages;
      bytesOut += outbox.sentBytes;
      connections += session.exchange.connections;
      reconnects += session.reconnects;
      highWaterMarkHits += outbox.fullCount + pipe.stopCount;
      queuedIn += inbox.queued;
      queuedOut += outbox.queued;
      if (session.state === 'ready') peers++;
    }
    for (const { inbox } of this.#leftovers) queuedIn += inbox.queued;
    return {
      messagesIn,
      messagesOut,
      bytesIn,
      bytesOut,
      dropped: this.#drops.total,
      droppedBy: { ...this.#drops.by },
      peers,
      queuedIn,
      queuedOut,
      connections,
      reconnects,
      highWaterMarkHits,
    };
  }

  sessionEnded(session: Session): void {
    this.#sessions.delete(session);
    this.endpoints.forget(session);
    const { pipe } = session;
    this.#past.messagesIn += pipe.receivedMessages;
    this.#past.bytesIn += pipe.receivedBytes;
    this.#past.messagesOut += pipe.outbox.sentMessages;
    this.#past.bytesOut += pipe.outbox.sentBytes;
    this.#past.connections += session.exchange.connections;
    this.#past.reconnects += session.reconnects;
    this.#past.highWaterMarkHits += pipe.outbox.fullCount + pipe.stopCount;
    for (const former of this.#leftovers) if (former.inbox.queued === 0) this.#leftovers.delete(former);
    if (pipe.inbox.queued > 0) this.#leftovers.add(pipe);
    if (this.closed && this.#sessions.size === 0) this.#ended?.();
  }

  // ---- the end

  /** As zeromq.js: at once, but after a bind or unbind that is under way. What is queued is sent for `linger`. */
  close(): void {
    if (this.closed) return;
    if (this.endpoints.busy) {
      this.#closeWhenDone = true;
      return;
    }
    void this.shutdown(this.options.linger, this.blocky || this.lingerGiven);
  }

  /**
   * Closes: nothing is received or accepted any more, what is queued is sent. Counts what was not sent in `time` ms. The
   * process does not end meanwhile if it `holds`.
   */
  shutdown(time: number, holds = true): Promise<{ undelivered: number }> {
    if (this.#closing === null) this.#closing = this.#shutdown(time, holds);
    else if (time >= 0) {
      // It is closing already: what this caller grants counts as well.
      const timer = setTimeout(() => this.expire(), time);
      void this.#closing.then(() => clearTimeout(timer));
    }
    return this.#closing;
  }

  async #shutdown(time: number, holds: boolean): Promise<{ undelivered: number }> {
    this.closed = true;
    const before = this.#drops.by.closed ?? 0;
    const waiting = this.senders.length;
    this.relay?.closed();
    const closing = this.endpoints.stopListening();
    this.receivers.fail(new ZmqError('EAGAIN'));
    this.senders.fail(new ZmqError('EAGAIN'));
    this.writable();
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    for (const session of [...this.#sessions]) session.finish(-1);
    let timer: NodeJS.Timeout | null = null;
    if (holds) hold();
    if (this.#sessions.size > 0) {
      if (time === 0) this.expire();
      else if (time > 0) timer = setTimeout(() => this.expire(), time);
      if (!holds) timer?.unref();
      if (this.#sessions.size > 0) await ended;
    }
    if (timer !== null) clearTimeout(timer);
    await closing;
    if (holds) letGo();
    this.#drops.flush();
    this.context.release(this);
    this.#over = true;
    this.emit({ type: 'end' });
    this.onEnd?.();
    return { undelivered: (this.#drops.by.closed ?? 0) - before + waiting };
  }

  /** Gives up what is queued: for the end of the time that a close may take. */
  expire(): void {
    for (const session of [...this.#sessions]) session.destroy();
  }

  /** Reads nothing more from any peer; what is in the inboxes can be received. */
  stopReading(): void {
    for (const { pipe } of this.#sessions) pipe.hold();
  }
}
