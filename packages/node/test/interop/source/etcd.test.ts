/** etcd, against Debian's real one. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { openSource } from '../../../src/source/open.ts';
import { Follower } from '../../support/centre.ts';
import { centreSuite, refused, throughWay } from '../../support/centre-suite.ts';
import { base64, launchEtcd as launch, noEtcd as skip } from '../../support/etcd.ts';

const options = { skip, timeout: 120_000 };

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
  const follower = new Follower(t, await openSource({ ...centre.config, timeout: 500 }));
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
  const follower = new Follower(t, await openSource({ ...config, timeout: 500 }));
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
