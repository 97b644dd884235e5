/** NATS KV, against Debian's real nats-server. */
import { equal, ok } from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { KV } from '@nats-io/kv';
import { Kvm } from '@nats-io/kv';
import type { ConnectionOptions } from '@nats-io/transport-node';
import { connect } from '@nats-io/transport-node';
import type { SourceConfig } from '../../../src/config/types.ts';
import { openSource } from '../../../src/source/open.ts';
import type { TestCentre } from '../../support/centre.ts';
import { configOf, Follower, makeFolder, missingProgram, ServerProcess } from '../../support/centre.ts';
import { centreSuite, refused } from '../../support/centre-suite.ts';
import { freePort } from '../../support/port.ts';

const skip = missingProgram('nats-server');
const options = { skip, timeout: 120_000 };

type Use = <T>(action: (kvm: Kvm, bucket: () => Promise<KV>) => Promise<T>) => Promise<T>;

interface Nats extends TestCentre {
  readonly server: ServerProcess;
  readonly use: Use;
}

/** `extra`: lines of its configuration; `login`: how the test itself gets in. */
async function launch(
  t: TestContext,
  {
    extra = '',
    login = {},
    bucket = true,
  }: { extra?: string; login?: ConnectionOptions; bucket?: boolean } = {},
): Promise<Nats> {
  const folder = await makeFolder();
  const port = await freePort();
  const file = join(folder, 'nats.conf');
  await writeFile(
    file,
    `host: 127.0.0.1\nport: ${port}\nmax_payload: 4MB\njetstream { store_dir: "${folder}" }\n${extra}`,
  );
  const server = new ServerProcess(t, ['nats-server', '-c', file], port, folder);
  const url = `nats://127.0.0.1:${port}`;
  const config: SourceConfig = configOf('nats', { url });
  const use: Use = async (action) => {
    const connection = await connect({ servers: url, ...login });
    try {
      const kvm = new Kvm(connection);
      return await action(kvm, () => kvm.open(config.bucket));
    } finally {
      await connection.close();
    }
  };
  await server.start();
  if (bucket) await use((kvm) => kvm.create(config.bucket));
  return {
    server,
    use,
    config,
    put: (value) => use((_, open) => open().then(async (kv) => void (await kv.put(config.key, value)))),
    remove: () => use((_, open) => open().then((kv) => kv.delete(config.key))),
    kill: () => server.kill(),
    start: () => server.start(),
  };
}

centreSuite('NATS', { skip, wayOut: /nats kv put zeroth zeroth\/config < /, launch: (t) => launch(t) });

test('a bucket that is not there', options, async (t) => {
  const { config } = await launch(t, { bucket: false });
  const source = await openSource(config);
  const follower = new Follower(t, source);
  await follower.until('SOURCE_KEY_MISSING');
  const [report] = follower.reports;
  equal(report?.type === 'down' && /nats kv add zeroth/.test(report.error.message), true);
});

test('a token, and a wrong one', options, async (t) => {
  const token = 'sesame-1';
  const centre = await launch(t, { extra: `authorization { token: "${token}" }`, login: { token } });
  await centre.put('one');
  await refused(centre.config, /authorization/i);
  await refused({ ...centre.config, token: 'sesame-0' }, /authorization/i);
  const follower = new Follower(t, await openSource({ ...centre.config, token }));
  await follower.until('one');
});

test('user and password, and a wrong one', options, async (t) => {
  const login = { user: 'zeroth', pass: 'sesame-1' };
  const extra = 'authorization { user: "zeroth", password: "sesame-1" }';
  const centre = await launch(t, { extra, login });
  await centre.put('one');
  const config = { ...centre.config, user: 'zeroth', password: 'sesame-1' };
  await refused({ ...config, password: 'sesame-0' }, /authorization/i);
  const follower = new Follower(t, await openSource(config));
  await follower.until('one');
});

test('a bucket that is removed, and made again', options, async (t) => {
  const centre = await launch(t);
  await centre.put('one');
  const follower = new Follower(t, await openSource({ ...centre.config, timeout: 500 }));
  await follower.until('one');
  await centre.use((kvm) => kvm.open('zeroth').then((bucket) => bucket.destroy()));
  await follower.until('one', 'SOURCE_KEY_MISSING');
  await centre.use((kvm) => kvm.create('zeroth'));
  await centre.put('two');
  await follower.until('one', 'SOURCE_KEY_MISSING', 'up', 'two');
});

test('a user without rights', options, async (t) => {
  const rights = 'permissions: { publish: ["none"], subscribe: ["_INBOX.>"] }';
  const users = `{ user: "admin", password: "pw" }, { user: "low", password: "sesame-1", ${rights} }`;
  const extra = `accounts { A { jetstream: enabled, users: [ ${users} ] } }`;
  const centre = await launch(t, { extra, login: { user: 'admin', pass: 'pw' } });
  await refused({ ...centre.config, user: 'low', password: 'sesame-1' }, /permissions violation/i);
});

test('a key that never stands still is fetched now and then, and its last value is', options, async (t) => {
  const centre = await launch(t);
  const follower = new Follower(t, await openSource(centre.config));
  await follower.until('SOURCE_KEY_MISSING');
  await centre.use(async (_, open) => {
    const bucket = await open();
    for (let i = 0; i < 500; i++) await bucket.put(centre.config.key, String(i));
    await bucket.put(centre.config.key, 'the last');
  });
  await follower.until('the last');
  ok(follower.story.length < 20, `${follower.story.length} reports`);
});

test('ends while the server is frozen', options, async (t) => {
  const centre = await launch(t);
  await centre.put('one');
  const follower = new Follower(t, await openSource(centre.config));
  await follower.until('one');
  centre.server.freeze();
  await follower.stop();
});
