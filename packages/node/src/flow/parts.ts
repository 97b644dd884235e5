/**
 * What a node is made of, and how each of it is made: the one place that a start and a change of configuration share.
 */

import { streamsOf } from '../config/streams.ts';
import type { Config, RouteConfig, StreamSettings } from '../config/types.ts';
import { ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { SessionServer } from '../session/server.ts';
import type { SpanHook } from '../session/spans.ts';
import { openStore } from '../store/open.ts';
import type { StreamStore } from '../store/store.ts';
import type { Bound } from './endpoints.ts';
import { SessionsError } from './errors.ts';
import { Observers } from './observers.ts';
import { Route } from './route.ts';
import type { PeerEvent } from './status.ts';

/** Figures that are taken where they come up. */
export interface Measures {
  /** A request of this route was answered after so many milliseconds. Not of each request: a sample. */
  answered(route: string, milliseconds: number): void;
  /** A commit of this stream took so many milliseconds. */
  committed(stream: string, milliseconds: number): void;
}

/** What runs. A change replaces it as a whole. */
export interface Running {
  readonly config: Config;
  readonly routes: Map<string, Route>;
  readonly store: StreamStore | null;
  /** What had to go for a change that failed comes back as another object. */
  sessions: SessionServer | null;
}

export interface MakerOptions {
  readonly log: Log;
  readonly measures: Measures | null;
  readonly spans: SpanHook | null;
  /** Told what is being done; null: nobody wants to know. */
  readonly progress: ((text: string) => void) | null;
}

export class Maker {
  readonly log: Log;
  /** What runs now. */
  running: Running | null = null;
  /** Told when a route that runs has failed on its own. */
  failed: (route: string, error: Error) => void = () => {};
  /** The node is paused: what is made takes nothing in. */
  held = false;
  readonly #options: MakerOptions;
  /** By the name of the route, those that are gone included while somebody listens. */
  readonly #observers = new Map<string, Observers>();
  readonly #watchers = new Set<(event: PeerEvent) => void>();

  constructor(options: MakerOptions) {
    this.log = options.log;
    this.#options = options;
  }

  store({ node }: Config): Promise<StreamStore> {
    const { log, measures } = this.#options;
    const committed = measures === null ? {} : { committed: measures.committed.bind(measures) };
    return openStore({
      dir: node.dataDir,
      log,
      progress: (stream, text) => this.tell(`recovering ${stream}${text === '' ? '' : `, ${text}`}`),
      ...committed,
    });
  }

  /** Says what is being done, while the node starts. */
  tell(text: string): void {
    // A change of what runs is nothing that anybody waits for.
    if (this.running === null) this.#options.progress?.(text);
  }

  async stream(store: StreamStore, name: string, settings: StreamSettings, { node }: Config): Promise<void> {
    const { first, next, stats } = await store.open(name, settings);
    const fields = { stream: name, first, next, bytes: stats.bytes };
    this.log.event('stream:ready', { ...fields, dataDir: node.dataDir });
  }

  route(config: RouteConfig, store: StreamStore | null): Route {
    const { log } = this.#options;
    const { name } = config;
    const stream = config.stream === null ? null : (store?.get(name) ?? null);
    // Without it the route would keep nothing, and nobody would know.
    if ((stream === null) !== (config.stream === null))
      throw new ZerothError('STREAM_UNKNOWN', `the stream of route ${name} is not open`);
    const peer = (event: PeerEvent): void => {
      for (const watcher of this.#watchers) watcher(event);
    };
    const route = new Route(config, stream, log, { observers: this.observers(name), peer });
    route.hold(this.held);
    void route.ended.then((error) => {
      // One that is on its way in or out is looked after by who moves it.
      if (error !== null && this.running?.routes.get(name) === route) this.failed(name, error);
    });
    return route;
  }

  /** @throws SessionsError BIND_FAILED; `former` are the endpoints that sessions had before. */
  async sessions(
    config: Config,
    store: StreamStore,
    former: readonly Bound[],
  ): Promise<SessionServer | null> {
    if (config.sessions === null) return null;
    this.tell('binding sessions');
    const settingsOf = (name: string): StreamSettings | null =>
      streamsOf(this.running?.config ?? config).find((stream) => stream.name === name) ?? null;
    try {
      // A node without sessions starts sooner.
      const { startSessions } = await import('../session/server.ts');
      const nodeName = config.node.name;
      return await startSessions({
        config: config.sessions,
        nodeName,
        store,
        settingsOf,
        log: this.log,
        former,
        held: this.held,
        ...(this.#options.spans === null ? {} : { spans: this.#options.spans }),
      });
    } catch (error) {
      throw sessionsFailed(error);
    }
  }

  observers(route: string): Observers {
    let observers = this.#observers.get(route);
    if (observers === undefined) {
      const { measures } = this.#options;
      observers = new Observers(measures === null ? null : (time) => measures.answered(route, time));
      this.#observers.set(route, observers);
    }
    return observers;
  }

  /** Who listens: to peers, and to what passes; and for how many routes that is kept. */
  get listeners(): { readonly watchers: number; readonly observers: number; readonly observed: number } {
    const all = [...this.#observers.values()];
    const observers = all.reduce((sum, { count }) => sum + count, 0);
    return { watchers: this.#watchers.size, observers, observed: all.length };
  }

  watch(watcher: (event: PeerEvent) => void): () => void {
    const own = (event: PeerEvent): void => watcher(event);
    this.#watchers.add(own);
    return () => this.#watchers.delete(own);
  }

  /** Nobody needs to know of this route: it is gone, and nobody listens. */
  forget(route: string): void {
    if (this.#observers.get(route)?.idle === true) this.#observers.delete(route);
  }
}

/** With the way out, where it is about an endpoint. */
export function sessionsFailed(error: unknown): unknown {
  return error instanceof ZerothError && error.code === 'BIND_FAILED' ? new SessionsError(error) : error;
}
