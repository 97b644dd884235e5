/** The streams that sessions use: for each who waits for its commits, and one listener. */
import type { Log } from '../log/log.ts';
import type { Stream, StreamStore } from '../store/store.ts';
import type { Publisher } from './publisher.ts';
import type { Runner } from './runner.ts';

export interface Hub {
  readonly stream: Stream;
  /** Publishers with records that are not answered. */
  readonly waiting: Set<Publisher>;
  /** Groups with members, by the name of their place. */
  readonly runners: Map<string, Runner>;
}

export class Hubs {
  readonly #store: StreamStore;
  readonly #log: Log;
  readonly #committed: (hub: Hub) => void;
  readonly #hubs: Map<string, { hub: Hub; stop: () => void }> = new Map();

  constructor(store: StreamStore, log: Log, committed: (hub: Hub) => void) {
    this.#store = store;
    this.#log = log;
    this.#committed = committed;
  }

  /** Null: there is no such stream, or it is not open. */
  get(name: string): Hub | null {
    const known = this.#hubs.get(name);
    if (known !== undefined) return known.hub;
    const stream = this.#store.get(name);
    if (stream === null) return null;
    const hub: Hub = { stream, waiting: new Set(), runners: new Map() };
    this.#hubs.set(name, { hub, stop: stream.listen(() => this.#changed(hub)) });
    return hub;
  }

  #changed(hub: Hub): void {
    try {
      this.#committed(hub);
    } catch (err) {
      // A mistake of ours must not reach who writes.
      this.#log.event('session:commit', { err, stream: hub.stream.name });
    }
  }

  /** Knows the hub no more. Who waits for its commits is told of them until the returned function is called. */
  release(name: string): () => void {
    const known = this.#hubs.get(name);
    this.#hubs.delete(name);
    return known?.stop ?? (() => {});
  }

  *all(): Iterable<Hub> {
    for (const { hub } of this.#hubs.values()) yield hub;
  }

  close(): void {
    for (const { stop } of this.#hubs.values()) stop();
    this.#hubs.clear();
  }
}
