/**
 * A running node: all routes of a configuration.
 *
 * Guarantees: `startNode` resolves when every endpoint of every route is bound and forwarding has begun, or rejects and
 * leaves nothing open; `stop` ends within its timeout, can be called again, and says for each route what was not
 * delivered; after it no handle or timer of the node is left.
 */
import type { Config } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import { silentLog } from '../log/log.ts';
import { Fold } from './fold.ts';
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

/** Opens all routes of a checked configuration. Throws {@link RouteError} when an endpoint can't be had. */
export async function startNode(config: Config, options: StartOptions = {}): Promise<Node> {
  const log = options.log ?? silentLog;
  const fold = new Fold();
  const routes: Route[] = [];
  try {
    for (const each of config.routes) {
      const route = new Route(each, log, fold);
      routes.push(route);
      await route.bind();
    }
    for (const route of routes) route.start();
  } catch (error) {
    for (const route of routes) route.close();
    fold.flush();
    throw error;
  }
  return new Node(config, routes, fold);
}

export class Node {
  readonly name: string;
  readonly routes: ReadonlyMap<string, Route>;
  readonly startedAt: number = Date.now();
  readonly #stopTimeout: number;
  readonly #fold: Fold;
  #stopping: Promise<StopReport> | null = null;

  constructor(config: Config, routes: readonly Route[], fold: Fold) {
    this.name = config.node.name;
    this.routes = new Map(routes.map((route) => [route.name, route]));
    this.#stopTimeout = config.node.stopTimeout;
    this.#fold = fold;
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
    const none = Promise.all(ends).then((all) => all.find((end) => end !== null) ?? null);
    // A route that ends quietly must not win the race against one that fails later.
    const waiting = new Promise<never>(() => {});
    return Promise.race([none, ...ends.map(async (end) => (await end) ?? waiting)]);
  }

  /** Stops accepting, drains all routes at once, closes everything. A second call gets the same report. */
  stop(options: StopOptions = {}): Promise<StopReport> {
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(options: StopOptions): Promise<StopReport> {
    const began = performance.now();
    const timeout = options.timeout ?? this.#stopTimeout;
    const drain = options.signal === undefined ? { timeout } : { timeout, signal: options.signal };
    const routes = await Promise.all([...this.routes.values()].map((route) => report(route, drain)));
    this.#fold.flush();
    const undelivered = routes.reduce((sum, each) => sum + each.undelivered, 0);
    return { routes, undelivered, elapsed: Math.round(performance.now() - began) };
  }
}

async function report(route: Route, drain: { timeout: number; signal?: AbortSignal }): Promise<RouteReport> {
  const undelivered = await route.drain(drain);
  return { route: route.name, undelivered, ...route.totals() };
}
