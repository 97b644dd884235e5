/** The options of the client: their units and defaults, and what they are checked for. */
import { RECONNECT, type ReconnectOptions } from './connection/backoff.ts';
import { ClientError } from './errors.ts';
import { type ConsumeRequest, type From, NAME, type Strategy } from './wire/messages.ts';

/** How to connect. Times in milliseconds, sizes in octets. */
export interface ConnectOptions {
  /**
   * The name of this client: 1 to 64 letters, digits, `.`, `_` or `-`. Only with a fixed name are repetitions removed
   * that a restart of the program causes, and only then can a consumer have a group under `broadcast`: the node keeps
   * its place under the name. One program has a name at a time. Default: `client-` and something random.
   */
  name?: string;
  /** How long `connect` tries, and how long `info` waits. Default 10000. */
  timeout?: number;
  /** How often something has to be heard, at least; the node may answer with another value. Default 5000. */
  heartbeat?: number;
  /** What may wait to be stored beyond the node's window, all streams together; more is ERR_BUSY. Default 64 MiB. */
  maxQueuedBytes?: number;
  /** After so long `publish` rejects; the record may be stored all the same. 0, the default: it waits. */
  publishTimeout?: number;
  /** What happens when the connection is lost. */
  reconnect?: ReconnectOptions;
  /** Aborted: the client closes, or `connect` gives up. */
  signal?: AbortSignal;
}

/** What to consume, and how. Times in milliseconds. */
export interface ConsumeOptions {
  /** Records are acknowledged by themselves when the loop asks for the next: for who wants to see, not to process. */
  live?: boolean;
  /**
   * `broadcast`: everything to this consumer. `group`: each record to one member. `sharded`: as `group`, and all
   * records of a key to one member, in order. Default: `group` if a group is given, else `broadcast`; live: `broadcast`.
   * With `broadcast` and a group the node keeps a place for this client alone, for good: that needs `name` in `connect`.
   */
  strategy?: Strategy;
  /** Consumers of one group share its place in the stream, which the node keeps. */
  group?: string;
  /** Where to begin if the node knows no place: the newest record is `last`. Default `new`. */
  from?: 'first' | 'last' | 'new' | { readonly sequence: number } | { readonly time: number | Date };
  /** Only records whose first frame begins with this. */
  filter?: string | Uint8Array;
  /** Records that may be on the way or in work, not acknowledged. Default 1000. */
  credit?: number;
  /** A record not acknowledged for so long is delivered again; 0: never. Default 30000; live: 0. */
  ackTimeout?: number;
  /** After so many deliveries a record goes to the stream `deadLetter`. 0, the default: no limit. */
  maxDeliveries?: number;
  /** Default: the name of the stream and `.dead`. */
  deadLetter?: string;
  /** Aborted: the loop ends. */
  signal?: AbortSignal;
}

/** Verified, with the defaults. */
export interface Settings {
  readonly endpoints: readonly string[];
  readonly name: string;
  /** The name was given: it is the same the next time. */
  readonly named: boolean;
  readonly timeout: number;
  readonly heartbeat: number;
  readonly maxQueuedBytes: number;
  readonly publishTimeout: number;
  readonly reconnect: Required<ReconnectOptions>;
}

/** The longest that a timer can wait. */
const LONGEST = 0x7fff_ffff;

/** @throws ClientError ERR_OPTION */
export function verifyConnect(endpoint: string | readonly string[], options: ConnectOptions): Settings {
  const endpoints = typeof endpoint === 'string' ? [endpoint] : [...endpoint];
  if (endpoints.length === 0) throw wrong('an endpoint is needed, as tcp://127.0.0.1:5550');
  const { initial, max, attempts, failingAfter } = { ...RECONNECT, ...options.reconnect };
  return {
    endpoints,
    name: verifyName('name', options.name ?? `client-${Math.random().toString(36).slice(2, 12)}`),
    named: options.name !== undefined,
    timeout: whole('timeout', options.timeout ?? 10_000, 1, LONGEST),
    heartbeat: whole('heartbeat', options.heartbeat ?? 5000, 1, LONGEST),
    maxQueuedBytes: whole('maxQueuedBytes', options.maxQueuedBytes ?? 64 * 1024 * 1024, 0),
    publishTimeout: whole('publishTimeout', options.publishTimeout ?? 0, 0, LONGEST),
    reconnect: {
      initial: whole('reconnect.initial', initial, 0, LONGEST),
      max: whole('reconnect.max', max, 0, LONGEST),
      attempts: whole('reconnect.attempts', attempts, 0),
      failingAfter: whole('reconnect.failingAfter', failingAfter, 1),
    },
  };
}

/**
 * `named`: the client has a name of its own, not a random one.
 * @throws ClientError ERR_OPTION
 */
export function verifyConsume(stream: string, options: ConsumeOptions, named: boolean): ConsumeRequest {
  const { live = false, group } = options;
  const strategy = options.strategy ?? (group === undefined || live ? 'broadcast' : 'group');
  if (strategy !== 'broadcast' && strategy !== 'group' && strategy !== 'sharded')
    throw wrong(`strategy is broadcast, group or sharded, not ${String(strategy)}`);
  if (strategy !== 'broadcast' && group === undefined)
    throw wrong(`the strategy ${strategy} needs the option group`);
  if (strategy === 'broadcast' && group !== undefined && !named)
    throw wrong(
      'broadcast with a group needs the option name in connect: the node keeps the place under that name for good, and each start with a random one would leave another behind',
    );
  if (strategy !== 'broadcast' && live) throw wrong('live goes with the strategy broadcast only');
  return {
    stream,
    strategy,
    group: group === undefined ? null : verifyName('group', group),
    from: verifyFrom(options.from ?? 'new'),
    credit: whole('credit', options.credit ?? 1000, 1, LONGEST),
    ackTimeout: whole('ackTimeout', options.ackTimeout ?? (live ? 0 : 30_000), 0, LONGEST),
    maxDeliveries: whole('maxDeliveries', options.maxDeliveries ?? 0, 0, LONGEST),
    deadLetter: options.deadLetter === undefined ? null : verifyName('deadLetter', options.deadLetter),
    trace: true,
  };
}

/** @throws ClientError ERR_OPTION */
export function verifyName(what: string, name: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw wrong(`${what} has 1 to 64 letters, digits, ".", "_" or "-", not ${JSON.stringify(name)}`);
}

/** What stands in the place of a codec's options: the codec itself, as likely as not. */
export function verifyCodec<C extends { encode: unknown }>(options: { readonly codec: C } | null): C {
  const codec = options?.codec;
  if (typeof codec?.encode === 'function') return codec;
  throw wrong('stream() takes options with a codec: stream(name, { codec: json() })');
}

function verifyFrom(from: NonNullable<ConsumeOptions['from']>): From {
  if (from === 'first' || from === 'last' || from === 'new') return from;
  if (typeof from === 'object' && from !== null) {
    if ('sequence' in from) return { sequence: whole('from.sequence', from.sequence, 1) };
    if ('time' in from) return { time: whole('from.time', Number(from.time), 0) };
  }
  throw wrong('from is "first", "last", "new", { sequence } or { time }');
}

function whole(what: string, value: number, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw wrong(`${what} is a whole number of ${min} to ${max}, not ${String(value)}`);
}

function wrong(message: string): ClientError {
  return new ClientError('ERR_OPTION', message);
}
