/** etcd, against Debian's real one. */
import { equal, ok } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { SourceConfig } from '../../../src/config/types.ts';
import { openSource } from '../../../src/source/open.ts';
import type { TestCentre } from '../../support/centre.ts';
import {
  configOf,
  Follower,
  freePort,
  missingProgram,
  ServerProcess,
  testFolder,
} from '../../support/centre.ts';
import { centreSuite, refused, throughWay } from '../../support/centre-suite.ts';

const skip = missingProgram('etcd');
const options = { skip, timeout: 120_000 };

interface Etcd extends TestCentre {
  readonly server: ServerProcess;
  /** A question to its gateway. */
  post(path: string, body: object, token?: string): Promise<Record<string, unknown>>;
}

const base64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64');

async function launch(t: TestContext): Promise<Etcd> {
  const folder = await testFolder(t);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const peers = 'http://127.0.0.1:0';
  const server = new ServerProcess(
    t,
    // prettier-ignore
    [
      ...['etcd', '--data-dir', folder, '--log-level', 'error', '--unsafe-no-fsync'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peers],
    ],
    port,
  );
  const config: SourceConfig = configOf('etcd', { url });
  const key = base64(config.key);
  const post: Etcd['post'] = async (path, body, token) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    ok(answer.ok, text);
    return JSON.parse(text) as Record<string, unknown>;
  };
  const start = async (): Promise<void> => {
    await server.start();
    // It accepts before it has a leader.
    for (;;) {
      const healthy = await fetch(`${url}/health`).then((answer) => answer.ok);
      if (healthy) return;
    }
  };
  await start();
  return {
    server,
    config,
    post,
    put: async (value) => void (await post('/v3/kv/put', { key, value: base64(value) })),
    remove: async () => void (await post('/v3/kv/deleterange', { key })),
    kill: () => server.kill(),
    start,
  };
}

centreSuite('etcd', { skip, wayOut: /etcdctl put zeroth\/config < /, launch });

test('changed twice and compacted between question and watch', options, async (t) => {
  const centre = await launch(t);
  await centre.put('one');
  const { config, way } = await throughWay(t, centre);
  way.before = async (connection) => {
    if (connection !== 2) return;
    await centre.put('two');
    await centre.put('three');
    const answer = await centre.post('/v3/kv/range', { key: base64('other') });
    const { revision } = answer.header as { revision: string };
    await centre.post('/v3/kv/compaction', { revision });
  };
  const follower = new Follower(t, await openSource(config));
  await follower.until('one', 'three');
  await centre.put('four');
  await follower.until('one', 'three', 'four');
});

test('a server that freezes in the middle of a watch', options, async (t) => {
  const centre = await launch(t);
  await centre.put('one');
  const follower = new Follower(t, await openSource({ ...centre.config, timeout: 100 }));
  await follower.until('one');
  centre.server.freeze();
  await follower.until('one', 'SOURCE_FAILED');
  centre.server.thaw();
  await follower.until('one', 'SOURCE_FAILED', 'up');
});

test('a frozen server, then one that goes on', options, async (t) => {
  const centre = await launch(t);
  await centre.put('one');
  const { config, way } = await throughWay(t, centre);
  const follower = new Follower(t, await openSource({ ...config, timeout: 200 }));
  await follower.until('one');
  let thaw = (): void => {};
  const frozen = new Promise<void>((resolve) => {
    thaw = resolve;
  });
  way.before = () => frozen;
  await way.cut();
  await way.open();
  await follower.until('one', 'SOURCE_FAILED');
  thaw();
  await follower.until('one', 'SOURCE_FAILED', 'up');
});

test('user and password; wrong ones, and a user without rights', options, async (t) => {
  const centre = await launch(t);
  await centre.put('one');
  for (const [name, password] of [
    ['root', 'sesame-1'],
    ['stranger', 'sesame-2'],
  ]) {
    await centre.post('/v3/auth/user/add', { name, password });
  }
  await centre.post('/v3/auth/role/add', { name: 'root' });
  await centre.post('/v3/auth/user/grant', { user: 'root', role: 'root' });
  await centre.post('/v3/auth/enable', {});

  const { config } = centre;
  await refused(config, /user name is empty/);
  await refused({ ...config, user: 'root', password: 'sesame-0' }, /invalid user ID or password/);
  await refused({ ...config, user: 'stranger', password: 'sesame-2' }, /permission denied/);

  const good = { ...config, user: 'root', password: 'sesame-1' };
  const follower = new Follower(t, await openSource(good));
  await follower.until('one');
  const { token } = await centre.post('/v3/auth/authenticate', { name: 'root', password: 'sesame-1' });
  await centre.post('/v3/kv/put', { key: base64(config.key), value: base64('two') }, String(token));
  await follower.until('one', 'two');
  equal(follower.reports.length, 2);
});
