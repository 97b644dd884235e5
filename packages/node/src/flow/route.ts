/**
 * One route: a pair of sockets, and between them a proxy or a stream (forwarder.ts).
 *
 * Guarantees: `bind` either binds every endpoint of both sides or throws a RouteError; nothing is forwarded and nothing
 * outside is contacted before `start`; `drain` and `close` leave no socket open; counters can be read at any time.
 */
import { type DrainOptions, Proxy as SocketProxy } from '@zeroth/zmq';
import type { RouteConfig, RoutePattern } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import type { Stream } from '../store/store.ts';
import { Durable } from './durable.ts';
import type { Side } from './errors.ts';
import type { Drained, Forwarder } from './forwarder.ts';
import type { Observers } from './observers.ts';
import type { BackSocket, FrontSocket } from './patterns.ts';
import { openSockets, PATTERNS, setOptions } from './patterns.ts';
import { RouteSide } from './side.ts';
import type {
  EndpointStatus,
  PeerEvent,
  RoutePeer,
  RouteState,
  RouteStatus,
  RouteStreamStatus,
} from './status.ts';
import { watchSocket } from './watch.ts';

/** Who wants to know what happens on a route. */
export interface RouteHooks {
  readonly observers: Observers;
  peer(event: PeerEvent): void;
}

/** Endpoints that a route had before. */
export type Former = Readonly<Record<Side, readonly EndpointStatus[]>>;

/** Messages from one peer that may wait while the route is held and its mark is unlimited. */
const HELD_MARK = 1000;

const NONE: Former = { frontend: [], backend: [] };

export class Route {
  readonly name: string;
  readonly pattern: RoutePattern;
  /** Settles when the forwarding ends: with an error only if nobody asked it to. */
  readonly ended: Promise<Error | null>;
  readonly frontend: RouteSide;
  readonly backend: RouteSide;
  #config: RouteConfig;
  readonly #log: Log;
  readonly #front: FrontSocket;
  readonly #back: BackSocket;
  readonly #stream: Stream | null;
  readonly #forwarder: Forwarder;
  #state: RouteState = 'opening';
  #end: (error: Error | null) => void = () => {};
  #held = false;
  /** Endpoints of the frontend that are being retired. */
  #retiring = 0;

  /** `stream` is that of the route, where it has one. */
  constructor(config: RouteConfig, stream: Stream | null, log: Log, hooks: RouteHooks | null = null) {
    const { name, pattern } = config;
    this.name = name;
    this.pattern = pattern;
    this.#config = config;
    this.#log = log.child({ route: name });
    const { front, back } = openSockets(config);
    this.#front = front;
    this.#back = back;
    this.#stream = stream;
    this.#forwarder =
      stream === null
        ? new SocketProxy(front, back)
        : new Durable({ name, pattern, front, back, stream, log: this.#log });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const detach = hooks?.observers.attach(this.#forwarder);
    if (detach !== undefined) void this.ended.then(detach);
    const open = (side: Side, socket: FrontSocket | BackSocket): RouteSide => {
      const sideLog = this.#log.child({ side });
      watchSocket(socket, sideLog, (event) => hooks?.peer({ route: name, side, ...event }));
      return new RouteSide({ route: name, side, words: PATTERNS[pattern][side], socket, log: sideLog });
    };
    this.frontend = open('frontend', front);
    this.backend = open('backend', back);
  }

  get config(): RouteConfig {
    return this.#config;
  }

  get state(): RouteState {
    return this.#state;
  }

  /** Other options for the sockets that are there, from now on. */
  configure(config: RouteConfig): void {
    this.#config = config;
    setOptions(config, this.#front, this.#back);
    this.#applyHold();
  }

  /** Takes nothing more from its frontend until it is called with false; what is here, and replies, go on. */
  hold(on: boolean): void {
    if (on === this.#held) return;
    this.#held = on;
    this.#applyHold();
  }

  #applyHold(): void {
    // It ended with the drain, which nobody disturbs.
    if (this.#state === 'stopping') return;
    const on = this.#held;
    // Memory is bounded, also for who wants it unlimited while everything flows.
    if (this.#config.receiveHighWaterMark === 0) this.#front.receiveHighWaterMark = on ? HELD_MARK : 0;
    this.#forwarder.hold(on && this.#retiring === 0);
  }

  /**
   * Parts from an endpoint, as {@link RouteSide.retire}. A route that is held takes in meanwhile: what the peers of that
   * endpoint had on the way would be lost otherwise.
   */
  async retire(side: Side, endpoint: EndpointStatus, drain: DrainOptions): Promise<number> {
    if (side === 'backend') return this.backend.retire(endpoint, drain);
    this.#retiring++;
    this.#applyHold();
    try {
      return await this.frontend.retire(endpoint, drain);
    } finally {
      this.#retiring--;
      this.#applyHold();
    }
  }

  /** Binds both sides, a wildcard to the port that it had in `former`. On a failure the caller closes the route. */
  async bind(former: Former = NONE): Promise<void> {
    // The backend first: when a producer gets through to the frontend, consumers already can.
    await this.backend.bindAll(this.#config.backend, former.backend);
    await this.frontend.bindAll(this.#config.frontend, former.frontend);
  }

  /** Connects both sides and begins to forward. */
  start(): void {
    this.backend.connectAll(this.#config.backend);
    this.frontend.connectAll(this.#config.frontend);
    this.#run();
  }

  #run(): void {
    this.#state = 'running';
    this.#forwarder.run().then(
      () => this.#over(this.#state === 'running' ? new Error('forwarding ended without a reason') : null),
      (error: unknown) => this.#over(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /**
   * Stops accepting, delivers what was accepted, and closes; resolves with the numbers of messages that could not be
   * delivered within `timeout` milliseconds. What came to a route that never started is delivered as well.
   */
  async drain(options: { timeout: number; signal?: AbortSignal }): Promise<Required<Drained>> {
    const came = this.#front.stats.messagesIn > 0;
    if (this.#state === 'opening' && came) this.#run();
    if (this.#state !== 'running') {
      this.close();
      // Until the ports are free.
      await Promise.all([this.#front.drain({ timeout: 0 }), this.#back.drain({ timeout: 0 })]);
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

  /** It is closed and does not come back: its stream need not keep what it has not delivered. */
  forget(): void {
    this.#forwarder.forget?.();
  }

  status(): RouteStatus {
    const { toBack, toFront } = this.#forwarder.stats;
    return {
      name: this.name,
      pattern: this.pattern,
      state: this.#state,
      frontend: this.frontend.status(),
      backend: this.backend.status(),
      toBack: { ...toBack },
      toFront: { ...toFront },
      stream: this.#streamStatus(),
    };
  }

  peers(): RoutePeer[] {
    const { name: route, pattern } = this;
    const { heartbeatInterval, timeout } = this.#config;
    const of = (side: Side): RoutePeer[] =>
      this[side].peers().map((info) => ({ route, side, pattern, heartbeatInterval, timeout, info }));
    return [...of('frontend'), ...of('backend')];
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
    const { waiting = 0, waitingSince = null } = this.#forwarder;
    return { first, next, bytes: stats.bytes, waiting, waitingSince, trouble: trouble?.message ?? null };
  }

  #over(error: Error | null): void {
    if (error !== null && this.#state === 'running') {
      this.#state = 'failed';
      this.#log.event('route:failed', { err: error });
      this.#end(error);
    }
    this.#end(null);
  }
}
