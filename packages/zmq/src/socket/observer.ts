/**
 * Reads a socket's events: with `receive` or `for await`, or with listeners; not both. Events are kept from the moment
 * that `socket.events` is first looked at, at most {@link KEPT} of them: then the oldest go.
 */
import { EventEmitter } from 'node:events';
import { ZmqError } from '../errors.ts';
import type { Event, EventOfType, EventType } from './events.ts';
import { hold, letGo } from './keep-alive.ts';

/** Events that wait for a reader. */
const KEPT = 10_000;

/** The events of one socket: `socket.events`. At most 10,000 are kept until somebody reads them. */
export class Observer {
  #queue: Event[] = [];
  #waiting: { resolve: (event: Event) => void; reject: (error: Error) => void } | null = null;
  #emitter: EventEmitter | null = null;
  #closed = false;
  #ended = false;

  /** True after `close`, or when the socket is closed and its last event was read. */
  get closed(): boolean {
    return this.#closed;
  }

  /** No more events. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#takeWaiting()?.reject(new ZmqError('EAGAIN'));
  }

  /**
   * The next event.
   * @throws ZmqError EBADF when closed, EBUSY when another `receive` waits.
   */
  receive(): Promise<Event> {
    if (this.#emitter !== null) {
      throw new Error(
        'Observer is in event emitter mode. After a call to events.on() it is not possible to read events with events.receive().',
      );
    }
    if (this.#closed) return Promise.reject(new ZmqError('EBADF'));
    if (this.#waiting !== null) {
      const message = 'Observer is busy reading; only one receive operation may be in progress at any time';
      return Promise.reject(new ZmqError('EBUSY', { message }));
    }
    const event = this.#queue.shift();
    if (event !== undefined) {
      if (event.type === 'end') this.close();
      return Promise.resolve(event);
    }
    hold();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** Calls `listener` for each event of the type, from now on. */
  on<E extends EventType>(type: E, listener: (data: EventOfType<E>) => void): this {
    if (this.#emitter === null) {
      this.#emitter = new EventEmitter();
      const queued = this.#queue;
      this.#queue = [];
      for (const event of queued) this.#emit(event);
    }
    this.#emitter.on(type, listener);
    return this;
  }

  /** Takes away a listener that `on` was given. */
  off<E extends EventType>(type: E, listener: (data: EventOfType<E>) => void): this {
    this.#emitter?.off(type, listener);
    return this;
  }

  /** Events until the socket is closed and its last one was read, or `close`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Event, undefined> {
    while (!this.#closed) {
      try {
        yield await this.receive();
      } catch (error) {
        if (this.#closed && error instanceof ZmqError && error.code === 'EAGAIN') return undefined;
        throw error;
      }
    }
    return undefined;
  }

  /** @internal */
  push(event: Event): void {
    if (this.#closed || this.#ended) return;
    if (event.type === 'end') this.#ended = true;
    if (this.#emitter !== null) this.#emit(event);
    else if (this.#waiting !== null) {
      const waiting = this.#takeWaiting();
      if (event.type === 'end') this.close();
      waiting?.resolve(event);
    } else {
      this.#queue.push(event);
      if (this.#queue.length > KEPT) this.#queue.shift();
    }
  }

  #takeWaiting(): { resolve: (event: Event) => void; reject: (error: Error) => void } | null {
    const waiting = this.#waiting;
    if (waiting !== null) letGo();
    this.#waiting = null;
    return waiting;
  }

  // Later, as an event of the loop would: a listener may call the socket that is in the middle of something.
  #emit(event: Event): void {
    process.nextTick(() => {
      if (this.#closed) return;
      if (event.type === 'end') this.#closed = true;
      this.#emitter?.emit(event.type, event);
    });
  }
}
