// biome-ignore-all lint/suspicious/noUnsafeDeclarationMerging: the interfaces tell of the members that are mixed in below
/**
 * The socket types that are drafts in libzmq, with the signatures of zeromq.js. Their messages have one frame, and what
 * goes with it, a routing id or a group, travels as an object beside it.
 */

import { ZmqError } from '../errors.ts';
import { DatagramPattern, numberOf, PeerPattern, ServerPattern } from '../patterns/addressed.ts';
import { DishPattern, groupOf, RadioPattern } from '../patterns/radio-dish.ts';
import { ChannelPattern, ClientPattern, GatherPattern, ScatterPattern } from '../patterns/single.ts';
import {
  type Message,
  type MessageLike,
  mixReadable,
  mixWritable,
  type Readable,
  type ReceivingOptions,
  type Sendable,
  type SendingOptions,
  type Writable,
} from './messaging.ts';
import type { GeneralOptions } from './options.ts';
import { shapeReadable, shapeWritable } from './shapes.ts';
import { defineOptions, engineOf, Socket } from './socket.ts';
import type { Given, Only, PairOptions } from './types.ts';

type RadioOptions = GeneralOptions & SendingOptions & Only<'maxSubscriptions'>;
type DishOptions = GeneralOptions & ReceivingOptions;
type GatherOptions = GeneralOptions & ReceivingOptions & Only<'conflate'>;
type ScatterOptions = GeneralOptions & SendingOptions & Only<'conflate'>;

/** Which peer a message came from, or goes to. */
export interface ServerRoutingOptions {
  /** Number of the peer, 1 to 2^32 - 1; holds as long as its connection. */
  routingId: number;
}

/** The group that a message is sent to. */
export interface RadioGroupOptions {
  /** At most 255 octets, without a zero octet (what follows one is left out). */
  group: Buffer | string;
}

/** The group that a message came with. */
export interface DishGroupOptions {
  /** The very octets. */
  group: Buffer;
}

/**
 * Receives from any number of CLIENT sockets, and sends to the one that `routingId` names (RFC 41). A routing id that
 * nobody has: EHOSTUNREACH; a peer at its high-water mark: `send` waits.
 */
export class Server extends Socket {
  constructor(options?: Given<PairOptions>) {
    super('SERVER', (host) => new ServerPattern(host), options);
  }
}
export interface Server
  extends PairOptions,
    Readable<[Message, ServerRoutingOptions]>,
    Writable<MessageLike, [ServerRoutingOptions]> {}

/** Talks to SERVER sockets: sends round robin, receives fair-queued, in any order (RFC 41). */
export class Client extends Socket {
  constructor(options?: Given<PairOptions>) {
    super('CLIENT', (host) => new ClientPattern(host), options);
  }
}
export interface Client extends PairOptions, Readable<[Message]>, Writable<MessageLike> {}

/** Sends to all DISH sockets that joined the group; who does not keep up misses messages (RFC 48). */
export class Radio extends Socket {
  constructor(options?: Given<RadioOptions>) {
    super('RADIO', (host) => new RadioPattern(host), options);
  }
}
export interface Radio extends RadioOptions, Writable<MessageLike, [RadioGroupOptions]> {}

/** Receives what RADIO sockets send to the groups that it joined (RFC 48). */
export class Dish extends Socket {
  constructor(options?: Given<DishOptions>) {
    super('DISH', (host) => new DishPattern(host), options);
  }

  /** Joins groups. @throws ZmqError EINVAL for a group that is joined already, or of more than 255 octets. */
  join(...groups: (Buffer | string)[]): void {
    for (const group of groups) patternOf(this).join(group);
  }

  /** Leaves groups. @throws ZmqError EINVAL for a group that is not joined. */
  leave(...groups: (Buffer | string)[]): void {
    for (const group of groups) patternOf(this).leave(group);
  }
}
export interface Dish extends DishOptions, Readable<[Message, DishGroupOptions]> {}

/** Receives what SCATTER sockets send, fair-queued (RFC 49). */
export class Gather extends Socket {
  constructor(options?: Given<GatherOptions>) {
    super('GATHER', (host) => new GatherPattern(host), options);
  }
}
export interface Gather extends GatherOptions, Readable<[Message]> {}

/** Sends each message to one GATHER socket, round robin (RFC 49). */
export class Scatter extends Socket {
  constructor(options?: Given<ScatterOptions>) {
    super('SCATTER', (host) => new ScatterPattern(host), options);
  }
}
export interface Scatter extends ScatterOptions, Writable<MessageLike> {}

/** As Server among equals: each PEER socket talks to any number of others (RFC 51). */
export class Peer extends Socket {
  constructor(options?: Given<PairOptions>) {
    super('PEER', (host) => new PeerPattern(host), options);
  }

  /**
   * As `connect`; returns the routing id of the peer, which can be sent to at once.
   * @throws ZmqError EINVAL with `immediate`: there is no peer yet then.
   */
  connectPeer(address: string): number {
    const engine = engineOf(this);
    if (engine.options.immediate) {
      throw new ZmqError('EINVAL', { address, detail: 'connectPeer needs the option immediate to be false' });
    }
    this.connect(address);
    return (engine.pattern as PeerPattern).lastNumber;
  }
}
export interface Peer
  extends PairOptions,
    Readable<[Message, ServerRoutingOptions]>,
    Writable<MessageLike, [ServerRoutingOptions]> {}

/** As Pair, for messages of one frame (RFC 52). */
export class Channel extends Socket {
  constructor(options?: Given<PairOptions>) {
    super('CHANNEL', (host) => new ChannelPattern(host), options);
  }
}
export interface Channel extends PairOptions, Readable<[Message]>, Writable<MessageLike> {}

/**
 * Datagrams (UDP), as they are: a message is the address of a peer (`host:port`), then octets. Binds to `udp://host:port`;
 * nothing is promised of what is sent. libzmq ends the address with a zero octet, which may be there when sent.
 */
export class Datagram extends Socket {
  constructor(options?: Given<PairOptions>) {
    super('DGRAM', (host) => new DatagramPattern(host), options);
  }
}
export interface Datagram
  extends PairOptions,
    Readable<[Message, Message]>,
    Writable<[MessageLike, MessageLike]> {}

function patternOf(dish: Dish): DishPattern {
  const engine = engineOf(dish);
  if (engine.closed) throw new ZmqError('EBADF');
  return engine.pattern as DishPattern;
}

const ID_MAX = 0xffff_ffff;

/** As ROUTER keeps generated ids: a zero octet, then the number. */
function toPeer(message: MessageLike, options: unknown): Sendable {
  const { routingId } = checked<ServerRoutingOptions>(options);
  if (typeof routingId !== 'number') throw new TypeError('The option routingId must be a number');
  const known = Number.isInteger(routingId) && routingId > 0 && routingId <= ID_MAX;
  if (!known) throw new ZmqError('EHOSTUNREACH', { detail: `no peer has the routing id ${routingId}` });
  const id = Buffer.alloc(5);
  id.writeUInt32BE(routingId, 1);
  return [id, message];
}

function fromPeer([id, body]: Message[]): [Message, ServerRoutingOptions] {
  return [body!, { routingId: numberOf(id!) }];
}

function toGroup(message: MessageLike, options: unknown): Sendable {
  const { group } = checked<RadioGroupOptions>(options);
  if (typeof group !== 'string' && !Buffer.isBuffer(group)) {
    throw new TypeError('The option group must be a string or buffer');
  }
  return [Buffer.from(groupOf(group)), message];
}

function fromGroup([group, body]: Message[]): [Message, DishGroupOptions] {
  return [body!, { group: group! }];
}

function checked<T>(options: unknown): T {
  if (typeof options !== 'object' || options === null) throw new TypeError('Options must be an object');
  return options as T;
}

defineOptions(Server, 'SERVER');
defineOptions(Client, 'CLIENT');
defineOptions(Radio, 'RADIO');
defineOptions(Dish, 'DISH');
defineOptions(Gather, 'GATHER');
defineOptions(Scatter, 'SCATTER');
defineOptions(Peer, 'PEER');
defineOptions(Channel, 'CHANNEL');
defineOptions(Datagram, 'DGRAM');
for (const target of [Client, Scatter, Channel, Datagram]) mixWritable(target);
for (const target of [Client, Gather, Channel, Datagram]) mixReadable(target);
for (const target of [Server, Peer]) {
  shapeWritable(target, toPeer);
  shapeReadable(target, fromPeer);
}
shapeWritable(Radio, toGroup);
shapeReadable(Dish, fromGroup);
