/**
 * Sending and receiving, as the socket types mix them in. On the fast path there is no object for each call but what
 * the caller gets: `send` answers with one promise that is resolved already, `receive` with the message.
 */
import { ZmqError } from '../errors.ts';
import type { MessageLike, Sendable } from '../patterns/message.ts';
import { inBurst, nextTurn } from './flusher.ts';
import type { OptionValues } from './options.ts';
import { engineOf, type Socket } from './socket.ts';
import { spin } from './spin.ts';

export type { MessageLike, Sendable };

/**
 * A received frame, which is the application's: nobody else writes to it. Kept ones hold a few times their octets in
 * memory at most; but what comes in bulk, in frames of 65 octets to 16 KiB, is handed out sharing memory of up to 64 KiB
 * until a garbage collection has shown that frames are kept (some 64 MiB of such memory may gather until then, once).
 */
export type Message = Buffer;

export interface SendOptions {
  /** Gives up waiting for room. */
  signal?: AbortSignal;
}

export interface ReceiveOptions {
  /** Gives up waiting for a message. */
  signal?: AbortSignal;
}

/** Options of sockets that send. */
export type SendingOptions = Pick<
  OptionValues,
  'sendHighWaterMark' | 'sendTimeout' | 'sendBufferSize' | 'multicastHops'
>;
/** Options of sockets that receive. */
export type ReceivingOptions = Pick<
  OptionValues,
  'receiveHighWaterMark' | 'receiveTimeout' | 'receiveBufferSize'
>;

/** The arguments after the message: the options that the type needs, and those that all have. */
type Arguments<O extends object[]> = O extends [infer First extends object, ...infer Rest]
  ? [options: First & SendOptions, ...rest: Rest]
  : [options?: SendOptions];

/** Sockets that send. `M`: what they send; `O`: what they need to know beside the message. */
export interface Writable<
  M extends MessageLike | readonly MessageLike[] = Sendable,
  O extends [...object[]] = [],
> extends SendingOptions {
  /**
   * Sends a message: one frame, or a list of frames. Resolves when it is accepted: it waits for room as long as every
   * peer that could take it is at its high-water mark, or there is no peer. Calls that wait are served in order.
   * Bodies of more than 1 KiB may be sent from where they are: don't change them afterwards.
   * @throws ZmqError EAGAIN after `sendTimeout` or on close, EBUSY when as many calls wait as `sendHighWaterMark`
   * allows, EBADF (closed), EFSM (REQ, REP out of turn), EHOSTUNREACH (ROUTER with `mandatory`).
   */
  send(message: M, ...options: Arguments<O>): Promise<void>;
  /** Sends at once if there is room, and says whether there was. Makes no promise. @throws as `send`. */
  trySend(message: M, ...options: O): boolean;
  /** Resolves when `trySend` may find room. */
  waitWritable(): Promise<void>;
}

/** Sockets that receive. `M`: what a message is. */
export interface Readable<M extends object[] = Message[]> extends ReceivingOptions {
  /**
   * The next message, as its frames. Calls that wait are served in order.
   * @throws ZmqError EAGAIN after `receiveTimeout` or on close, EBADF (closed), EFSM (REQ, REP out of turn).
   */
  receive(options?: ReceiveOptions): Promise<M>;
  /** The next message if there is one now, else null. Makes no promise. @throws as `receive`. */
  tryReceive(): M | null;
  /** All messages that are there now, at most `max`; waits for the first. */
  receiveBatch(max?: number): Promise<M[]>;
  /** Messages until the socket is closed. */
  [Symbol.asyncIterator](): AsyncIterator<M, undefined>;
}

const DONE: Promise<void> = Promise.resolve();
/**
 * After so many calls that did not wait the event loop gets its turn: a tight loop must not keep it waiting. Receiving
 * ends by itself when the inbox is empty, so that only a queue without a mark makes the second one needed.
 */
const SENDS_A_TURN = 512;
const RECEIVES_A_TURN = 2048;
const ENDED: IteratorReturnResult<undefined> = { done: true, value: undefined };

let sends = 0;
let receives = 0;

function send(this: Socket, message: Sendable, options?: SendOptions): Promise<void> {
  const engine = engineOf(this);
  if (engine.closed) return Promise.reject(new ZmqError('EBADF'));
  if (options?.signal?.aborted) return Promise.reject(options.signal.reason);
  // Not null, which is an empty frame: nothing at all is a mistake.
  if (message === undefined) return Promise.reject(new TypeError('Message must be present'));
  try {
    if (engine.senders.length === 0 && engine.pattern.send(message)) {
      if (++sends < SENDS_A_TURN) return DONE;
      sends = 0;
      inBurst();
      return nextTurn();
    }
  } catch (error) {
    return Promise.reject(error);
  }
  const limit = engine.options.sendHighWaterMark;
  if (limit > 0 && engine.senders.length >= limit) {
    const message = `Socket is busy: ${limit} sends wait already (sendHighWaterMark); await each send`;
    return Promise.reject(new ZmqError('EBUSY', { message }));
  }
  return engine.senders.wait(message, engine.options.sendTimeout, options?.signal);
}

function trySend(this: Socket, message: Sendable): boolean {
  const engine = engineOf(this);
  if (engine.closed) throw new ZmqError('EBADF');
  return engine.senders.length === 0 && engine.pattern.send(message);
}

async function waitWritable(this: Socket): Promise<void> {
  const engine = engineOf(this);
  // A turn at least: whoever alternates between trySend and this must let the system work.
  await nextTurn();
  while (!engine.pattern.writable || engine.senders.length > 0) {
    if (engine.closed) throw new ZmqError('EBADF');
    await engine.room();
  }
}

/** Resolved with what was received; every so often after a turn of the event loop. */
function soon<T>(value: T): Promise<T> {
  if (++receives < RECEIVES_A_TURN) return Promise.resolve(value);
  receives = 0;
  return nextTurn().then(() => value);
}

function receive(this: Socket, options?: ReceiveOptions): Promise<Message[]> {
  const engine = engineOf(this);
  if (engine.closed) return Promise.reject(new ZmqError('EBADF'));
  if (options?.signal?.aborted) return Promise.reject(options.signal.reason);
  try {
    if (engine.receivers.length === 0) {
      const message = engine.pattern.next();
      if (message !== null) return soon(message);
    }
  } catch (error) {
    return Promise.reject(error);
  }
  if (engine.type === 'REQ') spin();
  return engine.receivers.wait(null, engine.options.receiveTimeout, options?.signal);
}

function tryReceive(this: Socket): Message[] | null {
  const engine = engineOf(this);
  if (engine.closed) throw new ZmqError('EBADF');
  return engine.receivers.length === 0 ? engine.pattern.next() : null;
}

async function receiveBatch(
  this: Socket & Readable,
  max: number = Number.POSITIVE_INFINITY,
): Promise<Message[][]> {
  const engine = engineOf(this);
  const batch = [await receive.call(this)];
  const { pattern } = engine;
  while (batch.length < max && pattern.readable) {
    const message = pattern.next();
    if (message === null) break;
    batch.push(message);
  }
  return batch;
}

function iterate(this: Socket & Readable): AsyncIterator<Message[], undefined> {
  const engine = engineOf(this);
  const ended = (error: unknown): typeof ENDED => {
    if (engine.closed && error instanceof ZmqError && error.code === 'EAGAIN') return ENDED;
    throw error;
  };
  const found = (value: Message[]): IteratorResult<Message[], undefined> => ({ done: false, value });
  return {
    next: (): Promise<IteratorResult<Message[], undefined>> => {
      if (engine.closed) return Promise.resolve(ENDED);
      if (engine.receivers.length === 0) {
        try {
          const message = engine.pattern.next();
          if (message !== null) return soon({ done: false, value: message });
        } catch (error) {
          return Promise.reject(error);
        }
      }
      return engine.receivers.wait(null, engine.options.receiveTimeout, undefined).then(found, ended);
    },
    return: () => Promise.resolve(ENDED),
  };
}

// Whatever its messages are: the methods come from here, and a prototype has none yet.
type Sends = { send: unknown; trySend: unknown; waitWritable: unknown };
type Receives = { receive: unknown; tryReceive: unknown; receiveBatch: unknown };

/** Gives a socket class the methods of {@link Writable}. */
export function mixWritable(target: { prototype: Socket & Sends }): void {
  Object.assign(target.prototype, { send, trySend, waitWritable });
}

/** Gives a socket class the methods of {@link Readable}. */
export function mixReadable(target: { prototype: Socket & Receives }): void {
  Object.assign(target.prototype, { receive, tryReceive, receiveBatch, [Symbol.asyncIterator]: iterate });
}
