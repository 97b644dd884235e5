// biome-ignore-all lint/suspicious/noUnsafeDeclarationMerging: the interface tells of the properties that are defined below
/**
 * What all sockets have: endpoints, options, events, the end. The classes of the socket types are in types.ts, sending
 * and receiving in messaging.ts.
 */
import { ZmqError } from '../errors.ts';
import type { Pattern, PatternHost } from '../patterns/pattern.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import { Context, context as defaultContext } from './context.ts';
import { Engine } from './engine.ts';
import type { PeerInfo, SocketStats } from './events.ts';
import type { Observer } from './observer.ts';
import { checkOption } from './option-checks.ts';
import { optionByNumber, setOptionByNumber } from './option-numbers.ts';
import {
  applies,
  defaultOptions,
  type GeneralOptions,
  OPTION_NAMES,
  type OptionName,
  type OptionValues,
  sends,
} from './options.ts';
import { mechanismOf } from './security.ts';

/** libzmq's numbers for the socket types: the value of `socket.type`. */
const SOCKET_TYPES: Readonly<Record<WireSocketType, number>> = {
  PAIR: 0,
  PUB: 1,
  SUB: 2,
  REQ: 3,
  REP: 4,
  DEALER: 5,
  ROUTER: 6,
  PULL: 7,
  PUSH: 8,
  XPUB: 9,
  XSUB: 10,
  STREAM: 11,
  SERVER: 12,
  CLIENT: 13,
  RADIO: 14,
  DISH: 15,
  GATHER: 16,
  SCATTER: 17,
  DGRAM: 18,
  PEER: 19,
  CHANNEL: 20,
};

/** Options that every socket may be constructed with, beside those of its type. */
export interface CommonOptions {
  /** Default: the global context. */
  context?: Context;
  /** Closes the socket when aborted. */
  signal?: AbortSignal;
}

/** How long a drain may take. */
export interface DrainOptions {
  /** Milliseconds; what is not sent by then is dropped and counted. Default: the option `linger`. */
  timeout?: number;
  /** Aborted: drop at once what is queued. */
  signal?: AbortSignal;
}

// The option properties: `defineOptions` puts them on the prototypes of the socket types.
export interface Socket extends GeneralOptions {}

/**
 * @internal The time of a drain: `fallback` where none is given, -1 where there is no limit.
 * @throws RangeError for what is no number.
 */
export function drainTime({ timeout }: DrainOptions, fallback: number): number {
  if (timeout === undefined) return fallback;
  if (typeof timeout !== 'number' || Number.isNaN(timeout)) {
    throw new RangeError(`timeout is a number of milliseconds, not ${String(timeout)}`);
  }
  // Longer than a timer can wait is no limit.
  return timeout < 0 || timeout > 0x7fff_ffff ? -1 : timeout;
}

let engineOfSocket: (socket: Socket) => Engine;

/** @internal What is behind a socket. */
export function engineOf(socket: Socket): Engine {
  return engineOfSocket(socket);
}

type PatternOf = (host: PatternHost) => Pattern;

/** The class of each socket type that is loaded, by libzmq's number. */
const KINDS = new Map<number, { prototype: Socket }>();

/** What the classes of all socket types have: endpoints, options as properties, events, counters, the end. */
export abstract class Socket {
  readonly #engine: Engine;

  static {
    engineOfSocket = (socket) => socket.#engine;
  }

  /**
   * A socket of the type with libzmq's number, for classes that extend this one as in zeromq.js. It has all that the class
   * of its type has; who needs the types of that, too, extends that class.
   * @throws ZmqError EINVAL when there is no such type, or it belongs to a door that was not imported.
   */
  protected constructor(type: number, options?: CommonOptions);
  /** @internal */
  protected constructor(type: WireSocketType, pattern: PatternOf, options?: CommonOptions);
  protected constructor(
    type: number | WireSocketType,
    second?: PatternOf | CommonOptions,
    third?: CommonOptions,
    ...more: never[]
  ) {
    const wire = typeof second === 'function' && typeof type === 'string' ? type : null;
    if (wire === null && typeof type !== 'number') throw new TypeError('Socket type must be a number');
    if (wire === null && (third !== undefined || more.length > 0))
      throw new TypeError('Expected 2 arguments');
    const given = wire === null ? second : third;
    const options = given === undefined ? {} : given;
    if (typeof options !== 'object' || options === null) throw new TypeError('Options must be an object');
    const { context = defaultContext, signal, ...rest } = options;
    if (!(context instanceof Context))
      throw new ZmqError('EINVAL', { detail: 'the option context is not a Context' });
    if (wire === null) {
      this.#engine = borrow(this, type as number, context);
    } else {
      const values = defaultOptions();
      values.ipv6 = context.ipv6;
      context.admit();
      this.#engine = new Engine(wire, context, values, second as PatternOf);
      context.acquire(this.#engine);
    }
    // As in zeromq.js: assigning an option that does not exist is an error, not a new property.
    Object.preventExtensions(this);
    try {
      Object.assign(this, rest);
    } catch (error) {
      context.release(this.#engine);
      throw error;
    }
    if (signal !== undefined) {
      if (signal.aborted) this.close();
      else {
        const onAbort = (): void => this.close();
        signal.addEventListener('abort', onAbort, { once: true });
        this.#engine.onEnd = () => signal.removeEventListener('abort', onAbort);
      }
    }
  }

  /** libzmq's number of the socket type. */
  get type(): number {
    return SOCKET_TYPES[this.#engine.type];
  }

  /** The context that it was made in. */
  get context(): Context {
    return this.#engine.context;
  }

  /** True after `close`. */
  get closed(): boolean {
    return this.#engine.closed;
  }

  /** True when `receive` would return at once. */
  get readable(): boolean {
    return !this.#engine.closed && this.#engine.pattern.readable;
  }

  /** True when `send` would take a message at once. */
  get writable(): boolean {
    return !this.#engine.closed && this.#engine.pattern.writable;
  }

  /** The endpoint of the last bind (with the real port) or connect, or null. */
  get lastEndpoint(): string | null {
    return this.#engine.lastEndpoint;
  }

  /** The mechanism that the options ask for at present: null is NULL, where nothing is encrypted or checked. */
  get securityMechanism(): null | 'plain' | 'curve' {
    const mechanism = mechanismOf(this.#engine.options);
    return mechanism === 'NULL' ? null : mechanism === 'PLAIN' ? 'plain' : 'curve';
  }

  /**
   * As zeromq.js reports it: true for the draft types but Datagram. It means nothing here: a socket belongs to the thread
   * that made it.
   */
  get threadSafe(): boolean {
    return SOCKET_TYPES[this.#engine.type] > SOCKET_TYPES.STREAM && this.#engine.type !== 'DGRAM';
  }

  /** What happens to this socket, from the first look at this property on. */
  get events(): Observer {
    return this.#engine.events;
  }

  /** Counters since the socket was made. */
  get stats(): SocketStats {
    return this.#engine.stats();
  }

  /** All peers, and all endpoints that are being connected to. */
  peers(): PeerInfo[] {
    return [...this.#engine.sessions].map((session) => session.info());
  }

  /**
   * Accepts peers at an endpoint: `tcp://127.0.0.1:5555`, `tcp://*:*`, `ipc:///path`, `inproc://name` ...
   * @throws ZmqError EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL, EPROTONOSUPPORT, ENODEV, EBUSY (another bind is under
   * way), EBADF (closed).
   */
  bind(address: string): Promise<void> {
    return this.#engine.endpoints.bind(address);
  }

  /** As `bind`, for endpoints that need no name to be looked up. */
  bindSync(address: string): void {
    this.#engine.endpoints.bindSync(address);
  }

  /**
   * Stops accepting at an endpoint and parts from the peers that came through it, when what is queued to them is sent.
   * @throws ZmqError ENOENT when not bound to it.
   */
  unbind(address: string): Promise<void> {
    return this.#engine.endpoints.unbind(address);
  }

  /** As `unbind`; the port is free a moment later. */
  unbindSync(address: string): void {
    this.#engine.endpoints.unbindSync(address);
  }

  /**
   * Connects, and reconnects whenever the connection is lost. Returns at once.
   * @throws ZmqError EINVAL, EPROTONOSUPPORT, EBADF.
   */
  connect(address: string): void {
    this.#engine.endpoints.connect(address, null);
  }

  /**
   * Ends a connection made by `connect`, when what is queued to the peer is sent.
   * @throws ZmqError ENOENT when not connected to it.
   */
  disconnect(address: string): void {
    this.#engine.endpoints.disconnect(address);
  }

  /**
   * Closes at once; what is queued goes on being sent for `linger` milliseconds, and a peer has time to read it. A program that
   * ends without it leaves the reading to luck: a peer whose heartbeat it has not read yet is reset, as by libzmq.
   */
  close(): void {
    this.#engine.close();
  }

  /**
   * Closes and waits until everything that was accepted for sending is with the operating system, or the time is over.
   * Resolves with the number of messages that were not.
   */
  async drain(options: DrainOptions = {}): Promise<{ undelivered: number }> {
    const { signal } = options;
    const time = drainTime(options, this.#engine.options.linger);
    const result = this.#engine.shutdown(signal?.aborted ? 0 : time);
    const onAbort = (): void => this.#engine.expire();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await result;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  // What zeromq.js has for classes that extend its own, by libzmq's numbers.
  protected getBoolOption(option: number): boolean {
    return Boolean(optionByNumber(this, option));
  }

  protected setBoolOption(option: number, value: boolean): void {
    if (typeof value !== 'boolean') throw new TypeError('Option value must be a boolean');
    setOptionByNumber(this, option, value);
  }

  protected getInt32Option(option: number): number {
    return Number(optionByNumber(this, option));
  }

  protected setInt32Option(option: number, value: number): void {
    if (typeof value !== 'number') throw new TypeError('Option value must be a number');
    setOptionByNumber(this, option, value);
  }

  protected getUint32Option(option: number): number {
    return this.getInt32Option(option);
  }

  protected setUint32Option(option: number, value: number): void {
    this.setInt32Option(option, value);
  }

  protected getInt64Option(option: number): number {
    return this.getInt32Option(option);
  }

  protected setInt64Option(option: number, value: number): void {
    this.setInt32Option(option, value);
  }

  protected getUint64Option(option: number): number {
    return this.getInt32Option(option);
  }

  protected setUint64Option(option: number, value: number): void {
    this.setInt32Option(option, value);
  }

  protected getStringOption(option: number): string | null {
    const value = optionByNumber(this, option);
    return value === null ? null : String(value);
  }

  protected setStringOption(option: number, value: string | Buffer | null): void {
    setOptionByNumber(this, option, value);
  }

  /** `using`: as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** `await using`: as `drain`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }
}

/** What a socket of the type has behind it, and gives `socket` the members of its class. */
function borrow(socket: Socket, type: number, context: Context): Engine {
  const kind = KINDS.get(type);
  if (kind === undefined) throw new ZmqError('EINVAL', { detail: `there is no socket type ${type}` });
  const members = Object.getOwnPropertyDescriptors(kind.prototype) as PropertyDescriptorMap;
  for (const name of Reflect.ownKeys(members)) {
    if (!(name in socket)) Object.defineProperty(socket, name, members[name as string]!);
  }
  return engineOf(new (kind as unknown as new (options: CommonOptions) => Socket)({ context }));
}

/** Gives a class the properties of the options that its type has, and makes it known as the one of that type. */
export function defineOptions(target: { prototype: Socket }, type: WireSocketType): void {
  KINDS.set(SOCKET_TYPES[type], target);
  if (!sends(type))
    Object.defineProperty(target.prototype, 'send', { configurable: true, value: sendsNothing });
  for (const name of OPTION_NAMES) {
    if (applies(name, type)) Object.defineProperty(target.prototype, name, optionProperty(name));
  }
}

/** For JavaScript: as in zeromq.js there is such a method, and it tells what is wrong. */
function sendsNothing(this: Socket, message?: unknown): Promise<never> {
  if (message === undefined) throw new TypeError('Message must be present');
  const detail = `a ${engineOf(this).type} socket does not send`;
  return Promise.reject(new ZmqError('ENOTSUP', { detail }));
}

function optionProperty<K extends OptionName>(name: K): PropertyDescriptor & ThisType<Socket> {
  const descriptor: PropertyDescriptor & ThisType<Socket> = {
    configurable: true,
    get(): OptionValues[K] {
      return engineOf(this).options[name];
    },
    set(value: unknown): void {
      engineOf(this).setOption(name, checkOption(name, value) as OptionValues[K]);
    },
  };
  return descriptor;
}
