/**
 * Socket options: names, types, defaults and limits of zeromq.js v6, in one table that drives defaults, checks
 * (option-checks.ts) and the properties of the socket classes. Options without a meaning outside libzmq's C are accepted
 * and kept, so that a program written for zeromq.js runs unchanged; they are marked.
 */
import type { WireSocketType } from '../zmtp/sockets.ts';

/** All options with their values. Times in milliseconds, sizes in octets, marks in messages. */
export interface OptionValues {
  /** Messages that may be queued to one peer. 0: any number. Default 1000. */
  sendHighWaterMark: number;
  /** Messages from one peer that may wait to be received. 0: any number. Default 1000. */
  receiveHighWaterMark: number;
  /** How long `send` waits for room; -1: as long as it takes. Default -1. */
  sendTimeout: number;
  /** How long `receive` waits for a message; -1: as long as it takes. Default -1. */
  receiveTimeout: number;
  /** How long `close` goes on sending what is queued; -1: until it is sent. Default 30000 (libzmq: -1). */
  linger: number;
  /** Delay before the first attempt to reconnect; -1: never reconnect. Default 100. */
  reconnectInterval: number;
  /** Up to where that delay doubles; 0: no doubling. Default 5000 (libzmq: 0). */
  reconnectMaxInterval: number;
  /** Share of the delay that is random, 0 to 1. Default 0.3. Ours. */
  reconnectJitter: number;
  /** Peers that may be connected to the bound endpoints at once; 0: any number. Default 0. Ours. */
  maxPeers: number;
  /**
   * PUB, XPUB: topics that one peer may subscribe to, a long one counted for each 256 octets; RADIO: groups that it may
   * join. For more it is refused.
   * 0: any number. Default 0. Ours.
   */
  maxSubscriptions: number;
  /** Limit for the frames of one received message together; -1: none (up to 2 GiB). Default -1. */
  maxMessageSize: number;
  /** How long a peer may take for the handshake. Default 30000. */
  handshakeInterval: number;
  /** Ping each peer this often; 0: not at all. Default 0. */
  heartbeatInterval: number;
  /** Give a peer up when nothing came this long after a ping; -1: `heartbeatInterval`. Default -1. */
  heartbeatTimeout: number;
  /** What the peer is told: give us up after this long without traffic; 0: nothing. Rounded to 100 ms. Default 0. */
  heartbeatTimeToLive: number;
  /** Give up an attempt to connect after this long; 0: the system's own limit. Default 0. */
  connectTimeout: number;
  /** Queue of connections not yet accepted. Default 100. */
  backlog: number;
  /** Queue messages only to peers that are connected, not to those that are being connected to. Default false. */
  immediate: boolean;
  /** Keep only the last message, in each direction. Default false. */
  conflate: boolean;
  /** IPv6 addresses and names; `*` binds both. Default: the context's. */
  ipv6: boolean;
  /** SO_KEEPALIVE: -1 the system's default, 0 off, 1 on. Default -1. */
  tcpKeepalive: number;
  /** Seconds until the first probe; -1: the system's default. */
  tcpKeepaliveIdle: number;
  /** The name by which a ROUTER knows this socket. Default null: it makes one up. */
  routingId: string | null;
  /** ROUTER: a message to nobody fails with EHOSTUNREACH, one to a full peer waits. Default false. */
  mandatory: boolean;
  /** ROUTER: a new peer takes over the routing id of an old one. Default false. */
  handover: boolean;
  /** Send an empty message to each new peer, so that a ROUTER learns of us. Default false. */
  probeRouter: boolean;
  /** REQ: number requests, and take only the reply with the right number. Default false. */
  correlate: boolean;
  /** REQ: a new request may be sent before the reply to the last came. Default false. */
  relaxed: boolean;
  /** PUB, XPUB: wait for room instead of dropping. Default false. */
  noDrop: boolean;
  /** XPUB: the application subscribes its peers itself. Default false. */
  manual: boolean;
  /** PUB, XPUB, SUB: what matches is what is not wanted. Default false. */
  invertMatching: boolean;
  /** XPUB: which subscriptions are received: first and last of each topic, all new ones, or all. Default null. */
  verbosity: null | 'allSubs' | 'allSubsUnsubs';
  /** XPUB: sent to each new subscriber. Default null. */
  welcomeMessage: string | null;
  /** STREAM: peers that come and go are told of by an empty message. Default true. */
  notify: boolean;
  /** Offers the PLAIN mechanism to those who connect, and takes their word to the ZAP handler (RFC 24). Default false. */
  plainServer: boolean;
  /** PLAIN, as a client. Default null. */
  plainUsername: string | null;
  /** PLAIN, as a client. Default null. */
  plainPassword: string | null;
  /** CURVE, as the server: `curveSecretKey` is its key (RFC 26). Default false. */
  curveServer: boolean;
  /** Our long-term public key: 40 characters of Z85, or 32 octets. Default null. */
  curvePublicKey: string | null;
  /** Our long-term secret key: 40 characters of Z85, or 32 octets. Default null. */
  curveSecretKey: string | null;
  /** CURVE, as a client: the public key of the server. Default null. */
  curveServerKey: string | null;
  /**
   * What the ZAP handler is told of this socket (RFC 27), at most 255 octets. Default null: with NULL nobody is asked, with PLAIN
   * and CURVE without a domain.
   */
  zapDomain: string | null;
  /**
   * As libzmq: where nobody is there to ask about `zapDomain`, nobody is let in; and with CURVE nobody is asked without a
   * `zapDomain`. PLAIN is always asked about. Default false.
   */
  zapEnforceDomain: boolean;
  /** wss, bound: the private key, PEM. Default null. libzmq: ZMQ_WSS_KEY_PEM. */
  wssKeyPem: string | null;
  /** wss, bound: the certificate, PEM. Default null. */
  wssCertPem: string | null;
  /** wss, connecting: certificates that are trusted, PEM; beside those of `wssTrustSystem`. Default null. */
  wssTrustPem: string | null;
  /** wss, connecting: the name that the certificate must have. Default null: that of the endpoint. */
  wssHostname: string | null;
  /**
   * wss, connecting: trust the authorities that Node knows (with a `wssTrustPem`: those that come with Node). Default true;
   * libzmq: false.
   */
  wssTrustSystem: boolean;
  /**
   * ws and wss, bound: web pages that may connect, by origin (`https://example.com`), separated by spaces; `*`: all. Default
   * null: pages of the host that they connect to; at a loopback or private address not by a public name, which could be
   * anybody's. Who is no browser sends no origin, and is let in. Ours.
   */
  wsOrigins: string | null;
  /** Kept, without effect: see the module comment. */
  affinity: number;
  rate: number;
  recoveryInterval: number;
  multicastHops: number;
  multicastMaxTransportDataUnit: number;
  sendBufferSize: number;
  receiveBufferSize: number;
  tcpKeepaliveCount: number;
  tcpKeepaliveInterval: number;
  tcpMaxRetransmitTimeout: number;
  tcpAcceptFilter: string | null;
  typeOfService: number;
  socksProxy: string | null;
  interface: string | null;
  loopbackFastPath: boolean;
  vmciBufferSize: number;
  vmciBufferMinSize: number;
  vmciBufferMaxSize: number;
  vmciConnectTimeout: number;
}

/** The name of an option, of whatever socket type. */
export type OptionName = keyof OptionValues;

/** Options of every socket. */
export type GeneralOptions = Omit<
  OptionValues,
  | 'sendHighWaterMark'
  | 'receiveHighWaterMark'
  | 'sendTimeout'
  | 'receiveTimeout'
  | 'sendBufferSize'
  | 'receiveBufferSize'
  | 'multicastHops'
  | 'conflate'
  | 'routingId'
  | 'mandatory'
  | 'handover'
  | 'probeRouter'
  | 'correlate'
  | 'relaxed'
  | 'noDrop'
  | 'manual'
  | 'invertMatching'
  | 'maxSubscriptions'
  | 'verbosity'
  | 'welcomeMessage'
  | 'notify'
>;

type Group = 'all' | 'send' | 'receive' | readonly WireSocketType[];

export interface OptionSpec {
  readonly kind: 'number' | 'boolean' | 'string' | 'key' | 'verbosity';
  readonly default: number | boolean | string | null;
  readonly on: Group;
  readonly min?: number;
  readonly max?: number;
}

/** Numbers without a limit of their own. */
export const INT_MAX = 0x7fff_ffff;
/** As near as a number comes to it. */
const UINT64_MAX = 2 ** 64;
const number = (value: number, on: Group, min = -1, max = INT_MAX): OptionSpec => ({
  kind: 'number',
  default: value,
  on,
  min,
  max,
});
const flag = (on: Group): OptionSpec => ({ kind: 'boolean', default: false, on });
const text = (on: Group): OptionSpec => ({ kind: 'string', default: null, on });
const key: OptionSpec = { kind: 'key', default: null, on: 'all' };

const CONFLATABLE: Group = ['PULL', 'PUSH', 'SUB', 'PUB', 'DEALER', 'SCATTER', 'GATHER'];

export const OPTIONS: Readonly<Record<OptionName, OptionSpec>> = {
  sendHighWaterMark: number(1000, 'send', 0),
  receiveHighWaterMark: number(1000, 'receive', 0),
  sendTimeout: number(-1, 'send'),
  receiveTimeout: number(-1, 'receive'),
  linger: number(30_000, 'all'),
  reconnectInterval: number(100, 'all'),
  reconnectMaxInterval: number(5000, 'all', 0),
  reconnectJitter: number(0.3, 'all', 0, 1),
  maxPeers: number(0, 'all', 0),
  maxSubscriptions: number(0, ['PUB', 'XPUB', 'RADIO'], 0),
  maxMessageSize: number(-1, 'all', -1, Number.MAX_SAFE_INTEGER),
  handshakeInterval: number(30_000, 'all', 0),
  heartbeatInterval: number(0, 'all', 0),
  heartbeatTimeout: number(-1, 'all'),
  heartbeatTimeToLive: number(0, 'all', 0, 6_553_599),
  connectTimeout: number(0, 'all', 0),
  backlog: number(100, 'all', 0),
  immediate: flag('all'),
  conflate: flag(CONFLATABLE),
  ipv6: flag('all'),
  tcpKeepalive: number(-1, 'all', -1, 1),
  tcpKeepaliveIdle: number(-1, 'all'),
  routingId: text(['REQ', 'REP', 'ROUTER', 'DEALER']),
  mandatory: flag(['ROUTER']),
  handover: flag(['ROUTER']),
  probeRouter: flag(['ROUTER', 'DEALER', 'REQ']),
  correlate: flag(['REQ']),
  relaxed: flag(['REQ']),
  noDrop: flag(['XPUB', 'PUB']),
  manual: flag(['XPUB']),
  invertMatching: flag(['PUB', 'SUB', 'XPUB']),
  verbosity: { kind: 'verbosity', default: null, on: ['XPUB'] },
  welcomeMessage: text(['XPUB']),
  notify: { kind: 'boolean', default: true, on: ['STREAM'] },
  plainServer: flag('all'),
  plainUsername: text('all'),
  plainPassword: text('all'),
  curveServer: flag('all'),
  curvePublicKey: key,
  curveSecretKey: key,
  curveServerKey: key,
  zapDomain: text('all'),
  zapEnforceDomain: flag('all'),
  wssKeyPem: text('all'),
  wssCertPem: text('all'),
  wssTrustPem: text('all'),
  wssHostname: text('all'),
  wssTrustSystem: { kind: 'boolean', default: true, on: 'all' },
  wsOrigins: text('all'),
  affinity: number(0, 'all', 0, UINT64_MAX),
  rate: number(100, 'all', 1),
  recoveryInterval: number(10_000, 'all', 0),
  multicastHops: number(1, 'send', 1),
  multicastMaxTransportDataUnit: number(1500, 'all', 1),
  sendBufferSize: number(-1, 'send'),
  receiveBufferSize: number(-1, 'receive'),
  tcpKeepaliveCount: number(-1, 'all'),
  tcpKeepaliveInterval: number(-1, 'all'),
  tcpMaxRetransmitTimeout: number(0, 'all', 0),
  tcpAcceptFilter: text('all'),
  typeOfService: number(0, 'all', 0),
  socksProxy: text('all'),
  interface: text('all'),
  loopbackFastPath: flag('all'),
  vmciBufferSize: number(0, 'all', 0, UINT64_MAX),
  vmciBufferMinSize: number(0, 'all', 0, UINT64_MAX),
  vmciBufferMaxSize: number(0, 'all', 0, UINT64_MAX),
  vmciConnectTimeout: number(-1, 'all'),
};

export const OPTION_NAMES: readonly OptionName[] = Object.keys(OPTIONS) as OptionName[];

const SENDERS: readonly WireSocketType[] = [
  'PAIR',
  'PUB',
  'REQ',
  'REP',
  'DEALER',
  'ROUTER',
  'PUSH',
  'XPUB',
  'XSUB',
  'STREAM',
  'SERVER',
  'CLIENT',
  'RADIO',
  'SCATTER',
  'PEER',
  'CHANNEL',
  'DGRAM',
];
const RECEIVERS: readonly WireSocketType[] = [
  'PAIR',
  'SUB',
  'REQ',
  'REP',
  'DEALER',
  'ROUTER',
  'PULL',
  'XPUB',
  'XSUB',
  'STREAM',
  'SERVER',
  'CLIENT',
  'DISH',
  'GATHER',
  'PEER',
  'CHANNEL',
  'DGRAM',
];

const AT_ONCE: ReadonlySet<OptionName> = new Set([
  'sendHighWaterMark',
  'receiveHighWaterMark',
  'sendTimeout',
  'receiveTimeout',
  'linger',
  'mandatory',
  'handover',
  'probeRouter',
  'correlate',
  'relaxed',
  'noDrop',
  'manual',
  'invertMatching',
  'verbosity',
  'welcomeMessage',
  'maxPeers',
  'maxSubscriptions',
  'reconnectInterval',
  'reconnectMaxInterval',
  'reconnectJitter',
  'heartbeatInterval',
  'heartbeatTimeout',
  'heartbeatTimeToLive',
  'maxMessageSize',
  // With the next connection, in either direction.
  'handshakeInterval',
  'tcpKeepalive',
  'tcpKeepaliveIdle',
  'wsOrigins',
  // Means nothing to an endpoint that is bound already.
  'backlog',
]);

/** Whether a change takes effect without another bind or connect. */
export function actsAtOnce(name: OptionName): boolean {
  return AT_ONCE.has(name);
}

/** Whether sockets of the type receive. */
export function receives(type: WireSocketType): boolean {
  return RECEIVERS.includes(type);
}

/** Whether sockets of the type send. */
export function sends(type: WireSocketType): boolean {
  return SENDERS.includes(type);
}

/** Whether sockets of the type have the option. */
export function applies(name: OptionName, type: WireSocketType): boolean {
  const { on } = OPTIONS[name];
  if (on === 'all') return true;
  return (on === 'send' ? SENDERS : on === 'receive' ? RECEIVERS : on).includes(type);
}

export function defaultOptions(): OptionValues {
  const values: Record<string, unknown> = {};
  for (const name of OPTION_NAMES) values[name] = OPTIONS[name].default;
  return values as unknown as OptionValues;
}
