/**
 * The specification of every key of `zeroth.yaml`. One place: loading, defaults, checks, docs/config.md and the JSON
 * Schema all read this table.
 *
 * Guarantees: covers exactly the keys of {@link Config} (the compiler checks it); each default passes its own check
 * (test/unit/config/spec.test.ts).
 */

import type { Config, LogConfig, NodeConfig } from '../types.ts';
import { ADMIN } from './admin.ts';
import { HEALTH } from './health.ts';
import type { SectionSpec } from './kinds.ts';
import { COMMON, NAME_PATTERN, SECTION } from './kinds.ts';
import { ROUTES } from './routes.ts';
import { SESSIONS } from './sessions.ts';
import { SOURCE } from './source.ts';
import { STREAMS } from './streams.ts';
import { TELEMETRY } from './telemetry.ts';

/** A host name is longer and freer than a node name. */
function nameFromHost(hostName: string): string {
  const name = hostName.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 64);
  return new RegExp(NAME_PATTERN.source).test(name) ? name : 'node';
}

const NODE: SectionSpec<NodeConfig> = {
  ...SECTION,
  description: 'The node itself.',
  keys: {
    name: {
      ...COMMON,
      type: 'text',
      description: 'Name of this node in its log.',
      default: null,
      computed: { text: 'the host name', of: ({ hostName }) => nameFromHost(hostName) },
      pattern: NAME_PATTERN,
      maxLength: 64,
      reloadable: false,
      knownAs: ['id', 'nodename', 'hostname'],
    },
    dataDir: {
      ...COMMON,
      type: 'path',
      description:
        'Folder for the streams and the places of their readers. It is made when the first stream needs it, and one process at a time may use it. A relative path starts at the folder of the configuration file.',
      default: './data',
      reloadable: false,
      knownAs: ['datadirectory', 'datapath', 'storage'],
    },
    stopTimeout: {
      ...COMMON,
      type: 'duration',
      description:
        'How long a stop may take to deliver what the routes have accepted. What is left then is kept by a route with a `stream`; by any other it is lost, counted and reported.',
      default: '10s',
      unit: 'ms',
      min: '0s',
      max: '1h',
      knownAs: ['linger', 'shutdowntimeout', 'draintimeout'],
    },
    watch: {
      ...COMMON,
      type: 'boolean',
      description:
        'Load the file again when it has changed. Without it: `zeroth reload`, SIGHUP or the control API.',
      default: true,
      knownAs: ['reload', 'autoreload', 'reloadonchange', 'hotreload'],
    },
  },
};

const LOG: SectionSpec<LogConfig> = {
  ...SECTION,
  description: 'Logging, on standard error.',
  knownAs: ['logging', 'logs', 'logger'],
  keys: {
    level: {
      ...COMMON,
      type: 'choice',
      description: 'The least severe entries that are logged.',
      default: 'info',
      choices: {
        trace: 'everything, for the developers of the node',
        debug: 'each step, for looking into a problem',
        info: 'peers that come and go, changes of state',
        warn: 'refused peers, drops, anything that needs a look',
        error: 'something failed and the node goes on',
        fatal: 'only why the node ended',
        silent: 'nothing',
      },
      knownAs: ['severity', 'loglevel'],
    },
    format: {
      ...COMMON,
      type: 'choice',
      description: 'How entries are written.',
      default: 'auto',
      choices: {
        auto: '`pretty` on a terminal, `json` anywhere else',
        pretty: 'one coloured line each, for people',
        json: 'one JSON object per line, for programs',
      },
      reloadable: false,
      knownAs: ['style', 'logformat'],
    },
  },
};

export const SPEC: SectionSpec<Config> = {
  ...SECTION,
  description: 'The configuration of a Zeroth node.',
  keys: {
    node: NODE,
    log: LOG,
    routes: ROUTES,
    streams: STREAMS,
    sessions: SESSIONS,
    health: HEALTH,
    admin: ADMIN,
    telemetry: TELEMETRY,
    source: SOURCE,
  },
};
