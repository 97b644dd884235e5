/**
 * The specification of `admin`.
 *
 * Guarantees: see table.ts, of which this is a part.
 */

import { isLoopback, parseBind } from '../endpoint.ts';
import type { AdminConfig } from '../types.ts';
import type { RuleProblem, SectionSpec } from './kinds.ts';
import { COMMON, SECTION } from './kinds.ts';

/** Whoever can reach it can stop routes: beyond this machine it asks who it is. */
function protectedOutside(values: Readonly<Record<string, unknown>>): RuleProblem | null {
  const { bind, token, tokenFile } = values;
  if (!Array.isArray(bind) || (token ?? '') !== '' || (tokenFile ?? '') !== '') return null;
  const open = (bind as readonly string[]).find((text) => {
    const endpoint = parseBind(text);
    return endpoint !== null && endpoint.transport === 'tcp' && !isLoopback(endpoint.host);
  });
  if (open === undefined) return null;
  return {
    keys: ['bind'],
    message: `${open} can be reached from other machines, and there is no token`,
    suggestion: 'tokenFile: ./admin.secret',
  };
}

function oneToken(values: Readonly<Record<string, unknown>>): RuleProblem | null {
  if ((values.token ?? '') === '' || (values.tokenFile ?? '') === '') return null;
  return { keys: ['tokenFile', 'token'], message: 'the token stands in two places', suggestion: null };
}

/** HTTP is spoken over TCP and local sockets. */
function overStreams(values: Readonly<Record<string, unknown>>): RuleProblem | null {
  if (!Array.isArray(values.bind)) return null;
  const other = (values.bind as readonly string[]).find((text) => {
    const transport = parseBind(text)?.transport;
    return transport === 'inproc' || transport === 'ws';
  });
  if (other === undefined) return null;
  return { keys: ['bind'], message: `${other} can't be reached by HTTP: use tcp or ipc`, suggestion: null };
}

export const ADMIN: SectionSpec<AdminConfig> = {
  ...SECTION,
  description:
    'The control API: health, metrics, and what `zeroth status`, `reload`, `set`, `tap` … talk to, over HTTP. A local socket (on Windows a named pipe) that only the user of the node can open is always there.',
  knownAs: ['api', 'control', 'http', 'management', 'monitoring'],
  rules: [protectedOutside, oneToken, overStreams],
  keys: {
    bind: {
      ...COMMON,
      type: 'endpoints',
      role: 'bind',
      description:
        'Where to listen beside the local socket, for Prometheus, load balancers and browsers. Beyond this machine a token is needed. Without this key: nowhere.',
      default: null,
      maxItems: 16,
      knownAs: ['listen', 'address', 'endpoint', 'port'],
    },
    token: {
      ...COMMON,
      type: 'text',
      description:
        'Who sends `Authorization: Bearer TOKEN` may do everything over TCP. Without a token TCP shows health, metrics and the description of the API, and nothing else.',
      default: '',
      pattern: { source: '^[\\x21-\\x7e]{16,512}$', allowed: '16 to 512 printable characters, no space' },
      maxLength: 512,
      computed: null,
      secret: true,
      knownAs: ['password', 'secret', 'apikey', 'bearertoken'],
    },
    tokenFile: {
      ...COMMON,
      type: 'path',
      description: 'A file that holds the token, in place of `token`.',
      default: '',
      knownAs: ['passwordfile', 'secretfile'],
    },
    details: {
      ...COMMON,
      type: 'choice',
      description: 'Who sees the components in `/health`, and not just the verdict.',
      default: 'authorized',
      choices: {
        always: 'everybody',
        authorized: 'who has the token, or uses the local socket',
        never: 'nobody',
      },
      knownAs: ['showdetails', 'verbosity'],
    },
  },
};
