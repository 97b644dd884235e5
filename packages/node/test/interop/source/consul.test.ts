/** Consul, against a stand-in written from its documentation (support/consul-server.ts). */
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { openSource } from '../../../src/source/open.ts';
import type { TestCentre } from '../../support/centre.ts';
import { configOf, Follower } from '../../support/centre.ts';
import { centreSuite, refused } from '../../support/centre-suite.ts';
import { ConsulServer } from '../../support/consul-server.ts';
import { freePort } from '../../support/port.ts';

const options = { timeout: 120_000 };
const { signal: never } = new AbortController();

interface Consul extends TestCentre {
  readonly server: ConsulServer;
}

async function launch(t: TestContext): Promise<Consul> {
  const port = await freePort();
  const server = new ConsulServer(t, port);
  await server.start();
  const url = `http://127.0.0.1:${port}`;
  const config = configOf('consul', { url });
  const send = async (method: string, body?: string | Uint8Array): Promise<void> => {
    const answer = await fetch(`${url}/v1/kv/${config.key}`, {
      method,
      headers: { connection: 'close' },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    });
    equal(await answer.text(), 'true');
  };
  return {
    server,
    config,
    put: (value) => send('PUT', value),
    remove: () => send('DELETE'),
    kill: () => server.kill(),
    start: () => server.start(),
  };
}

centreSuite('Consul (stand-in)', { skip: false, wayOut: /consul kv put zeroth\/config @/, launch });

test('the index of the last answer is asked for, and one that goes back begins at 0', options, async (t) => {
  const { config, put, server } = await launch(t);
  await put('one');
  const follower = new Follower(t, await openSource(config));
  await follower.until('one');
  await put('two');
  await follower.until('one', 'two');
  deepEqual(server.indexes.slice(0, 2), ['0', '11']);
  server.restore(config.key, 'older');
  await follower.until('one', 'two', 'older');
  await put('newer');
  await follower.until('older', 'newer');
  const back = server.indexes.lastIndexOf('0');
  ok(back > 1, `asked with ${server.indexes.join(', ')}`);
});

test('an empty value is an empty text', options, async (t) => {
  const { config, put } = await launch(t);
  await put('');
  equal((await (await openSource(config)).read(never)).text, '');
});

test('a token, a wrong one, and none; another datacenter', options, async (t) => {
  const { config, put, server } = await launch(t);
  await put('one');
  await refused({ ...config, namespace: 'dc2' }, /500: No path to datacenter/);
  server.token = 'sesame-1';
  await refused(config, /403: Permission denied/);
  await refused({ ...config, token: 'sesame-0' }, /403: ACL not found/);
  const source = await openSource({ ...config, token: 'sesame-1', namespace: 'dc1' });
  equal((await source.read(never)).text, 'one');
});
