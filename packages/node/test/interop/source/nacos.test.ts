/** Nacos, against a stand-in written from its documentation (support/nacos-server.ts). */
import { equal, ok, rejects } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { SourceConfig } from '../../../src/config/types.ts';
import { openSource } from '../../../src/source/open.ts';
import type { TestCentre } from '../../support/centre.ts';
import { configOf, eventually, Follower } from '../../support/centre.ts';
import { centreSuite, refused } from '../../support/centre-suite.ts';
import { NacosServer } from '../../support/nacos-server.ts';
import { freePort } from '../../support/port.ts';

const options = { timeout: 120_000 };
const { signal: never } = new AbortController();

interface Nacos extends TestCentre {
  readonly server: NacosServer;
}

async function launch(t: TestContext, values: Partial<SourceConfig> = {}): Promise<Nacos> {
  const port = await freePort();
  const server = new NacosServer(t, port);
  await server.start();
  const url = `http://127.0.0.1:${port}`;
  const config = configOf('nacos', { url, key: 'zeroth.yaml', ...values });
  const { key, bucket, namespace } = config;
  return {
    server,
    config,
    put: async (value) => server.publish(key, bucket, namespace, Buffer.from(value)),
    remove: async () => {
      const query = new URLSearchParams({ dataId: key, group: bucket, tenant: namespace });
      const answer = await fetch(`${url}/nacos/v1/cs/configs?${query}`, {
        method: 'DELETE',
        headers: { connection: 'close' },
      });
      equal(await answer.text(), 'true');
    },
    kill: () => server.kill(),
    start: () => server.start(),
  };
}

centreSuite('Nacos (stand-in)', {
  skip: false,
  wayOut: /curl -X POST .* -d dataId=zeroth\.yaml -d group=zeroth /,
  launch: (t) => launch(t),
});

test('a namespace', options, async (t) => {
  const { config, put } = await launch(t, { namespace: 'b9c2' });
  await put('one');
  const follower = new Follower(t, await openSource(config));
  await follower.until('one');
  await put('two');
  await follower.until('one', 'two');
  await rejects((await openSource({ ...config, namespace: '' })).read(never), {
    code: 'SOURCE_KEY_MISSING',
  });
});

test('user and password, wrong ones, and a token that is not good any more', options, async (t) => {
  const { config, put, server } = await launch(t);
  await put('one');
  server.password = 'sesame-1';
  await refused(config, /403: .*token invalid!/);
  await refused({ ...config, user: 'nacos', password: 'sesame-0' }, /403: .*unknown user!/);
  const good = { ...config, user: 'nacos', password: 'sesame-1' };
  const follower = new Follower(t, await openSource(good));
  await follower.until('one');
  const { logins } = server;
  await eventually('a question', () => server.polls > 0);
  server.tokens.clear();
  await put('two');
  await follower.until('one', 'two');
  equal(server.logins, logins + 1);
});

test('a server that does not hold questions is not asked all the time', options, async (t) => {
  const { config, put, server } = await launch(t);
  server.hold = false;
  await put('one');
  const follower = new Follower(t, await openSource(config));
  await follower.until('one');
  await eventually('the free questions', () => server.polls >= 5);
  const polls = server.polls;
  await put('two');
  await follower.until('one', 'two');
  ok(server.polls <= polls + 2, `${server.polls - polls} questions until the next change was seen`);
});

test('a key that can be no data id is refused before anybody is asked', options, async () => {
  const config = configOf('nacos', { url: 'http://127.0.0.1:1', key: 'zeroth/config' });
  await rejects(openSource(config), { code: 'SOURCE_FAILED', message: /"zeroth\/config".*source\.key/ });
});
