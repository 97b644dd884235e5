/**
 * The specification of `source`: where the configuration comes from beside the file.
 *
 * Guarantees: see table.ts, of which this is a part.
 */

import type { SourceConfig } from '../types.ts';
import type { OptionalSectionSpec, RuleProblem, TextSpec } from './kinds.ts';
import { COMMON, SECTION } from './kinds.ts';

const TEXT: Omit<TextSpec, 'description'> = {
  ...COMMON,
  type: 'text',
  default: '',
  pattern: null,
  maxLength: 1024,
  computed: null,
};

/** NATS has a protocol of its own, the others speak HTTP. */
function urlFits(values: Readonly<Record<string, unknown>>): RuleProblem | null {
  const { kind, url } = values;
  if (typeof kind !== 'string' || typeof url !== 'string') return null;
  const schemes = kind === 'nats' ? ['nats://', 'tls://'] : ['http://', 'https://'];
  if (url.split(',').every((part) => schemes.some((scheme) => part.startsWith(scheme)))) return null;
  return {
    keys: ['url'],
    message: `for ${kind} a URL begins with ${schemes.join(' or ')}`,
    suggestion: null,
  };
}

function keyFits({ kind, key }: Readonly<Record<string, unknown>>): RuleProblem | null {
  if (kind !== 'nacos' || typeof key !== 'string' || !key.includes('/')) return null;
  return { keys: ['key'], message: 'a data id of Nacos has no "/"', suggestion: 'key: zeroth.yaml' };
}

export const SOURCE: OptionalSectionSpec<SourceConfig> = {
  ...SECTION,
  optional: true,
  reloadable: false,
  rules: [urlFits, keyFits],
  description:
    'A configuration centre. What stands there under `key` is a configuration like this file, followed as it changes; what this file says beside `source` counts above it, key by key, and so does what stands there under `nodes:` and the name of this node. Without this key the file is everything.',
  knownAs: ['centre', 'center', 'configcenter', 'remote', 'registry', 'include'],
  keys: {
    kind: {
      ...COMMON,
      type: 'choice',
      description: 'What is asked.',
      default: null,
      required: true,
      reloadable: false,
      choices: {
        nats: 'a key of a NATS JetStream key-value bucket',
        etcd: 'a key of etcd 3.4 or later',
        consul: 'a key of the key-value store of Consul',
        nacos: 'a configuration of Nacos: the key is its data id',
      },
      knownAs: ['type', 'provider', 'driver'],
    },
    url: {
      ...TEXT,
      description:
        'Where it is, with the scheme: `nats://127.0.0.1:4222`, `http://127.0.0.1:2379` (etcd), `http://127.0.0.1:8500` (Consul), `http://127.0.0.1:8848` (Nacos). Several servers of one centre are separated by commas.',
      default: null,
      required: true,
      reloadable: false,
      pattern: {
        source:
          '^(nats|tls|https?)://[^\\s@/,]+(/[^\\s@,]*)?(,(nats|tls|https?)://[^\\s@/,]+(/[^\\s@,]*)?)*$',
        allowed:
          'URLs with nats, tls, http or https, without user and password (they have keys of their own)',
      },
      knownAs: ['urls', 'address', 'endpoint', 'endpoints', 'server', 'servers', 'host'],
    },
    key: {
      ...TEXT,
      description: 'The key, or data id.',
      default: 'zeroth/config',
      reloadable: false,
      knownAs: ['path', 'dataid', 'name'],
    },
    bucket: {
      ...TEXT,
      description: 'NATS: the bucket. Nacos: the group.',
      default: 'zeroth',
      reloadable: false,
      knownAs: ['group'],
    },
    namespace: {
      ...TEXT,
      description: 'Nacos: the namespace id. Consul: the datacenter. Empty: the default one.',
      reloadable: false,
      knownAs: ['tenant', 'datacenter', 'dc'],
    },
    user: {
      ...TEXT,
      description: 'The user, where it asks for one.',
      reloadable: false,
      knownAs: ['username'],
    },
    password: {
      ...TEXT,
      description: 'The password of the user.',
      secret: true,
      reloadable: false,
      knownAs: ['pass', 'passwd'],
    },
    token: {
      ...TEXT,
      description: 'The token, where it asks for one (NATS, Consul).',
      secret: true,
      reloadable: false,
      knownAs: ['acltoken', 'authtoken'],
    },
    timeout: {
      ...COMMON,
      type: 'duration',
      description:
        'How long an answer may take before the next attempt. At the start the last good copy is used after this.',
      default: '5s',
      unit: 'ms',
      min: '100ms',
      max: '5m',
      reloadable: false,
      knownAs: ['connecttimeout', 'requesttimeout'],
    },
  },
};
