/**
 * One route: a pair of sockets with a proxy between them.
 *
 * Guarantees: `bind` either binds every endpoint of both sides or throws a RouteError; nothing is forwarded and nothing
 * outside is contacted before `start`; `drain` and `close` leave no socket open; counters can be read at any time.
 */
import { Proxy as SocketProxy } from '@zeroth/zmq';
import type { RouteConfig, RoutePattern, SideConfig } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import type { Side } from './errors.ts';
import { RouteError } from './errors.ts';
import type { Fold } from './fold.ts';
import type { BackSocket, FrontSocket } from './patterns.ts';
import { openSockets, PATTERNS } from './patterns.ts';
import { watchSocket } from './watch.ts';

/** `failed`: the proxy ended on its own; the error is in the log and in {@link Route.ended}. */
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

export interface RouteStatus {
  readonly name: string;
  readonly pattern: RoutePattern;
  readonly state: RouteState;
  readonly frontend: SideStatus;
  readonly backend: SideStatus;
  readonly toBack: Direction;
  readonly toFront: Direction;
}

export class Route {
  readonly name: string;
  readonly pattern: RoutePattern;
  /** Settles when the proxy ends: with an error only if nobody asked it to. */
  readonly ended: Promise<Error | null>;
  readonly #config: RouteConfig;
  readonly #log: Log;
  readonly #front: FrontSocket;
  readonly #back: BackSocket;
  readonly #proxy: SocketProxy;
  readonly #endpoints: Record<Side, EndpointStatus[]> = { frontend: [], backend: [] };
  #state: RouteState = 'opening';
  #end: (error: Error | null) => void = () => {};

  constructor(config: RouteConfig, log: Log, fold: Fold) {
    this.name = config.name;
    this.pattern = config.pattern;
    this.#config = config;
    this.#log = log.child({ route: config.name });
    const { front, back } = openSockets(config);
    this.#front = front;
    this.#back = back;
    this.#proxy = new SocketProxy(front, back);
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
    this.#proxy.run().then(
      () => this.#over(this.#state === 'running' ? new Error('the proxy ended without a reason') : null),
      (error: unknown) => this.#over(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /**
   * Stops accepting, delivers what was accepted, and closes; resolves with the messages that could not be delivered
   * within `timeout` milliseconds.
   */
  async drain(options: { timeout: number; signal?: AbortSignal }): Promise<number> {
    if (this.#state !== 'running') {
      this.close();
      return 0;
    }
    this.#state = 'stopping';
    try {
      return (await this.#proxy.drain(options)).undelivered;
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
    const { toBack, toFront } = this.#proxy.stats;
    return {
      name: this.name,
      pattern: this.pattern,
      state: this.#state,
      frontend: this.#side('frontend', this.#front),
      backend: this.#side('backend', this.#back),
      toBack: { ...toBack },
      toFront: { ...toFront },
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
