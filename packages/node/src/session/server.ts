/**
 * The node's side of the session protocol (docs/wire.md), over one ROUTER.
 *
 * Guarantees: what a client is told was stored is committed; no message is lost for a high-water mark; what comes from
 * outside can neither stop the node nor make it hold more than its bounds; `stop` ends within its time, and leaves no
 * socket, timer or listener.
 */
import { type ClientMessage, decodeClientMessage, WireError } from '@zeroth/client/wire';
import { Router } from '@zeroth/zmq';
import { RouterPeers } from '@zeroth/zmq/run';
import type { SessionsConfig, StreamSettings } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import type { StreamStore } from '../store/store.ts';
import { Connections } from './connections.ts';
import { Consuming } from './consuming.ts';
import { DeadLetters } from './dead-letters.ts';
import { type Hub, Hubs } from './hub.ts';
import { type GroupStatus, groupsOf, streamInfo } from './info.ts';
import { Listening, type SessionEndpoint } from './listening.ts';
import { Publishing, WINDOW } from './publishing.ts';
import { type Connection, Outlet, type Session } from './session.ts';
import type { SpanHook } from './spans.ts';
import { SessionTable } from './table.ts';
import { Traces } from './traces.ts';

export interface SessionsOptions {
  readonly config: SessionsConfig;
  readonly nodeName: string;
  /** Its streams are open. */
  readonly store: StreamStore;
  /** The settings of a stream that is configured. */
  settingsOf(stream: string): StreamSettings | null;
  readonly log: Log;
  /** Where it was bound before, if it was: wildcards get the same addresses. */
  readonly former?: readonly SessionEndpoint[];
  /** It begins held, see {@link SessionServer.hold}. */
  readonly held?: boolean;
  /** Told of records with a trace context. */
  readonly spans?: SpanHook;
  /** Milliseconds that only go forward; default: `performance.now`. */
  readonly now?: () => number;
}

export interface SessionsStatus {
  readonly sessions: number;
  /** Sessions whose client can be reached now. */
  readonly connected: number;
  readonly consumers: number;
  /** Messages that were not as the protocol says, since the start. */
  readonly malformed: number;
  readonly groups: readonly GroupStatus[];
}

interface StopOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/** @throws ZerothError BIND_FAILED. */
export async function startSessions(options: SessionsOptions): Promise<SessionServer> {
  const server = new SessionServer(options);
  try {
    await server.open();
  } catch (error) {
    await server.stop({ timeout: 0 });
    throw error;
  }
  return server;
}

/** Milliseconds that a connection has for its HELLO, at least. */
const HELLO_WITHIN = 10_000;

/** Options of the ROUTER that may change while it runs. */
function limitsOf({ maxSessions, maxMessageSize, heartbeatInterval }: SessionsConfig): object {
  return {
    maxMessageSize,
    // A client that comes back may be here twice for a moment.
    maxPeers: maxSessions * 2 + 16,
    heartbeatInterval,
    heartbeatTimeout: heartbeatInterval * 3,
  };
}

function patienceOf({ heartbeatInterval }: SessionsConfig): number {
  return Math.max(3 * heartbeatInterval, HELLO_WITHIN);
}

export class SessionServer {
  #config: SessionsConfig;
  /** Where clients connect. */
  readonly listening: Listening;
  readonly #options: SessionsOptions;
  readonly #log: Log;
  readonly #router: Router;
  readonly #outlet: Outlet;
  readonly #hubs: Hubs;
  readonly #table: SessionTable;
  readonly #publishing: Publishing;
  readonly #consuming: Consuming;
  readonly #traces: Traces;
  readonly #connections: Connections;
  readonly #deadLetters: DeadLetters;
  readonly #ending: AbortController = new AbortController();
  #malformed = 0;
  #sweepTimer: NodeJS.Timeout | null = null;
  /** Milliseconds between two sweeps. */
  #pace = 0;
  #settled: (() => void) | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: SessionsOptions) {
    const { config, nodeName, store } = options;
    this.#options = options;
    this.#config = config;
    this.#log = options.log.child({ component: 'sessions' });
    this.#router = new Router({
      ...limitsOf(config),
      ipv6: config.ipv6,
      wsOrigins: config.wsOrigins || null,
      // The outlet bounds what waits for a peer; a mark would drop it.
      sendHighWaterMark: 0,
      mandatory: true,
      handover: true,
    });
    this.listening = new Listening(this.#router);
    this.#connections = new Connections(patienceOf(config));
    this.#outlet = new Outlet(this.#router, new RouterPeers(this.#router), {
      lost: (connection) => this.#lost(connection),
      cut: ({ session }) => this.#log.event('session:cut', { client: session?.name }),
      fault: ({ session }, command, err) =>
        this.#log.event('session:fault', { err, client: session?.name, command }),
    });
    this.#hubs = new Hubs(store, this.#log, (hub) => this.#committed(hub));
    this.#traces = new Traces(options.spans ?? null);
    this.#publishing = new Publishing(this.#hubs, this.#outlet, this.#log, this.#traces);
    this.#publishing.held = options.held ?? false;
    const deadLetters = new DeadLetters(store, (name) => options.settingsOf(name));
    this.#deadLetters = deadLetters;
    const consumingHost = {
      now: options.now ?? (() => performance.now()),
      log: this.#log,
      signal: this.#ending.signal,
      deadLetters: deadLetters.open.bind(deadLetters),
    };
    this.#consuming = new Consuming(this.#hubs, this.#outlet, consumingHost, this.#traces);
    this.#table = new SessionTable({
      node: nodeName,
      limits: () => this.#config,
      window: WINDOW,
      suspended: (session) => this.#suspended(session),
      ended: (session, lost) => this.#ended(session, lost),
      replaced: (connection) => this.#error(connection, 'REPLACED', 'another instance has the name'),
    });
  }

  /** Binds, and serves. */
  async open(): Promise<void> {
    await this.openDeadLetters(this.#options.store.all().map(({ name }) => name));
    const { former = [] } = this.#options;
    for (const endpoint of this.#config.bind)
      await this.listening.bind(endpoint, former.find(({ configured }) => configured === endpoint)?.address);
    const { events } = this.#router;
    events.on('peer:ready', ({ peer }) => {
      if (peer.routingId !== null) this.#connections.of(peer.routingId);
    });
    events.on('peer:gone', ({ peer }) => {
      const connection = peer.routingId === null ? null : this.#connections.gone(peer.routingId);
      if (connection !== null) this.#lost(connection);
    });
    this.#sweepLater();
    void this.#receive();
  }

  /** The real addresses. */
  get endpoints(): readonly string[] {
    return this.listening.bound.map(({ address }) => address);
  }

  /** Other limits from now on. A session keeps the heartbeat that it was told. */
  configure(config: SessionsConfig): void {
    this.#config = config;
    this.#connections.patience = patienceOf(config);
    Object.assign(this.#router, limitsOf(config));
  }

  /** Takes no records from publishers until it is called with false: they wait. Consumers go on. */
  hold(on: boolean): void {
    if (on === this.#publishing.held) return;
    this.#publishing.held = on;
    if (on || this.#stopping !== null) return;
    for (const session of this.#table.all()) this.#publishing.resume(session);
  }

  /**
   * A stream is about to be closed: its consumers are told, publishers when they publish next. Who waits for a commit
   * hears of it until the returned function is called.
   */
  release(stream: string): () => void {
    const hub = this.#hubs.get(stream);
    if (hub === null) return () => {};
    this.#consuming.released(hub);
    this.#traces.forget(stream);
    for (const session of this.#table.all()) session.publishers.delete(stream);
    const stop = this.#hubs.release(stream);
    return () => {
      stop();
      this.#publishing.released(hub);
    };
  }

  /** From now on all groups of these streams are seen, and their dead letters can be read before somebody dies again. */
  openDeadLetters(of: readonly string[]): Promise<void> {
    return this.#deadLetters.openFor(of.flatMap((name) => this.#hubs.get(name)?.stream ?? []));
  }

  status(): SessionsStatus {
    const groups = [...this.#hubs.all()].flatMap(groupsOf);
    const sessions = [...this.#table.all()];
    return {
      sessions: sessions.length,
      connected: sessions.filter(({ connection }) => connection !== null).length,
      consumers: this.#consuming.count,
      malformed: this.#malformed,
      groups,
    };
  }

  /** What there is, for who looks for leaks. */
  census(): Readonly<Record<string, number>> {
    const sessions = [...this.#table.all()];
    const { groups, entering } = this.#consuming.counts;
    return {
      sessions: sessions.length,
      'session connections': this.#connections.size,
      'session publishers': sessions.reduce((sum, { publishers }) => sum + publishers.size, 0),
      'session consumers': this.#consuming.count,
      'session consumers entering': entering,
      'session groups': groups,
    };
  }

  /**
   * Takes no more, tells publishers what became of what they had sent, says BYE, saves places and closes. What takes
   * longer than `timeout` ms, or until the signal, is given up.
   */
  stop(options: StopOptions): Promise<void> {
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  async #stop({ timeout, signal }: StopOptions): Promise<void> {
    const until = performance.now() + timeout;
    if (this.#sweepTimer !== null) clearTimeout(this.#sweepTimer);
    await this.#settle(timeout, signal);
    this.#ending.abort();
    for (const session of this.#table.all())
      this.#outlet.send(session, { type: 'BYE', reason: 'the node stops' });
    this.#consuming.close();
    this.#hubs.close();
    const rest = Math.max(0, until - performance.now());
    await this.#router.drain(signal === undefined ? { timeout: rest } : { timeout: rest, signal });
  }

  /** Resolves when every record that was appended is committed, and who sent it was told; or it takes too long. */
  #settle(timeout: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, timeout);
      signal?.addEventListener('abort', done, { once: true });
      this.#settled = () => {
        for (const hub of this.#hubs.all()) if (hub.waiting.size > 0) return;
        done();
      };
      if (signal?.aborted === true) done();
      else this.#settled();
    });
  }

  // ---- messages

  async #receive(): Promise<void> {
    const router = this.#router;
    try {
      for await (const first of router) {
        for (let frames: Buffer[] | null = first; frames !== null; frames = router.tryReceive())
          this.#take(frames);
        this.#publishing.flush();
        if (this.#stopping === null) this.#consuming.flush();
      }
    } catch (err) {
      if (!router.closed) this.#log.event('session:failed', { err });
    }
  }

  #take(frames: Buffer[]): void {
    const connection = this.#connections.of(frames.shift()!);
    let command = 'unknown';
    try {
      const message = decodeClientMessage(frames);
      command = message.type;
      this.#act(connection, message);
    } catch (error) {
      if (error instanceof WireError) this.#isMalformed(connection, error);
      else this.#outlet.fault(connection, command, error);
    }
  }

  #act(connection: Connection, message: ClientMessage): void {
    // Who stops takes no more, but what was done is done.
    if (this.#stopping !== null && message.type !== 'ACK') return;
    if (message.type === 'HELLO') {
      this.#outlet.answer(connection, this.#table.hello(connection, message.hello));
      if (connection.session !== null && connection.session.heartbeat / 2 < this.#pace) this.#sweepLater();
      return;
    }
    const { session } = connection;
    if (session === null) {
      if (message.type !== 'BYE') this.#error(connection, 'NO_SESSION', 'HELLO comes first');
      return;
    }
    session.heard = true;
    this.#serve(session, connection, message);
  }

  #serve(session: Session, connection: Connection, message: ClientMessage): void {
    switch (message.type) {
      case 'PUBLISH':
        this.#publishing.publish(session, message);
        break;
      case 'ACK':
        this.#consuming.ack(session, message.consumer, message.ranges);
        break;
      case 'NACK':
        this.#consuming.nack(session, message.consumer, message.ranges, message.delay);
        break;
      case 'OPEN':
        this.#publishing.open(session, message.stream);
        break;
      case 'CONSUME':
        this.#consuming.consume(session, connection, message);
        break;
      case 'CANCEL':
        this.#consuming.cancel(session, connection, message.consumer);
        break;
      case 'INFO': {
        const hub = this.#hubs.get(message.stream);
        const unknown = { code: 'STREAM_UNKNOWN', message: `the node has no stream ${message.stream}` };
        const info = hub === null ? unknown : streamInfo(hub);
        this.#outlet.answer(connection, { type: 'INFO', request: message.request, info });
        break;
      }
      case 'PING':
        this.#outlet.answer(connection, { type: 'PONG' });
        break;
      case 'BYE':
        this.#table.end(session, false);
        break;
    }
  }

  #isMalformed(connection: Connection, error: WireError): void {
    this.#malformed++;
    this.#log.event('session:malformed', { client: connection.session?.name, reason: error.message });
    if (connection.session !== null) connection.session.heard = true;
    this.#error(connection, 'MALFORMED', error.message);
  }

  #error(connection: Connection, code: string, message: string): void {
    this.#outlet.answer(connection, { type: 'ERROR', trouble: { code, message } });
  }

  // ---- streams

  #committed(hub: Hub): void {
    this.#publishing.committed(hub);
    if (this.#stopping === null) this.#consuming.committed(hub);
    this.#settled?.();
  }

  // ---- connections and sessions

  #lost(connection: Connection): void {
    if (connection.session !== null) this.#table.suspend(connection.session);
  }

  #suspended(session: Session): void {
    this.#consuming.suspend(session);
    for (const publisher of session.publishers.values()) publisher.forget();
    // It opens again with its next connection.
    session.opening.clear();
    this.#settled?.();
  }

  #ended(session: Session, lost: boolean): void {
    for (const publisher of session.publishers.values()) publisher.forget();
    this.#settled?.();
    this.#consuming.end(session, lost);
    if (lost) this.#log.event('session:lost', { client: session.name });
  }

  #sweepLater(): void {
    if (this.#sweepTimer !== null) clearTimeout(this.#sweepTimer);
    const { pace } = this.#table;
    const since = performance.now();
    this.#pace = pace;
    this.#sweepTimer = setTimeout(() => {
      // A timer that is late was held up by this process: what came meanwhile is not read yet.
      this.#sweep(Math.min(performance.now() - since, pace * 1.5));
      this.#sweepLater();
    }, pace);
    this.#sweepTimer.unref();
  }

  #sweep(elapsed: number): void {
    for (const session of this.#table.sweep(elapsed)) this.#outlet.send(session, { type: 'PONG' });
    this.#consuming.flush();
    this.#consuming.rest();
    for (const connection of this.#connections.sweep(elapsed))
      this.#outlet.end(connection, 'it said no HELLO');
  }
}
