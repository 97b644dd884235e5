/**
 * The specification of `sessions`.
 *
 * Guarantees: see table.ts, of which this is a part.
 */

import type { SessionsConfig } from '../types.ts';
import type { OptionalSectionSpec } from './kinds.ts';
import { COMMON, SECTION, WS_ORIGINS } from './kinds.ts';

export const SESSIONS: OptionalSectionSpec<SessionsConfig> = {
  ...SECTION,
  optional: true,
  description:
    'Where clients of the streams connect: `@zeroth/client`, or any program that speaks docs/wire.md. Without this key there are no sessions.',
  knownAs: ['session', 'clients', 'client'],
  keys: {
    bind: {
      ...COMMON,
      type: 'endpoints',
      role: 'bind',
      description:
        'Where to listen. One endpoint or a list. Port `*` or `0` lets the operating system choose a free one.',
      default: null,
      required: true,
      maxItems: 256,
      knownAs: ['listen', 'address', 'endpoint', 'endpoints'],
    },
    maxSessions: {
      ...COMMON,
      type: 'integer',
      description: 'Clients at one time; more are refused and try again later.',
      default: 10_000,
      unit: 'sessions',
      min: 1,
      max: 1_000_000,
      knownAs: ['maxclients', 'maxconnections', 'connectionlimit', 'maxpeers'],
    },
    maxMessageSize: {
      ...COMMON,
      type: 'size',
      description:
        'The largest message from a client, all its frames together. A client that sends a larger one is disconnected.',
      default: '64MiB',
      unit: 'bytes',
      min: '64KiB',
      // What a stream takes at most.
      max: '1GiB',
      knownAs: ['maxmsgsize', 'zmqmaxmsgsize', 'messagesize', 'maxsize', 'maxmessagebytes'],
    },
    heartbeatInterval: {
      ...COMMON,
      type: 'duration',
      description:
        'The longest heartbeat that a client may ask for. Who is not heard of for three heartbeats is taken to be gone.',
      default: '5s',
      unit: 'ms',
      min: '10ms',
      max: '1h',
      knownAs: ['heartbeativl', 'zmqheartbeativl', 'pinginterval', 'heartbeat'],
    },
    wsOrigins: { ...WS_ORIGINS, reloadable: false },
    ipv6: {
      ...COMMON,
      type: 'boolean',
      description: 'Allow IPv6 addresses. The host `*` then stands for both families.',
      default: false,
      reloadable: false,
      knownAs: ['zmqipv6', 'ip6', 'inet6'],
    },
  },
};
