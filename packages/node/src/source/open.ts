/**
 * A configuration -> its source.
 *
 * Guarantees: loads what is of that kind of centre, and nothing else; asks nobody yet. The name has the servers without
 * what may follow their path, and tells sources apart that hold different things.
 */

import type { SourceConfig } from '../config/types.ts';
import type { Centre } from './follow.ts';
import { sourceOf } from './follow.ts';
import type { Source } from './source.ts';
import { sourceFailed } from './source.ts';

/** @throws ZerothError SOURCE_FAILED: the URL or the key can't be one of this kind. */
export async function openSource(config: SourceConfig): Promise<Source> {
  return sourceOf(await open(config), config.timeout);
}

async function open(config: SourceConfig): Promise<Centre> {
  const servers = serversOf(config);
  const name = nameOf(config, servers);
  switch (config.kind) {
    case 'nats':
      return (await import('./nats.ts')).nats(config, name, servers);
    case 'etcd':
      return (await import('./etcd.ts')).etcd(config, name, servers);
    case 'consul':
      return (await import('./consul.ts')).consul(config, name, servers);
    case 'nacos':
      return (await import('./nacos.ts')).nacos(config, name, servers);
  }
}

/** Without a slash at the end. */
function serversOf({ kind, url }: SourceConfig): readonly string[] {
  const schemes = kind === 'nats' ? ['nats:', 'tls:'] : ['http:', 'https:'];
  return url.split(',').map((part) => {
    const parsed = URL.canParse(part) ? new URL(part) : null;
    if (parsed === null || !schemes.includes(parsed.protocol)) {
      const allowed = schemes.map((scheme) => `${scheme}//`).join(' or ');
      throw sourceFailed(kind, `source.url has to begin with ${allowed} for ${kind}`);
    }
    return `${parsed.protocol}//${parsed.host}${parsed.pathname}`.replace(/\/+$/, '');
  });
}

function nameOf({ kind, key, bucket, namespace }: SourceConfig, servers: readonly string[]): string {
  const parts = [`${kind} ${servers.join(',')}`];
  if (kind === 'nats') parts.push(`bucket ${bucket}`);
  if (kind === 'nacos') parts.push(`group ${bucket}`);
  if (kind === 'nacos' && namespace !== '') parts.push(`namespace ${namespace}`);
  if (kind === 'consul' && namespace !== '') parts.push(`datacenter ${namespace}`);
  parts.push(`${kind === 'nacos' ? 'data id' : 'key'} ${key}`);
  return parts.join(', ');
}
