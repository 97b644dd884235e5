/**
 * The specification of `routes`. Names of keys are those of the socket options, as in zeromq.js.
 *
 * Guarantees: see table.ts, of which this is a part.
 */

import type { RouteConfig, RouteSettings, SideConfig } from '../types.ts';
import { formatDuration, formatSize } from '../units.ts';
import type { EndpointsSpec, EntriesSpec, RuleProblem, SectionSpec } from './kinds.ts';
import { COMMON, NAME_PATTERN, SECTION, WS_ORIGINS } from './kinds.ts';
import { RECORD_MAX, STREAM_KEYS } from './streams.ts';

const ENDPOINTS: Pick<EndpointsSpec, 'type' | 'default' | 'maxItems'> = {
  type: 'endpoints',
  default: null,
  maxItems: 256,
};

function side(description: string): SectionSpec<SideConfig> {
  return {
    ...SECTION,
    description,
    required: true,
    atLeastOneOf: ['bind', 'connect'],
    keys: {
      bind: {
        ...COMMON,
        ...ENDPOINTS,
        role: 'bind',
        description:
          'Where to listen. One endpoint or a list. Port `*` or `0` lets the operating system choose a free one.',
        knownAs: ['listen', 'address', 'endpoint', 'endpoints'],
      },
      connect: {
        ...COMMON,
        ...ENDPOINTS,
        role: 'connect',
        description:
          'Where to connect to, and again whenever the connection is lost. One endpoint or a list.',
        knownAs: ['dial', 'remote', 'peer', 'peers', 'server', 'servers'],
      },
    },
  };
}

function backoffOrder(values: Readonly<Record<string, unknown>>): RuleProblem | null {
  const { reconnectInterval: first, reconnectMaxInterval: most } = values;
  if (typeof first !== 'number' || typeof most !== 'number' || most === 0 || most >= first) return null;
  return {
    keys: ['reconnectMaxInterval', 'reconnectInterval'],
    message: `reconnectMaxInterval, which is ${formatDuration(most)}, is less than reconnectInterval, which is ${formatDuration(first)}`,
    suggestion: `reconnectMaxInterval: ${formatDuration(first)}`,
  };
}

function keepsWhatPasses(values: Readonly<Record<string, unknown>>): RuleProblem | null {
  if (values.pattern !== 'reqrep' || (values.stream ?? null) === null) return null;
  return {
    keys: ['stream'],
    message: 'a reqrep route has no stream: a reply belongs to a requester that waits for it',
    suggestion: null,
  };
}

function awaitsReplies(values: Readonly<Record<string, unknown>>): RuleProblem | null {
  const { pattern, timeout } = values;
  if (pattern === undefined || pattern === 'reqrep' || typeof timeout !== 'number' || timeout === 0)
    return null;
  return { keys: ['timeout'], message: 'only a reqrep route waits for answers', suggestion: null };
}

function fitsStream(values: Readonly<Record<string, unknown>>): RuleProblem | null {
  const { maxMessageSize: size, stream } = values;
  if ((stream ?? null) === null || typeof size !== 'number' || size <= RECORD_MAX) return null;
  return {
    keys: ['maxMessageSize', 'stream'],
    message: `a stream takes messages of ${formatSize(RECORD_MAX)} at most`,
    suggestion: `maxMessageSize: ${formatSize(RECORD_MAX)}`,
  };
}

const ROUTE: SectionSpec<RouteSettings> = {
  ...SECTION,
  description: 'One route. The options count for the sockets of both sides.',
  rules: [backoffOrder, keepsWhatPasses, awaitsReplies, fitsStream],
  keys: {
    pattern: {
      ...COMMON,
      type: 'choice',
      description: 'How messages travel.',
      default: null,
      required: true,
      choices: {
        pubsub: 'publishers at the frontend (XSUB), subscribers at the backend (XPUB)',
        reqrep: 'requesters at the frontend (ROUTER), repliers at the backend (DEALER)',
        pipeline: 'pushers at the frontend (PULL), pullers at the backend (PUSH)',
      },
      knownAs: ['type', 'kind', 'mode'],
    },
    frontend: side('The side that messages, or requests, come from.'),
    backend: side('The side that messages, or requests, go to.'),
    sendHighWaterMark: {
      ...COMMON,
      type: 'integer',
      description:
        'Messages that may wait to be sent to one peer. At the mark `pipeline` and requests wait; `pubsub` and replies to a requester that does not read are dropped and counted. 0: unlimited.',
      default: 1000,
      unit: 'messages',
      min: 0,
      max: 1_000_000_000,
      knownAs: ['sndhwm', 'zmqsndhwm', 'hwm', 'highwatermark', 'sendhwm'],
    },
    receiveHighWaterMark: {
      ...COMMON,
      type: 'integer',
      description:
        'Messages from one peer that may wait to be forwarded. At the mark the node stops reading from that peer. 0: unlimited.',
      default: 1000,
      unit: 'messages',
      min: 0,
      max: 1_000_000_000,
      knownAs: ['rcvhwm', 'zmqrcvhwm', 'recvhwm', 'receivehwm'],
    },
    maxMessageSize: {
      ...COMMON,
      type: 'size',
      description:
        'The largest message, all its frames together. A peer that sends a larger one is disconnected.',
      default: '64MiB',
      unit: 'bytes',
      min: '1B',
      max: '2GiB',
      knownAs: ['maxmsgsize', 'zmqmaxmsgsize', 'messagesize', 'maxsize', 'maxmessagebytes'],
    },
    maxPeers: {
      ...COMMON,
      type: 'integer',
      description: 'Peers that may be connected to each side at one time; more are refused. 0: unlimited.',
      default: 10_000,
      unit: 'peers',
      min: 0,
      max: 1_000_000,
      knownAs: ['maxconnections', 'maxclients', 'connectionlimit'],
    },
    heartbeatInterval: {
      ...COMMON,
      type: 'duration',
      description: 'How often a silent peer is pinged. `0s`: never.',
      default: '10s',
      unit: 'ms',
      min: '0s',
      max: '1h',
      knownAs: ['heartbeativl', 'zmqheartbeativl', 'pinginterval', 'heartbeat'],
    },
    heartbeatTimeout: {
      ...COMMON,
      type: 'duration',
      description:
        'How long a pinged peer may stay silent before it is disconnected. Before that, after `health.missedHeartbeats`, it gets nothing more.',
      default: '60s',
      unit: 'ms',
      min: '10ms',
      max: '1h',
      knownAs: ['zmqheartbeattimeout', 'pingtimeout', 'pongtimeout'],
    },
    timeout: {
      ...COMMON,
      type: 'duration',
      description:
        'For `reqrep`: a replier that has had a request for so long and answers nothing gets no further requests until it does. `0s`: no limit.',
      default: '0s',
      unit: 'ms',
      min: '0s',
      max: '1d',
      knownAs: ['requesttimeout', 'replytimeout', 'responsetimeout', 'deadline'],
    },
    handshakeInterval: {
      ...COMMON,
      type: 'duration',
      description: 'How long a new peer may take for the ZMTP handshake before it is disconnected.',
      default: '30s',
      unit: 'ms',
      min: '10ms',
      max: '10m',
      knownAs: ['handshakeivl', 'zmqhandshakeivl', 'handshaketimeout', 'handshake'],
    },
    reconnectInterval: {
      ...COMMON,
      type: 'duration',
      description: 'The wait before a lost connection is tried again.',
      default: '100ms',
      unit: 'ms',
      min: '1ms',
      max: '1h',
      knownAs: ['reconnectivl', 'zmqreconnectivl', 'retryinterval', 'reconnect'],
    },
    reconnectMaxInterval: {
      ...COMMON,
      type: 'duration',
      description:
        'The wait doubles with each attempt that fails, up to this. `0s`: it does not grow. Each wait varies at random, so that peers do not return all at once.',
      default: '10s',
      unit: 'ms',
      min: '0s',
      max: '1d',
      knownAs: ['reconnectivlmax', 'zmqreconnectivlmax', 'maxreconnectinterval', 'reconnectintervalmax'],
    },
    wsOrigins: WS_ORIGINS,
    ipv6: {
      ...COMMON,
      type: 'boolean',
      description:
        'Allow IPv6 addresses, and names that lead to them. The host `*` then stands for both families.',
      default: false,
      knownAs: ['zmqipv6', 'ip6', 'inet6'],
    },
    tcpKeepalive: {
      ...COMMON,
      type: 'boolean',
      description:
        'Ask the operating system for TCP keep-alive probes. Heartbeats find dead peers sooner; this is for peers that know no heartbeats.',
      default: false,
      knownAs: ['zmqtcpkeepalive', 'keepalive', 'sokeepalive'],
    },
    tcpKeepaliveIdle: {
      ...COMMON,
      type: 'duration',
      description:
        'Silence before the first TCP keep-alive probe, in whole seconds. `0s`: the setting of the operating system.',
      default: '0s',
      unit: 'ms',
      min: '0s',
      max: '1d',
      knownAs: ['zmqtcpkeepaliveidle', 'keepaliveidle', 'keepalivetime'],
    },
    stream: {
      ...SECTION,
      optional: true,
      description:
        'For `pipeline` and `pubsub`: keeps what passes in a durable stream that has the name of the route, and forwards what is kept. A `pipeline` whose consumers are away fills the stream, and goes on where it stood when they come or the node starts again. A `pubsub` subscribes to everything. Without this key nothing is kept; `stream: {}` keeps with the defaults.',
      knownAs: ['durable', 'persist', 'persistent', 'store', 'streams', 'keep'],
      keys: STREAM_KEYS,
    },
  },
};

export const ROUTES: EntriesSpec<Omit<RouteConfig, 'name'>> = {
  ...COMMON,
  type: 'entries',
  description: 'What is forwarded. Each key is the name of a route, as it stands in the log.',
  noun: 'route',
  namePattern: NAME_PATTERN,
  maxEntries: 1000,
  entry: ROUTE,
  knownAs: ['route'],
};
