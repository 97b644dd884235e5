/**
 * A running node: the streams, routes and sessions of a configuration.
 *
 * Guarantees: `startNode` opens the streams before it binds anything, and resolves when every endpoint is bound and
 * forwarding has begun, or rejects and leaves nothing open; `stop` ends within its timeout (and what the disk needs),
 * can be called again, and says for each route what was not delivered; after it no handle or timer of the node is left.
 */
import { streamsOf } from '../config/streams.ts';
import type { Config, StreamSettings } from '../config/types.ts';
import { ZerothError } from '../errors.ts';
import { Fold } from '../log/fold.ts';
import type { Log } from '../log/log.ts';
import { silentLog } from '../log/log.ts';
import type { SessionServer } from '../session/server.ts';
import { startSessions } from '../session/server.ts';
import { openStore } from '../store/open.ts';
import type { StreamStore } from '../store/store.ts';
import { SessionsError } from './errors.ts';
import type { RouteStatus } from './route.ts';
import { Route } from './route.ts';

export interface StartOptions {
  readonly log?: Log;
}

export interface StopOptions {
  /** Milliseconds to deliver what was accepted; default `node.stopTimeout`. */
  readonly timeout?: number;
  /** Ends the wait at once: what is left counts as not delivered. */
  readonly signal?: AbortSignal;
}

export interface RouteReport {
  readonly route: string;
  /** Messages that were accepted and not delivered by the end of the stop. */
  readonly undelivered: number;
  /** Messages that were accepted, are not delivered, and stay in the route's stream for the next start. */
  readonly kept: number;
  /** Messages handed to the operating system since the start, for each peer of its own. */
  readonly forwarded: number;
  /** Messages dropped since the start, as ZeroMQ's rules ask, without those of `undelivered`. */
  readonly dropped: number;
}

export interface StopReport {
  readonly routes: readonly RouteReport[];
  /** The sum over all routes. */
  readonly undelivered: number;
  /** Milliseconds that the stop took. */
  readonly elapsed: number;
}

/**
 * Opens all streams, routes and sessions of a checked configuration.
 * @throws {@link RouteError} when an endpoint can't be had, ZerothError STORE_LOCKED, STORE_FAILED, STREAM_FAILED.
 */
export async function startNode(config: Config, options: StartOptions = {}): Promise<Node> {
  const log = options.log ?? silentLog;
  const parts: Parts = { config, log, fold: new Fold(), routes: [], store: null, sessions: null };
  try {
    const streams = streamsOf(config);
    // A node that keeps nothing needs no folder.
    if (streams.length > 0 || config.sessions !== null) parts.store = await openStreams(parts);
    for (const each of config.routes) {
      const stream = each.stream === null ? null : (parts.store?.get(each.name) ?? null);
      const route = new Route(each, stream, log, parts.fold);
      parts.routes.push(route);
      await route.bind();
    }
    await openSessions(parts);
    for (const route of parts.routes) route.start();
  } catch (error) {
    for (const route of parts.routes) route.close();
    await parts.sessions?.stop({ timeout: 0 });
    await parts.store?.close();
    parts.fold.flush();
    throw error;
  }
  return new Node(parts);
}

/** What a node is made of. */
interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly fold: Fold;
  readonly routes: Route[];
  store: StreamStore | null;
  sessions: SessionServer | null;
}

async function openStreams({ config, log }: Parts): Promise<StreamStore> {
  const { dataDir } = config.node;
  const store = await openStore({ dir: dataDir, log });
  try {
    for (const { name, ...settings } of streamsOf(config)) {
      const { first, next, stats } = await store.open(name, settings);
      const fields = { event: 'stream:ready', stream: name, first, next, bytes: stats.bytes, dataDir };
      log.info(fields, 'stream ready');
    }
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

async function openSessions(parts: Parts): Promise<void> {
  const { config, store, log } = parts;
  if (config.sessions === null || store === null) return;
  const settings = new Map(streamsOf(config).map((stream) => [stream.name, stream]));
  const settingsOf = (name: string): StreamSettings | null => settings.get(name) ?? null;
  const nodeName = config.node.name;
  try {
    parts.sessions = await startSessions({ config: config.sessions, nodeName, store, settingsOf, log });
  } catch (error) {
    throw error instanceof ZerothError && error.code === 'BIND_FAILED' ? new SessionsError(error) : error;
  }
}

export class Node {
  readonly name: string;
  readonly routes: ReadonlyMap<string, Route>;
  readonly startedAt: number = Date.now();
  /** Where clients of streams connect: the real addresses. */
  readonly sessions: readonly string[];
  readonly #parts: Parts;
  #stopping: Promise<StopReport> | null = null;
  #markStopped: () => void = () => {};
  readonly #stopped: Promise<null> = new Promise((resolve) => {
    this.#markStopped = () => resolve(null);
  });

  constructor(parts: Parts) {
    this.name = parts.config.node.name;
    this.routes = new Map(parts.routes.map((route) => [route.name, route]));
    this.sessions = parts.sessions?.endpoints ?? [];
    this.#parts = parts;
  }

  /** Counters and peers of each route, as they are now. */
  status(): readonly RouteStatus[] {
    return [...this.routes.values()].map((route) => route.status());
  }

  /** Resolves with the first route that fails on its own; with null when the node was stopped. */
  async failed(): Promise<{ route: string; error: Error } | null> {
    const ends = [...this.routes.values()].map(async (route) => {
      const error = await route.ended;
      return error === null ? null : { route: route.name, error };
    });
    // Sessions go on without routes.
    if (this.sessions.length > 0) ends.push(this.#stopped);
    const none = Promise.all(ends).then((all) => all.find((end) => end !== null) ?? null);
    // A route that ends quietly must not win the race against one that fails later.
    const waiting = new Promise<never>(() => {});
    return Promise.race([none, ...ends.map(async (end) => (await end) ?? waiting)]);
  }

  /** Stops accepting, drains all routes at once, closes everything. A second call gets the same report. */
  stop(options: StopOptions = {}): Promise<StopReport> {
    this.#stopping ??= this.#stop(options).finally(this.#markStopped);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(options: StopOptions): Promise<StopReport> {
    const began = performance.now();
    const { config, fold, sessions, store } = this.#parts;
    const timeout = options.timeout ?? config.node.stopTimeout;
    const drain = options.signal === undefined ? { timeout } : { timeout, signal: options.signal };
    const reports = Promise.all([...this.routes.values()].map((route) => report(route, drain)));
    const [routes] = await Promise.all([reports, sessions?.stop({ timeout })]).finally(() => store?.close());
    fold.flush();
    const undelivered = routes.reduce((sum, each) => sum + each.undelivered, 0);
    return { routes, undelivered, elapsed: Math.round(performance.now() - began) };
  }
}

async function report(route: Route, drain: { timeout: number; signal?: AbortSignal }): Promise<RouteReport> {
  const left = await route.drain(drain);
  return { route: route.name, ...left, ...route.totals() };
}
