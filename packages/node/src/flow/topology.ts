/**
 * A running node: the streams, routes and sessions of a configuration.
 *
 * Guarantees: `startNode` opens the streams before it binds anything, and resolves when every endpoint is bound and
 * forwarding has begun, or rejects and leaves nothing open; `apply` takes over another configuration as a whole or not
 * at all (change.ts), one at a time; `stop` ends within its timeout (and what the disk needs), can be called again, and
 * says for each route what was not delivered; after it no handle or timer of the node is left.
 */
import { getEventListeners, setMaxListeners } from 'node:events';
import { context } from '@zeroth/zmq';
import type { Run } from '@zeroth/zmq/run';
import type { Config } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import { silentLog } from '../log/log.ts';
import type { SessionsStatus } from '../session/server.ts';
import type { SpanHook } from '../session/spans.ts';
import type { Stream } from '../store/store.ts';
import { Change } from './change.ts';
import type { Side } from './errors.ts';
import { ReloadError } from './errors.ts';
import { Maker, type Measures, type Running } from './parts.ts';
import { planOf } from './plan.ts';
import { drainRoute, type RouteReport } from './report.ts';
import type { Route } from './route.ts';
import type { PeerEvent, RoutePeer, RouteStatus } from './status.ts';
import { tapsOf } from './tap.ts';

export interface StartOptions {
  readonly log?: Log;
  /** Told of round trips and commits. */
  readonly measures?: Measures;
  /** Told of records that clients publish with a trace context. */
  readonly spans?: SpanHook;
  /** Told what the start is doing, as often as it gets on with it. */
  readonly progress?: (text: string) => void;
}

export interface StopOptions {
  /** Milliseconds to deliver what was accepted; default `node.stopTimeout`. */
  readonly timeout?: number;
  /** Ends the wait at once: what is left counts as not delivered. */
  readonly signal?: AbortSignal;
}

export interface StopReport {
  readonly routes: readonly RouteReport[];
  /** The sum over all routes. */
  readonly undelivered: number;
  /** Milliseconds that the stop took. */
  readonly elapsed: number;
}

/** What a change of the configuration did: names as `routes.orders`, `streams.events`, `sessions`. */
export interface Applied {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly kept: readonly string[];
  /** Keys that keep their old value until the next start. */
  readonly restart: readonly string[];
  /** What became of the messages of what went. */
  readonly drained: readonly RouteReport[];
  /** Milliseconds that all of it took. */
  readonly elapsed: number;
}

/**
 * Opens all streams, routes and sessions of a checked configuration.
 * @throws {@link RouteError} when an endpoint can't be had, ZerothError STORE_LOCKED, STORE_FAILED, STREAM_FAILED.
 */
export async function startNode(config: Config, options: StartOptions = {}): Promise<Node> {
  const { log = silentLog, measures = null, spans = null, progress = null } = options;
  // A thousand routes have two each; how many routes there are is bounded by the configuration.
  context.maxSockets = context.maxSocketsLimit;
  const maker = new Maker({ log, measures, spans, progress });
  const start = new Change(maker, null, planOf(null, config), new AbortController().signal);
  const node = new Node(await start.build(), maker);
  await start.finish();
  return node;
}

type Counts = Readonly<Record<string, number>>;
type Failure = { readonly route: string; readonly error: Error };

export class Node {
  readonly name: string;
  readonly startedAt: number = Date.now();
  #running!: Running;
  readonly #maker: Maker;
  /** The change that is being built, and those behind it. */
  #changes: Promise<unknown> = Promise.resolve();
  #building: Promise<unknown> = Promise.resolve();
  /** Aborted: what is drained is given up. */
  readonly #hurry = new AbortController();
  #pausedSince: number | null = null;
  #stopping: Promise<StopReport> | null = null;
  #end: (failure: Failure | null) => void = () => {};
  readonly #ended: Promise<Failure | null>;

  constructor(running: Running, maker: Maker) {
    this.name = running.config.node.name;
    this.#maker = maker;
    // Each socket that is drained listens to it.
    setMaxListeners(0, this.#hurry.signal);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    maker.failed = (route, error) => this.#end({ route, error });
    this.#adopt(running);
  }

  /** What runs: keys that need a restart have their old values. */
  get config(): Config {
    return this.#running.config;
  }

  get routes(): ReadonlyMap<string, Route> {
    return this.#running.routes;
  }

  /** Where clients of streams connect: the real addresses. */
  get sessions(): readonly string[] {
    return this.#running.sessions?.endpoints ?? [];
  }

  /** Counters and peers of each route, as they are now. */
  status(): readonly RouteStatus[] {
    return [...this.routes.values()].map((route) => route.status());
  }

  /** Null: there are no sessions. */
  sessionStatus(): SessionsStatus | null {
    return this.#running.sessions?.status() ?? null;
  }

  /** All streams that are open. */
  streams(): readonly Stream[] {
    return this.#running.store?.all() ?? [];
  }

  /** The peers of all routes, and what they are being connected to. */
  peers(): readonly RoutePeer[] {
    return [...this.routes.values()].flatMap((route) => route.peers());
  }

  /** What there is, and who listens, for who looks for leaks. */
  census(): { readonly node: Counts; readonly listeners: Counts } {
    const routes = this.status();
    const streams = this.streams();
    const { watchers, observers, observed } = this.#maker.listeners;
    const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
    const sides = routes.flatMap(({ frontend, backend }) => [frontend, backend]);
    const peers = this.peers();
    return {
      node: {
        routes: routes.length,
        'route endpoints': sum(sides.map(({ endpoints }) => endpoints.length)),
        'route peers': peers.length,
        'route peers connected': sum(sides.map(({ peers: ready }) => ready)),
        'route messages queued': sum(sides.map(({ queuedIn, queuedOut }) => queuedIn + queuedOut)),
        'requests unanswered': sum(peers.map(({ info }) => info.unanswered)),
        'routes observed': observed,
        streams: streams.length,
        'stream segments': sum(streams.map(({ stats }) => stats.segments)),
        taps: tapsOf(this),
        ...this.#running.sessions?.census(),
      },
      listeners: {
        'node peers': watchers,
        'node traffic': observers,
        'node stop': getEventListeners(this.#hurry.signal, 'abort').length,
        'stream changes': sum(streams.map(({ stats }) => stats.listeners)),
      },
    };
  }

  /**
   * Gives a peer nothing more, or (`on` false) as the others again. False: there is no such peer, or its pattern gives
   * each message to whom it is for.
   */
  isolate(route: string, side: Side, peer: number, on: boolean): boolean {
    return this.routes.get(route)?.[side].isolate(peer, on) ?? false;
  }

  /**
   * Calls the listener with everything that the route sends on, also after it got other sockets. The memory is its own
   * during the call only. Returns how to stop.
   */
  observe(route: string, listener: (direction: 'toBack' | 'toFront', run: Run) => void): () => void {
    const stop = this.#maker.observers(route).add(listener);
    return () => {
      stop();
      if (!this.routes.has(route)) this.#maker.forget(route);
    };
  }

  /** Calls the listener when a peer of any route is gone, refused, or can't be reached. Returns how to stop. */
  watch(listener: (event: PeerEvent) => void): () => void {
    return this.#maker.watch(listener);
  }

  /**
   * Takes over a checked configuration: all of it or nothing. Resolves when what goes is drained. Calls queue.
   * @throws {@link ReloadError} RELOAD_FAILED, with the cause; then everything runs as before.
   */
  apply(config: Config): Promise<Applied> {
    const turn = this.#changes.then(() => this.#change(config));
    // The next one begins when this one has let go of everything: it may need the same addresses.
    this.#changes = turn.catch(() => {});
    return turn;
  }

  async #change(config: Config): Promise<Applied> {
    const began = performance.now();
    if (this.#stopping !== null) throw new ReloadError(new Error('the node stops'), []);
    const before = this.#running;
    const plan = planOf(before.config, config);
    const change = new Change(this.#maker, before, plan, this.#hurry.signal);
    const building = change.build();
    this.#building = building.catch(() => {});
    try {
      this.#adopt(await building);
    } catch (cause) {
      // What came back may have been made before a pause, or its end.
      this.#applyHold();
      const error = new ReloadError(cause, change.lost);
      const [lost] = change.lost;
      // A node that is not what it was has to be started again.
      if (lost !== undefined) this.#end({ route: lost.name, error });
      throw error;
    }
    const drained = await change.finish();
    const { added, removed, changed, kept, restart } = plan;
    const elapsed = Math.round(performance.now() - began);
    return { added, removed, changed, kept, restart, drained, elapsed };
  }

  #adopt(running: Running): void {
    this.#running = running;
    this.#maker.running = running;
    this.#applyHold();
    for (const { name, state, ended } of running.routes.values()) {
      // It was too early to be told.
      if (state === 'failed') void ended.then((error) => error !== null && this.#maker.failed(name, error));
    }
  }

  /**
   * Takes nothing in any more, and goes on delivering what is here: queues, streams, replies. Connections are kept and
   * accepted, heartbeats go on. Publishers wait; a change of the configuration does not end it, `resume` and `stop` do.
   * Resolves when nothing more is taken. `reason`: what asked for it, for the log.
   */
  async pause(reason?: string): Promise<void> {
    if (this.#pausedSince === null) {
      this.#pausedSince = Date.now();
      this.#maker.log.event('paused', { reason });
    }
    this.#applyHold();
    // What is being built may have been made before, and takes in until it is in its place.
    await this.#building;
  }

  /** Takes in again. */
  async resume(reason?: string): Promise<void> {
    if (this.#pausedSince !== null) {
      const elapsed = Date.now() - this.#pausedSince;
      this.#pausedSince = null;
      this.#maker.log.event('resumed', { reason, elapsed });
    }
    this.#applyHold();
    await this.#building;
  }

  /** Since when it takes nothing in, in ms since 1970; null: it does. */
  get pausedSince(): number | null {
    return this.#pausedSince;
  }

  #applyHold(): void {
    const held = this.#pausedSince !== null;
    this.#maker.held = held;
    for (const route of this.routes.values()) route.hold(held);
    this.#running.sessions?.hold(held);
  }

  /** Resolves with the first route that fails on its own; with null when the node was stopped. */
  failed(): Promise<{ route: string; error: Error } | null> {
    return this.#ended;
  }

  /** Stops accepting, drains all routes at once, closes everything. A second call gets the same report. */
  stop(options: StopOptions = {}): Promise<StopReport> {
    this.#stopping ??= this.#stop(options).finally(() => this.#end(null));
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop({ timeout = this.config.node.stopTimeout, signal }: StopOptions): Promise<StopReport> {
    const began = performance.now();
    const hurry = (): void => this.#hurry.abort();
    const timer = setTimeout(hurry, timeout);
    if (signal?.aborted === true) hurry();
    signal?.addEventListener('abort', hurry, { once: true });
    await this.#building;
    const { routes, sessions, store } = this.#running;
    const rest = Math.max(0, timeout - (performance.now() - began));
    const drain = { timeout: rest, signal: this.#hurry.signal };
    const reports = Promise.all([...routes.values()].map((route) => drainRoute(route, drain)));
    const ends = Promise.all([reports, sessions?.stop(drain), this.#changes]);
    const [report] = await ends.finally(() => store?.close());
    clearTimeout(timer);
    signal?.removeEventListener('abort', hurry);
    const undelivered = report.reduce((sum, each) => sum + each.undelivered, 0);
    return { routes: report, undelivered, elapsed: Math.round(performance.now() - began) };
  }
}
