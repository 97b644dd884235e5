/**
 * Those who wait until something can be done, in order: each tries when told to, and leaves when it succeeds. While
 * anybody waits, the process stays.
 */
import { ZmqError } from '../errors.ts';
import { hold, letGo } from './keep-alive.ts';

interface Waiter<I, O> {
  readonly input: I;
  readonly resolve: (value: O) => void;
  readonly reject: (error: Error) => void;
  timer: NodeJS.Timeout | null;
  stop: (() => void) | null;
}

export class Waiters<I, O> {
  readonly #try: (input: I) => O | null;
  readonly #left: () => void;
  #queue: Waiter<I, O>[] = [];
  #serving = false;

  /**
   * `attempt` returns null when it can't be done yet, and throws when it never can. `left` is called when the first gave
   * up: who waits behind it may want something else, the room of another peer.
   */
  constructor(attempt: (input: I) => O | null, left: () => void = () => this.serve()) {
    this.#try = attempt;
    this.#left = left;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** Waits at most `timeout` ms (below 0: without end): then it rejects with EAGAIN. An aborted signal: its reason. */
  wait(input: I, timeout: number, signal: AbortSignal | undefined): Promise<O> {
    if (timeout === 0) return Promise.reject(new ZmqError('EAGAIN'));
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const waiter: Waiter<I, O> = { input, resolve, reject, timer: null, stop: null };
      if (timeout > 0) {
        // Sockets are read before it gives up: in a process that was held up, what it waits for may have arrived.
        const late = (): void => this.#leave(waiter, new ZmqError('EAGAIN'));
        waiter.timer = setTimeout(() => setImmediate(late), timeout);
      }
      if (signal !== undefined) {
        const onAbort = (): void => this.#leave(waiter, signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        waiter.stop = () => signal.removeEventListener('abort', onAbort);
      }
      this.#queue.push(waiter);
      if (this.#queue.length === 1) hold();
    });
  }

  /** Lets those who wait try, the first first, until one can't. */
  serve(): void {
    // An attempt may make room and call this again: the loop below sees it.
    if (this.#serving || this.#queue.length === 0) return;
    this.#serving = true;
    try {
      for (let waiter = this.#queue[0]; waiter !== undefined; waiter = this.#queue[0]) {
        let output: O | null;
        try {
          output = this.#try(waiter.input);
        } catch (error) {
          this.#shift();
          release(waiter);
          waiter.reject(error as Error);
          continue;
        }
        if (output === null) return;
        this.#shift();
        release(waiter);
        waiter.resolve(output);
      }
    } finally {
      this.#serving = false;
    }
  }

  /** Rejects all who wait. */
  fail(error: ZmqError): void {
    const queue = this.#queue;
    this.#queue = [];
    if (queue.length > 0) letGo();
    for (const waiter of queue) {
      release(waiter);
      waiter.reject(error);
    }
  }

  #shift(): void {
    this.#queue.shift();
    if (this.#queue.length === 0) letGo();
  }

  #leave(waiter: Waiter<I, O>, error: Error): void {
    const index = this.#queue.indexOf(waiter);
    if (index < 0) return;
    this.#queue.splice(index, 1);
    if (this.#queue.length === 0) letGo();
    release(waiter);
    waiter.reject(error);
    if (index === 0) this.#left();
  }
}

function release(waiter: Waiter<unknown, never>): void {
  if (waiter.timer !== null) clearTimeout(waiter.timer);
  waiter.stop?.();
}
