/**
 * Who looks at what passes a route, and who measures how long its requests take.
 *
 * Guarantees: while nobody does, the route pays one check for each run. Observers belong to the name of a route: they
 * stay when the route gets other sockets, and hear it again when it was gone and comes back.
 */
import type { ProxyObserver } from '@zeroth/zmq';
import type { Run } from '@zeroth/zmq/run';

export type RunListener = (direction: 'toBack' | 'toFront', run: Run) => void;

/** What can be observed; null: nobody looks. */
export interface Observed {
  observer: ProxyObserver | null;
}

export class Observers {
  readonly #answered: ((milliseconds: number) => void) | null;
  /** A copy for each change: who is being told may leave meanwhile. */
  #listeners: readonly RunListener[] = [];
  /** What runs under the name; two while one makes room for the other. */
  readonly #observed = new Set<Observed>();

  /** `answered`: told of round trips of requests. */
  constructor(answered: ((milliseconds: number) => void) | null) {
    this.#answered = answered;
  }

  /** This runs under the name, until the returned function is called. */
  attach(observed: Observed): () => void {
    this.#observed.add(observed);
    this.#changed();
    return () => this.#observed.delete(observed);
  }

  /** Nobody looks. */
  get idle(): boolean {
    return this.#listeners.length === 0;
  }

  get count(): number {
    return this.#listeners.length;
  }

  add(listener: RunListener): () => void {
    // The same function may listen twice; each has its own end.
    const own: RunListener = (direction, run) => listener(direction, run);
    this.#listeners = [...this.#listeners, own];
    this.#changed();
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== own);
      this.#changed();
    };
  }

  #changed(): void {
    const listeners = this.#listeners;
    const [only] = listeners;
    const run: RunListener | undefined =
      listeners.length > 1
        ? (direction, each) => {
            for (const listener of listeners) listener(direction, each);
          }
        : only;
    const answered = this.#answered;
    const observer =
      run === undefined && answered === null
        ? null
        : { ...(run === undefined ? {} : { run }), ...(answered === null ? {} : { answered }) };
    for (const each of this.#observed) each.observer = observer;
  }
}
