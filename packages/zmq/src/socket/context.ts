/**
 * A context: what sockets of one program share. Here that is the names of inproc endpoints and the number of sockets;
 * the options that steer libzmq's threads are kept without effect.
 */
import { ZmqError } from '../errors.ts';
import { createInproc, type InprocTransport } from '../transport/inproc.ts';
import { leaveToThreads, leftToThread } from './threads.ts';
import type { ZapHandler } from './zap-handler.ts';

/** Options of a context, as zeromq.js has them. */
export interface ContextOptions {
  /** Whether queued messages hold the process until they are sent. Default true. */
  blocky?: boolean;
  /** Without effect: there are no I/O threads. Default 1. */
  ioThreads?: number;
  /** Without effect: set the option of the sockets. Default 2147483647. */
  maxMessageSize?: number;
  /** Sockets that may be open at once. Default 1023. */
  maxSockets?: number;
  /** Default of the sockets' `ipv6`. Default false. */
  ipv6?: boolean;
  /** Without effect. */
  threadPriority?: number;
  /** Without effect. */
  threadSchedulingPolicy?: number;
  /**
   * Decides who is let in by the sockets of this context (RFC 27). Default null: whoever is bound to `inproc://zeromq.zap.01`
   * in this context is asked, a Reply or a Router. Ours.
   */
  zapHandler?: ZapHandler | null;
}

type ValueName = Exclude<keyof ContextOptions, 'zapHandler'>;

const KINDS: Readonly<Record<ValueName, 'number' | 'boolean'>> = {
  blocky: 'boolean',
  ioThreads: 'number',
  maxMessageSize: 'number',
  maxSockets: 'number',
  ipv6: 'boolean',
  threadPriority: 'number',
  threadSchedulingPolicy: 'number',
};

let forget: (context: Context) => void;
/** Sockets that were never closed, and to which nothing leads any more: they have no connection and no endpoint. */
const forgotten = new FinalizationRegistry((context: Context) => forget(context));

let inprocTransport: (context: Context) => InprocTransport;

/** What sockets share: names of inproc endpoints, a limit on their number, defaults, who lets peers in. */
export class Context {
  readonly #values: Required<Pick<ContextOptions, ValueName>> = {
    blocky: true,
    ioThreads: 1,
    maxMessageSize: 0x7fff_ffff,
    maxSockets: 1023,
    ipv6: false,
    threadPriority: -1,
    threadSchedulingPolicy: -1,
  };
  #inproc: InprocTransport | null = null;
  #zapHandler: ZapHandler | null = null;
  #sockets = 0;

  static {
    inprocTransport = (context) => {
      context.#inproc ??= createInproc();
      return context.#inproc;
    };
  }

  /** @throws TypeError for an option that does not exist or a value of the wrong type. */
  constructor(options: ContextOptions = {}, ...rest: never[]) {
    if (rest.length > 0) throw new TypeError('Expected 1 argument');
    if (typeof options !== 'object' || options === null) throw new TypeError('Options must be an object');
    Object.preventExtensions(this);
    Object.assign(this, options);
  }

  /** Whether queued messages hold the process until they are sent. Default true. */
  get blocky(): boolean {
    return this.#values.blocky;
  }

  set blocky(value: boolean) {
    this.#set('blocky', value);
  }

  /** Kept, without effect: there are no I/O threads. Default 1. */
  get ioThreads(): number {
    return this.#values.ioThreads;
  }

  set ioThreads(value: number) {
    this.#set('ioThreads', value);
  }

  /** Kept, without effect: set the option of the sockets. Default 2147483647, in octets. */
  get maxMessageSize(): number {
    return this.#values.maxMessageSize;
  }

  set maxMessageSize(value: number) {
    this.#set('maxMessageSize', value);
  }

  /** Sockets that may be open at once; for one more the constructor throws EMFILE. Default 1023. */
  get maxSockets(): number {
    return this.#values.maxSockets;
  }

  set maxSockets(value: number) {
    this.#set('maxSockets', value);
  }

  /** The highest value that `maxSockets` may have. */
  get maxSocketsLimit(): number {
    return 65_535;
  }

  /** The `ipv6` that sockets made from now on begin with. Default false. */
  get ipv6(): boolean {
    return this.#values.ipv6;
  }

  set ipv6(value: boolean) {
    this.#set('ipv6', value);
  }

  /** Kept, without effect. Default -1. */
  set threadPriority(value: number) {
    this.#set('threadPriority', value);
  }

  /** Kept, without effect. Default -1. */
  set threadSchedulingPolicy(value: number) {
    this.#set('threadSchedulingPolicy', value);
  }

  /** Holds for the next one who is asked about. */
  get zapHandler(): ZapHandler | null {
    return this.#zapHandler;
  }

  set zapHandler(handler: ZapHandler | null) {
    if (handler !== null && typeof handler !== 'function') {
      throw new TypeError('Option zapHandler must be a function or null');
    }
    this.#zapHandler = handler;
  }

  /** @internal A socket is to be made. @throws ZmqError EMFILE over `maxSockets`. */
  admit(): void {
    if (this.#sockets >= this.#values.maxSockets) {
      const detail = `${this.#sockets} sockets are open, the limit is maxSockets of the context`;
      throw new ZmqError('EMFILE', { detail });
    }
  }

  /** @internal What is behind the socket that was made. Counts until it is released, or nobody knows it any more. */
  acquire(engine: object): void {
    this.#sockets++;
    forgotten.register(engine, this, engine);
  }

  /** @internal A socket is closed. */
  release(engine: object): void {
    forgotten.unregister(engine);
    this.#sockets--;
  }

  static {
    forget = (context) => {
      context.#sockets--;
    };
  }

  #set<K extends ValueName>(name: K, value: Required<ContextOptions>[K]): void {
    const kind = KINDS[name];
    if (typeof value !== kind) throw new TypeError(`Option value must be a ${kind}`);
    this.#values[name] = value;
    if (this === shared) leaveToThreads(this.#values);
  }
}

/** The inproc transport of a context: its names are known to its sockets only. */
export function inprocOf(context: Context): InprocTransport {
  return inprocTransport(context);
}

let shared: Context | null = null;

/**
 * The context of all sockets of this thread that were not given one. What is set in it before a worker is started holds in the
 * worker, too.
 */
export const context: Context = new Context(leftToThread());
shared = context;
