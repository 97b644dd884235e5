/** What happens to a client, for any number of readers; each sees all of it, or the last {@link KEPT} if it is slow. */
import type { ClientError } from '../errors.ts';

/** `type` tells which; the first five are states that the connection is in, the last two events of a stream. */
export type State =
  /** An attempt to connect is under way; 1 is the first in a row. */
  | { readonly type: 'connecting'; readonly endpoint: string; readonly attempt: number }
  /** There is a session. `resumed`: the node still had the one from before. */
  | {
      readonly type: 'connected';
      readonly endpoint: string;
      readonly node: string;
      readonly resumed: boolean;
    }
  /** The next attempt comes after `retryIn` milliseconds. */
  | {
      readonly type: 'disconnected';
      readonly endpoint: string;
      readonly error: ClientError;
      readonly retryIn: number;
      /** The number of the next attempt. */
      readonly attempt: number;
    }
  /** So many failures in a row (`reconnect.failingAfter`) that somebody should look. It goes on trying. */
  | { readonly type: 'failing'; readonly error: ClientError; readonly failures: number }
  /** The end; null: `close` was called. */
  | { readonly type: 'closed'; readonly error: ClientError | null }
  /** The node takes no records for the stream at the moment; what is published waits. */
  | {
      readonly type: 'blocked';
      readonly stream: string;
      /** As in REFUSED, docs/wire.md. */
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: 'unblocked'; readonly stream: string };

/** States that wait for a reader. */
const KEPT = 256;

type Result = IteratorResult<State, undefined>;
const DONE: Result = { done: true, value: undefined };

export class StateFeed {
  readonly #readers = new Set<Reader>();
  #current: State;

  constructor(first: State) {
    this.#current = first;
  }

  /** The state that the connection is in. */
  get current(): State {
    return this.#current;
  }

  push(state: State): void {
    if (state.type !== 'blocked' && state.type !== 'unblocked') this.#current = state;
    for (const reader of this.#readers) reader.push(state);
    if (state.type === 'closed') this.#readers.clear();
  }

  /** Begins with the state that the connection is in; ends after `closed`. */
  read(): AsyncIterableIterator<State, undefined> {
    const reader = new Reader((gone) => this.#readers.delete(gone));
    if (this.#current.type !== 'closed') this.#readers.add(reader);
    reader.push(this.#current);
    return reader;
  }
}

class Reader implements AsyncIterableIterator<State, undefined> {
  #queue: State[] = [];
  #waiting: ((result: Result) => void)[] = [];
  #over = false;
  readonly #leave: (reader: Reader) => void;

  constructor(leave: (reader: Reader) => void) {
    this.#leave = leave;
  }

  push(state: State): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting({ done: false, value: state });
    else if (this.#queue.push(state) > KEPT) this.#queue.shift();
    if (state.type === 'closed') this.#end();
  }

  next(): Promise<Result> {
    const state = this.#queue.shift();
    if (state !== undefined) return Promise.resolve({ done: false, value: state });
    if (this.#over) return Promise.resolve(DONE);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  return(): Promise<Result> {
    this.#queue = [];
    this.#end();
    this.#leave(this);
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#over = true;
    for (const waiting of this.#waiting.splice(0)) waiting(DONE);
  }
}
