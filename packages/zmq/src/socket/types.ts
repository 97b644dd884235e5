// biome-ignore-all lint/suspicious/noUnsafeDeclarationMerging: the interfaces tell of the members that are mixed in below
/** The socket types. Each has the options of its type as properties; see options.ts for their meaning. */
import { StreamPattern } from '../patterns/addressed.ts';
import { EMPTY } from '../patterns/message.ts';
import { PairPattern } from '../patterns/pair.ts';
import { DealerPattern, PullPattern, PushPattern } from '../patterns/pipeline.ts';
import { PublisherPattern } from '../patterns/publish.ts';
import { ReplyPattern, RequestPattern } from '../patterns/reqrep.ts';
import { RouterPattern } from '../patterns/router.ts';
import { SubscriberPattern, XSubscriberPattern } from '../patterns/subscribe.ts';
import { XPublisherPattern } from '../patterns/xpublish.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import {
  type Message,
  type MessageLike,
  mixReadable,
  mixWritable,
  type Readable,
  type ReceivingOptions,
  type SendingOptions,
  type Writable,
} from './messaging.ts';
import { checkOption } from './option-checks.ts';
import type { GeneralOptions, OptionName, OptionValues } from './options.ts';
import { type CommonOptions, defineOptions, engineOf, Socket } from './socket.ts';

/** @internal */
export type Only<K extends OptionName> = Pick<OptionValues, K>;

/** @internal */
export type PairOptions = GeneralOptions & SendingOptions & ReceivingOptions;
type PublisherOptions = GeneralOptions &
  SendingOptions &
  Only<'noDrop' | 'conflate' | 'invertMatching' | 'maxSubscriptions'>;
type SubscriberOptions = GeneralOptions & ReceivingOptions & Only<'conflate' | 'invertMatching'>;
type RequestOptions = PairOptions & Only<'routingId' | 'probeRouter' | 'correlate' | 'relaxed'>;
type ReplyOptions = PairOptions & Only<'routingId'>;
type DealerOptions = PairOptions & Only<'routingId' | 'probeRouter' | 'conflate'>;
type RouterOptions = PairOptions & Only<'routingId' | 'probeRouter' | 'mandatory' | 'handover'>;
type PullOptions = GeneralOptions & ReceivingOptions & Only<'conflate'>;
type PushOptions = GeneralOptions & SendingOptions & Only<'conflate'>;
type StreamOptions = PairOptions & Only<'notify'>;
type XPublisherOptions = PairOptions &
  Only<'noDrop' | 'manual' | 'welcomeMessage' | 'invertMatching' | 'verbosity' | 'maxSubscriptions'>;

// The classes below take their option properties and methods from the interfaces of the same name; `define` puts them
// on the prototypes.
/** @internal */
export type Given<T> = Partial<T> & CommonOptions;

type Same<X, Y, Then, Else> =
  (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? Then : Else;

/** The names of what can be set and is no method. */
type WritableKeys<T> = {
  [P in keyof T]-?: T[P] extends (...args: never[]) => unknown
    ? never
    : Same<{ [Q in P]: T[P] }, { -readonly [Q in P]: T[P] }, P, never>;
}[keyof T];

/** The options that the constructor of a socket class takes: what can be set of it, as in zeromq.js. */
export type SocketOptions<S extends Socket> = Partial<Pick<S, WritableKeys<S>>> & CommonOptions;

/** Exclusive pair (RFC 31): one peer at a time, both send and receive. */
export class Pair extends Socket {
  constructor(options?: Given<PairOptions>) {
    super('PAIR', (host) => new PairPattern(host), options);
  }
}
export interface Pair extends PairOptions, Writable, Readable {}

/** Publishes to subscribers (RFC 29); who does not keep up misses messages, which are counted in `stats`. */
export class Publisher extends Socket {
  constructor(options?: Given<PublisherOptions>) {
    super('PUB', (host) => new PublisherPattern(host), options);
  }
}
export interface Publisher extends PublisherOptions, Writable {}

/** Receives what publishers send, by prefix of the first frame (RFC 29). */
export class Subscriber extends Socket {
  constructor(options?: Given<SubscriberOptions>) {
    super('SUB', (host) => new SubscriberPattern(host), options);
  }

  /** Subscribes to prefixes; without arguments to everything. Each call counts, and needs an `unsubscribe`. */
  subscribe(...prefixes: (Buffer | string)[]): void {
    const pattern = engineOf(this).pattern as SubscriberPattern;
    for (const prefix of orEverything(prefixes)) pattern.subscribe(Buffer.from(prefix as string));
  }

  /** Takes back one `subscribe` of each prefix. */
  unsubscribe(...prefixes: (Buffer | string)[]): void {
    const pattern = engineOf(this).pattern as SubscriberPattern;
    for (const prefix of orEverything(prefixes)) pattern.unsubscribe(Buffer.from(prefix as string));
  }
}
export interface Subscriber extends SubscriberOptions, Readable {}

/** Sends a request, then receives its reply (RFC 28). */
export class Request extends Socket {
  constructor(options?: Given<RequestOptions>) {
    super('REQ', (host) => new RequestPattern(host), options);
  }
}
export interface Request extends RequestOptions, Writable, Readable {}

/** Receives a request, then sends its reply (RFC 28). */
export class Reply extends Socket {
  constructor(options?: Given<ReplyOptions>) {
    super('REP', (host) => new ReplyPattern(host), options);
  }
}
export interface Reply extends ReplyOptions, Writable, Readable {}

/** Sends round robin and receives fair-queued, any number at a time (RFC 28). */
export class Dealer extends Socket {
  constructor(options?: Given<DealerOptions>) {
    super('DEALER', (host) => new DealerPattern(host), options);
  }
}
export interface Dealer extends DealerOptions, Writable, Readable {}

/** What `connect` of a Router may be told. */
export interface RouterConnectOptions {
  /** The name by which this peer is sent to, in place of its own. */
  routingId?: string;
}

/** Sends to the peer that the first frame names, and receives with the sender's name in front (RFC 28). */
export class Router extends Socket {
  constructor(options?: Given<RouterOptions>) {
    super('ROUTER', (host) => new RouterPattern(host), options);
  }

  override connect(address: string, options: RouterConnectOptions = {}): void {
    connectAs(this, address, options);
  }
}
export interface Router extends RouterOptions, Writable, Readable {}

/** Receives what PUSH sockets send, fair-queued (RFC 30). */
export class Pull extends Socket {
  constructor(options?: Given<PullOptions>) {
    super('PULL', (host) => new PullPattern(host), options);
  }
}
export interface Pull extends PullOptions, Readable {}

/** Sends each message to one PULL socket, round robin (RFC 30). */
export class Push extends Socket {
  constructor(options?: Given<PushOptions>) {
    super('PUSH', (host) => new PushPattern(host), options);
  }
}
export interface Push extends PushOptions, Writable {}

/** As Publisher; receives subscriptions as messages: 1 or 0, then the topic (RFC 29). */
export class XPublisher extends Socket {
  constructor(options?: Given<XPublisherOptions>) {
    super('XPUB', (host) => new XPublisherPattern(host), options);
  }

  /** With `manual`: subscribes the peer that the last received message came from. */
  subscribe(...prefixes: (Buffer | string)[]): void {
    const pattern = engineOf(this).pattern as XPublisherPattern;
    for (const prefix of orEverything(prefixes)) pattern.decide(Buffer.from(prefix as string), true);
  }

  /** With `manual`: takes back one subscription of that peer. */
  unsubscribe(...prefixes: (Buffer | string)[]): void {
    const pattern = engineOf(this).pattern as XPublisherPattern;
    for (const prefix of orEverything(prefixes)) pattern.decide(Buffer.from(prefix as string), false);
  }
}
export interface XPublisher extends XPublisherOptions, Writable, Readable {}

/** As Subscriber; subscribes by sending messages: 1 or 0, then the topic (RFC 29). */
export class XSubscriber extends Socket {
  constructor(options?: Given<PairOptions>) {
    super('XSUB', (host) => new XSubscriberPattern(host), options);
  }
}
export interface XSubscriber extends PairOptions, Writable, Readable {}

/** What `connect` of a Stream may be told. */
export interface StreamConnectOptions {
  /** The name by which this peer is sent to. Default: five octets that the first notice tells. */
  routingId?: string;
}

/**
 * Talks to programs that are no ZeroMQ, over tcp and ipc: octets as they are. A message is the routing id of a peer, then
 * octets; an empty one tells that the peer came or went (see `notify`), and closes it when sent.
 */
export class Stream extends Socket {
  constructor(options?: Given<StreamOptions>) {
    super('STREAM', (host) => new StreamPattern(host), options);
  }

  /** As `connect` of all sockets. A `routingId` that is in use: EINVAL. */
  override connect(address: string, options: StreamConnectOptions = {}): void {
    connectAs(this, address, options);
  }
}
export interface Stream
  extends StreamOptions,
    Writable<[MessageLike, MessageLike]>,
    Readable<[Message, Message]> {}

function connectAs(socket: Socket, address: string, { routingId }: { routingId?: string }): void {
  const id = routingId ? Buffer.from(checkOption('routingId', routingId) as string) : null;
  engineOf(socket).endpoints.connect(address, id);
}

function orEverything(prefixes: (Buffer | string)[]): (Buffer | string)[] {
  return prefixes.length === 0 ? [EMPTY] : prefixes;
}

const TYPES: readonly [{ prototype: Socket }, WireSocketType][] = [
  [Pair, 'PAIR'],
  [Publisher, 'PUB'],
  [Subscriber, 'SUB'],
  [Request, 'REQ'],
  [Reply, 'REP'],
  [Dealer, 'DEALER'],
  [Router, 'ROUTER'],
  [Pull, 'PULL'],
  [Push, 'PUSH'],
  [XPublisher, 'XPUB'],
  [XSubscriber, 'XSUB'],
  [Stream, 'STREAM'],
];
for (const [target, type] of TYPES) defineOptions(target, type);
for (const target of [Pair, Publisher, Request, Reply, Dealer, Router, Push, XPublisher, XSubscriber, Stream])
  mixWritable(target);
for (const target of [
  Pair,
  Subscriber,
  Request,
  Reply,
  Dealer,
  Router,
  Pull,
  XPublisher,
  XSubscriber,
  Stream,
])
  mixReadable(target);
