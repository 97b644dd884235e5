import { doesNotMatch, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceConfig } from '../../../src/config/types.ts';
import { openSource } from '../../../src/source/open.ts';
import { configOf } from '../../support/centre.ts';

const NAMES: readonly [SourceConfig['kind'], Partial<SourceConfig>, string][] = [
  ['nats', { url: 'nats://a:4222,tls://b' }, 'nats nats://a:4222,tls://b, bucket zeroth, key zeroth/config'],
  ['etcd', { url: 'http://a:2379/' }, 'etcd http://a:2379, key zeroth/config'],
  ['consul', { url: 'https://a', namespace: 'dc2' }, 'consul https://a, datacenter dc2, key zeroth/config'],
  [
    'nacos',
    { url: 'http://a:8848/base/', key: 'z.yaml', namespace: 'n' },
    'nacos http://a:8848/base, group zeroth, namespace n, data id z.yaml',
  ],
];

test('names say which key of which servers, and no secret', async () => {
  const secrets = { user: 'u', password: 'sesame', token: 'sesame' };
  for (const [kind, values, name] of NAMES) {
    equal((await openSource(configOf(kind, { ...values, ...secrets }))).name, name);
  }
  const { name } = await openSource(configOf('etcd', { url: 'http://a?token=sesame' }));
  doesNotMatch(name, /sesame/);
});

test('a URL of another kind of centre', async () => {
  for (const [kind, url] of [
    ['nats', 'http://a'],
    ['etcd', 'nats://a'],
    ['consul', 'http://a,nats://b'],
    ['nacos', 'http://'],
  ] as const) {
    const opening = openSource(configOf(kind, { url, key: 'key' }));
    await rejects(opening, { code: 'SOURCE_FAILED', message: /source\.url has to begin with/ }, url);
  }
});
