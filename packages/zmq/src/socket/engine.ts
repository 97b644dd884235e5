/**
 * What is behind a socket: its pattern, the sessions with its peers, the listeners of its bound endpoints, and those
 * who wait to send or to receive.
 */
import { ZmqError } from '../errors.ts';
import type { Sendable } from '../patterns/message.ts';
import type { DropReason, Pattern, PatternHost } from '../patterns/pattern.ts';
import type { Pipe } from '../patterns/pipe.ts';
import { formatEndpoint, parseEndpoint } from '../transport/endpoint.ts';
import { transportFor } from '../transport/registry.ts';
import type { Connection, Listener } from '../transport/transport.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import type { Context } from './context.ts';
import { inprocOf } from './context.ts';
import { DropCounter } from './drops.ts';
import type { Event, SocketStats } from './events.ts';
import { hold, letGo } from './keep-alive.ts';
import { Observer } from './observer.ts';
import { actsAtOnce, type OptionName, type OptionValues } from './options.ts';
import { Session, type SessionOwner } from './session.ts';
import { Waiters } from './waiters.ts';

/** How often it is looked whether a peer that waits can be let in. */
const PARKING_MS = 50;

/** Types that connect to an endpoint once, however often they are told to. */
const SINGLE_CONNECT: ReadonlySet<WireSocketType> = new Set(['DEALER', 'SUB', 'PUB', 'REQ']);

interface Bound {
  /** The text that was given, and the one that it became: either unbinds it. */
  readonly names: Set<string>;
  readonly listener: Listener;
  readonly sessions: Set<Session>;
}

export class Engine implements PatternHost, SessionOwner {
  readonly type: WireSocketType;
  readonly context: Context;
  readonly options: OptionValues;
  readonly seed: number = (Math.random() * 0x1_0000_0000) >>> 0;
  readonly pattern: Pattern;
  closed = false;
  lastEndpoint: string | null = null;
  /** Those who wait to receive, and what waits to be sent. */
  readonly receivers: Waiters<null, Buffer[]>;
  readonly senders: Waiters<Sendable, undefined>;
  /** Where a relay takes the messages of this socket: then nobody else receives. */
  relay: { readable(): void; writable(): void; closed(): void } | null = null;
  readonly #sessions = new Set<Session>();
  // Pipes of peers that are gone whose messages were not received yet.
  readonly #leftovers = new Set<Pipe>();
  readonly #connects = new Map<string, Session[]>();
  readonly #bounds = new Set<Bound>();
  #accepted = 0;
  #observer: Observer | null = null;
  #busy = false;
  #closeWhenDone = false;
  #over = false;
  /** Called when everything is closed. */
  onEnd: (() => void) | null = null;
  #room: { promise: Promise<void>; resolve: () => void } | null = null;
  #closing: Promise<{ undelivered: number }> | null = null;
  #ended: (() => void) | null = null;
  // Counters of pipes that are gone.
  #past = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
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
    this.receivers = new Waiters(() => this.pattern.next());
    this.senders = new Waiters((message) => (this.pattern.send(message) ? undefined : null));
  }

  setOption<K extends OptionName>(name: K, value: OptionValues[K]): void {
    this.options[name] = value;
    if (this.hasEndpoint && !actsAtOnce(name)) {
      process.emitWarning('Socket option will not take effect until next connect/bind.');
    }
    // Marks take effect at once, other options with the next bind or connect.
    for (const { pipe } of this.#sessions) {
      if (this.options.conflate) continue;
      if (name === 'sendHighWaterMark') pipe.outbox.setMark(this.options.sendHighWaterMark);
      if (name === 'receiveHighWaterMark') pipe.setReceiveMark(this.options.receiveHighWaterMark);
    }
  }

  // ---- endpoints

  async bind(address: string): Promise<void> {
    this.#reserve();
    try {
      const bound = this.#listen(address);
      try {
        await bound.listener.ready;
      } catch (error) {
        throw this.#bindFailed(bound, error, address);
      }
      this.#bound(bound, address);
    } finally {
      this.#release();
    }
  }

  /** Bound, or connected to something. */
  get hasEndpoint(): boolean {
    return this.#bounds.size > 0 || this.#connects.size > 0;
  }

  bindSync(address: string): void {
    this.#reserve();
    try {
      const bound = this.#listen(address);
      const { listener } = bound;
      if (listener.error !== null) throw this.#bindFailed(bound, listener.error, address);
      if (listener.endpoint === null) {
        this.#bounds.delete(bound);
        void listener.close();
        const detail = 'bindSync takes an IP address, a path or an inproc name; a host name needs bind()';
        throw new ZmqError('EINVAL', { address, detail });
      }
      this.#bound(bound, address);
    } finally {
      this.#release();
    }
  }

  async unbind(address: string): Promise<void> {
    this.#reserve();
    try {
      // A turn for whoever closes the socket meanwhile: it closes when this is over, also when this fails.
      await Promise.resolve();
      await this.#unbind(address);
    } finally {
      this.#release();
    }
  }

  unbindSync(address: string): void {
    this.#reserve();
    try {
      void this.#unbind(address);
    } finally {
      this.#release();
    }
  }

  /** Throws at once, then closes. */
  #unbind(address: string): Promise<void> {
    parseEndpoint(address, 'bind');
    const bound = [...this.#bounds].find(({ names }) => names.has(address));
    if (bound === undefined) {
      throw new ZmqError('ENOENT', { address, detail: 'this socket is not bound to it' });
    }
    this.#bounds.delete(bound);
    const endpoint = bound.listener.endpoint ?? address;
    if (!isInproc(endpoint)) this.emit({ type: 'close', address: endpoint });
    // As in libzmq, the peers that came in through it go as well.
    for (const session of [...bound.sessions]) session.finish(this.options.linger);
    return bound.listener.close();
  }

  connect(address: string, givenId: Buffer | null): void {
    this.#open();
    const endpoint = parseEndpoint(address, 'connect');
    if (endpoint.transport === 'tcp' && endpoint.port === 0) {
      throw new ZmqError('EINVAL', { address, detail: 'connect needs a port; 0 and * are for bind only' });
    }
    // As in libzmq: a second connection would bring everything twice.
    if (SINGLE_CONNECT.has(this.type) && this.#connects.has(address)) return;
    const transport = transportFor(endpoint, inprocOf(this.context));
    const session = new Session(
      this,
      address,
      (done) => transport.dial(address, this.options, done),
      givenId,
    );
    this.lastEndpoint = formatEndpoint(endpoint);
    this.#sessions.add(session);
    try {
      session.connect();
    } catch (error) {
      this.#sessions.delete(session);
      throw error;
    }
    const sessions = this.#connects.get(address);
    if (sessions === undefined) this.#connects.set(address, [session]);
    else sessions.push(session);
  }

  disconnect(address: string): void {
    this.#open();
    parseEndpoint(address);
    const session = this.#connects.get(address)?.[0];
    if (session === undefined) {
      throw new ZmqError('ENOENT', { address, detail: 'this socket is not connected to it' });
    }
    this.#forgetConnect(session);
    session.finish(this.options.linger);
    // What is queued to a peer that is not there would keep the session for ever.
    if (session.state !== 'ready') session.destroy();
  }

  #listen(address: string): Bound {
    const endpoint = parseEndpoint(address, 'bind');
    const transport = transportFor(endpoint, inprocOf(this.context));
    const listener: Listener = transport.listen(
      address,
      this.options,
      (connection) => this.#accept(bound, connection),
      (error) => this.emit({ type: 'accept:error', address, error: ZmqError.fromSystem(error, { address }) }),
    );
    const bound: Bound = { names: new Set([address]), listener, sessions: new Set() };
    this.#bounds.add(bound);
    return bound;
  }

  #bound(bound: Bound, address: string): void {
    const endpoint = bound.listener.endpoint ?? address;
    bound.names.add(endpoint);
    this.lastEndpoint = endpoint;
    if (!isInproc(endpoint)) this.emit({ type: 'bind', address: endpoint });
  }

  #bindFailed(bound: Bound, error: unknown, address: string): ZmqError {
    this.#bounds.delete(bound);
    const known = ZmqError.fromSystem(error, { address });
    // As in zeromq.js: the event has the address alone, the caller gets back what it gave.
    this.emit({ type: 'bind:error', address: known.address ?? address, error: known });
    const { code, detail, cause } = known;
    return new ZmqError(code, detail === undefined ? { address, cause } : { address, detail, cause });
  }

  #accept(bound: Bound, connection: Connection): void {
    if (this.closed || !this.#bounds.has(bound)) {
      connection.destroy();
      return;
    }
    const endpoint = bound.listener.endpoint ?? connection.local;
    const { maxPeers } = this.options;
    if (maxPeers > 0 && this.#accepted >= maxPeers) {
      const detail = `${this.#accepted} peers are connected, the limit is ${maxPeers} (maxPeers)`;
      const error = new ZmqError('ERR_TOO_MANY_PEERS', { address: connection.remote, detail });
      this.emit({ type: 'peer:refused', address: connection.remote, error });
      connection.destroy();
      return;
    }
    const session = new Session(this, endpoint, null, null);
    this.#sessions.add(session);
    bound.sessions.add(session);
    this.#accepted++;
    if (!isInproc(endpoint)) this.emit({ type: 'accept', address: endpoint });
    if (this.#crowded) this.#park(session, connection);
    else session.open(connection);
  }

  /** Peers that left have filled what one peer may fill: it is time for somebody to receive. */
  get #crowded(): boolean {
    // What an XPUB announces may stay unread for ever: there it tells nothing about who keeps up.
    if (this.type === 'XPUB') return false;
    const mark = this.options.receiveHighWaterMark;
    let queued = 0;
    for (const { inbox } of this.#leftovers) queued += inbox.queued;
    return mark > 0 && queued >= mark;
  }

  /**
   * Lets a new peer wait before its handshake, so that its messages stay with it: a mark for each peer alone would be no
   * limit for peers that come, send and go.
   */
  #park(session: Session, connection: Connection): void {
    // A peer that leaves is not noticed here, so none waits longer than for a handshake; it may try again.
    const end = performance.now() + this.options.handshakeInterval;
    const timer = setInterval(() => {
      const late = this.options.handshakeInterval > 0 && performance.now() >= end;
      const over = late || this.closed || session.state === 'ended';
      if (this.#crowded && !over) return;
      clearInterval(timer);
      if (!over) {
        session.open(connection);
        return;
      }
      session.destroy();
      connection.destroy();
    }, PARKING_MS);
    timer.unref();
  }

  #reserve(): void {
    this.#open();
    if (this.#busy) {
      throw new ZmqError('EBUSY', { message: 'Socket is blocked by a bind or unbind operation' });
    }
    this.#busy = true;
  }

  #release(): void {
    this.#busy = false;
    if (this.#closeWhenDone) this.close();
  }

  #open(): void {
    if (this.closed) throw new ZmqError('EBADF');
  }

  #forgetConnect(session: Session): void {
    const sessions = this.#connects.get(session.endpoint);
    const index = sessions?.indexOf(session) ?? -1;
    if (sessions === undefined || index < 0) return;
    sessions.splice(index, 1);
    if (sessions.length === 0) this.#connects.delete(session.endpoint);
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
    const stats = {
      ...this.#past,
      dropped: this.#drops.total,
      droppedBy: { ...this.#drops.by },
      peers: 0,
      queuedIn: 0,
      queuedOut: 0,
    };
    for (const session of this.#sessions) {
      const { pipe } = session;
      stats.messagesIn += pipe.receivedMessages;
      stats.bytesIn += pipe.receivedBytes;
      stats.messagesOut += pipe.outbox.sentMessages;
      stats.bytesOut += pipe.outbox.sentBytes;
      stats.queuedIn += pipe.inbox.queued;
      stats.queuedOut += pipe.outbox.queued;
      if (session.state === 'ready') stats.peers++;
    }
    for (const { inbox } of this.#leftovers) stats.queuedIn += inbox.queued;
    return stats;
  }

  sessionEnded(session: Session): void {
    this.#sessions.delete(session);
    this.#forgetConnect(session);
    if (session.accepted) this.#accepted--;
    for (const bound of this.#bounds) bound.sessions.delete(session);
    const { pipe } = session;
    this.#past.messagesIn += pipe.receivedMessages;
    this.#past.bytesIn += pipe.receivedBytes;
    this.#past.messagesOut += pipe.outbox.sentMessages;
    this.#past.bytesOut += pipe.outbox.sentBytes;
    for (const former of this.#leftovers) if (former.inbox.queued === 0) this.#leftovers.delete(former);
    if (pipe.inbox.queued > 0) this.#leftovers.add(pipe);
    if (this.closed && this.#sessions.size === 0) this.#ended?.();
  }

  // ---- the end

  /** As zeromq.js: at once, but after a bind or unbind that is under way. What is queued is sent for `linger`. */
  close(): void {
    if (this.closed) return;
    if (this.#busy) {
      this.#closeWhenDone = true;
      return;
    }
    void this.shutdown(this.options.linger);
  }

  /** Closes: nothing is received or accepted any more, what is queued is sent. Counts what was not sent in `time` ms. */
  shutdown(time: number): Promise<{ undelivered: number }> {
    if (this.#closing === null) this.#closing = this.#shutdown(time);
    else if (time >= 0) {
      // It is closing already: what this caller grants counts as well.
      const timer = setTimeout(() => this.expire(), time);
      void this.#closing.then(() => clearTimeout(timer));
    }
    return this.#closing;
  }

  async #shutdown(time: number): Promise<{ undelivered: number }> {
    this.closed = true;
    const before = this.#drops.by.closed ?? 0;
    const waiting = this.senders.length;
    this.relay?.closed();
    const closing = this.stopListening();
    this.receivers.fail(new ZmqError('EAGAIN'));
    this.senders.fail(new ZmqError('EAGAIN'));
    this.writable();
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    for (const session of [...this.#sessions]) session.finish(-1);
    let timer: NodeJS.Timeout | null = null;
    hold();
    if (this.#sessions.size > 0) {
      if (time === 0) this.expire();
      else if (time > 0) timer = setTimeout(() => this.expire(), time);
      if (this.#sessions.size > 0) await ended;
    }
    if (timer !== null) clearTimeout(timer);
    await closing;
    letGo();
    this.#drops.flush();
    this.context.release();
    this.#over = true;
    this.emit({ type: 'end' });
    this.onEnd?.();
    return { undelivered: (this.#drops.by.closed ?? 0) - before + waiting };
  }

  /** Gives up what is queued: for the end of the time that a close may take. */
  expire(): void {
    for (const session of [...this.#sessions]) session.destroy();
  }

  /** No new peers from here on; those that are here stay. Resolves when the ports are free. */
  async stopListening(): Promise<void> {
    const listeners = [...this.#bounds].map((bound) => bound.listener);
    this.#bounds.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
    for (const { endpoint } of listeners) {
      if (endpoint !== null && !isInproc(endpoint)) this.emit({ type: 'close', address: endpoint });
    }
  }

  /** Reads nothing more from any peer; what is in the inboxes can be received. */
  stopReading(): void {
    for (const { pipe } of this.#sessions) pipe.hold();
  }
}

function isInproc(endpoint: string): boolean {
  return endpoint.startsWith('inproc:');
}
