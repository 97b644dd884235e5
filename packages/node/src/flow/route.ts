/**
 * One route: a pair of sockets, and between them a proxy or a stream (forwarder.ts).
 *
 * Guarantees: `bind` either binds every endpoint of both sides or throws a RouteError; nothing is forwarded and nothing
 * outside is contacted before `start`; `drain` and `close` leave no socket open; counters can be read at any time.
 */
import { Proxy as SocketProxy } from '@zeroth/zmq';
import type { RouteConfig, RoutePattern, SideConfig } from '../config/types.ts';
import type { Fold } from '../log/fold.ts';
import type { Log } from '../log/log.ts';
import type { Stream } from '../store/store.ts';
import { Durable } from './durable.ts';
import type { Side } from './errors.ts';
import { RouteError } from './errors.ts';
import type { Drained, Forwarder } from './forwarder.ts';
import type { BackSocket, FrontSocket } from './patterns.ts';
import { openSockets, PATTERNS } from './patterns.ts';
import { watchSocket } from './watch.ts';

/** `failed`: the forwarding ended on its own; the error is in the log and in {@link Route.ended}. */
export type RouteState = 'opening' | 'running' | 'stopping' | 'stopped' | 'failed';

export interface EndpointStatus {
  readonly how: 'bind' | 'connect';
  /** As it stands in the configuration. */
  readonly configured: string;
  /** The real address: a bound port 0 or wildcard is resolved. */
  readonly address: string;
}

export interface SideStatus {
  /** ZeroMQ's name of the node's socket. */
  readonly socketType: string;
  /** ZeroMQ's name of the peers it is for. */
  readonly peerType: string;
  readonly endpoints: readonly EndpointStatus[];
  readonly peers: number;
  readonly queuedIn: number;
  readonly queuedOut: number;
  readonly dropped: number;
}

export interface Direction {
  readonly messages: number;
  readonly bytes: number;
  readonly dropped: number;
}

export interface RouteStreamStatus {
  /** Sequence of the oldest record that is kept, and the one that the next record gets. */
  readonly first: number;
  readonly next: number;
  /** Octets on the disk. */
  readonly bytes: number;
  /** Records of a pipeline that no consumer has yet. */
  readonly waiting: number;
  /** Why the stream accepts no records, so that producers are held up; null: it does. */
  readonly trouble: string | null;
}

export interface RouteStatus {
  readonly name: string;
  readonly pattern: RoutePattern;
  readonly state: RouteState;
  readonly frontend: SideStatus;
  readonly backend: SideStatus;
  readonly toBack: Direction;
  readonly toFront: Direction;
  /** Null for a route without a stream. */
  readonly stream: RouteStreamStatus | null;
}

export class Route {
  readonly name: string;
  readonly pattern: RoutePattern;
  /** Settles when the forwarding ends: with an error only if nobody asked it to. */
  readonly ended: Promise<Error | null>;
  readonly #config: RouteConfig;
  readonly #log: Log;
  readonly #front: FrontSocket;
  readonly #back: BackSocket;
  readonly #stream: Stream | null;
  readonly #forwarder: Forwarder;
  readonly #endpoints: Record<Side, EndpointStatus[]> = { frontend: [], backend: [] };
  #state: RouteState = 'opening';
  #end: (error: Error | null) => void = () => {};

  /** `stream` is that of the route, where it has one. */
  constructor(config: RouteConfig, stream: Stream | null, log: Log, fold: Fold) {
    this.name = config.name;
    this.pattern = config.pattern;
    this.#config = config;
    this.#log = log.child({ route: config.name });
    const { front, back } = openSockets(config);
    this.#front = front;
    this.#back = back;
    this.#stream = stream;
    this.#forwarder =
      stream === null
        ? new SocketProxy(front, back)
        : new Durable({ ...config, front, back, stream, log: this.#log, fold });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    watchSocket(front, this.#log.child({ side: 'frontend' }), fold, `${config.name}/frontend`);
    watchSocket(back, this.#log.child({ side: 'backend' }), fold, `${config.name}/backend`);
  }

  /** Binds both sides. On a failure the caller closes the route. */
  async bind(): Promise<void> {
    // The backend first: when a producer gets through to the frontend, consumers already can.
    await this.#bindSide('backend', this.#back, this.#config.backend);
    await this.#bindSide('frontend', this.#front, this.#config.frontend);
  }

  /** Connects both sides and begins to forward. */
  start(): void {
    this.#connectSide('backend', this.#back, this.#config.backend);
    this.#connectSide('frontend', this.#front, this.#config.frontend);
    this.#state = 'running';
    this.#forwarder.run().then(
      () => this.#over(this.#state === 'running' ? new Error('forwarding ended without a reason') : null),
      (error: unknown) => this.#over(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /**
   * Stops accepting, delivers what was accepted, and closes; resolves with the numbers of messages that could not be
   * delivered within `timeout` milliseconds.
   */
  async drain(options: { timeout: number; signal?: AbortSignal }): Promise<Required<Drained>> {
    if (this.#state !== 'running') {
      this.close();
      return { undelivered: 0, kept: 0 };
    }
    this.#state = 'stopping';
    try {
      return { kept: 0, ...(await this.#forwarder.drain(options)) };
    } finally {
      this.close();
    }
  }

  /** Closes at once; what is queued is dropped. */
  close(): void {
    if (this.#state !== 'failed') this.#state = 'stopped';
    this.#front.close();
    this.#back.close();
    this.#end(null);
  }

  status(): RouteStatus {
    const { toBack, toFront } = this.#forwarder.stats;
    return {
      name: this.name,
      pattern: this.pattern,
      state: this.#state,
      frontend: this.#side('frontend', this.#front),
      backend: this.#side('backend', this.#back),
      toBack: { ...toBack },
      toFront: { ...toFront },
      stream: this.#streamStatus(),
    };
  }

  /** Since the start, each message for each peer in one of them at most; what a stop left is in neither. */
  totals(): { forwarded: number; dropped: number } {
    const all = [this.#front.stats, this.#back.stats];
    return {
      forwarded: all.reduce((sum, { messagesOut }) => sum + messagesOut, 0),
      dropped: all.reduce((sum, { dropped, droppedBy }) => sum + dropped - (droppedBy.closed ?? 0), 0),
    };
  }

  #streamStatus(): RouteStreamStatus | null {
    if (this.#stream === null) return null;
    const { first, next, stats, trouble } = this.#stream;
    const waiting = this.#forwarder.waiting ?? 0;
    return { first, next, bytes: stats.bytes, waiting, trouble: trouble?.message ?? null };
  }

  #over(error: Error | null): void {
    if (error !== null && this.#state === 'running') {
      this.#state = 'failed';
      this.#log.error({ event: 'route:failed', err: error }, 'the route ended unexpectedly');
      this.#end(error);
    }
    this.#end(null);
  }

  #side(side: Side, socket: FrontSocket | BackSocket): SideStatus {
    const words = PATTERNS[this.pattern][side];
    const { peers, queuedIn, queuedOut, dropped } = socket.stats;
    const endpoints = [...this.#endpoints[side]];
    return {
      socketType: words.socketType,
      peerType: words.peers,
      endpoints,
      peers,
      queuedIn,
      queuedOut,
      dropped,
    };
  }

  async #bindSide(side: Side, socket: FrontSocket | BackSocket, config: SideConfig): Promise<void> {
    for (const endpoint of config.bind) {
      try {
        await socket.bind(endpoint);
      } catch (cause) {
        throw new RouteError('BIND_FAILED', { route: this.name, side, endpoint }, cause);
      }
      const address = socket.lastEndpoint ?? endpoint;
      this.#endpoints[side].push({ how: 'bind', configured: endpoint, address });
      this.#log.debug({ event: 'bound', side, endpoint: address }, 'endpoint bound');
    }
  }

  #connectSide(side: Side, socket: FrontSocket | BackSocket, config: SideConfig): void {
    for (const endpoint of config.connect) {
      try {
        socket.connect(endpoint);
      } catch (cause) {
        throw new RouteError('CONNECT_FAILED', { route: this.name, side, endpoint }, cause);
      }
      this.#endpoints[side].push({ how: 'connect', configured: endpoint, address: endpoint });
    }
  }
}
