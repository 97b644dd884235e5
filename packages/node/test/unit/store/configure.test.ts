/** Streams that get other settings while they are open, and that are given up while the store goes on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../../src/log/log.ts';
import { openStore } from '../../../src/store/open.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { KEEP_ALL, openMemoryStream, readAll, runOf, settled, until } from '../../support/streams.ts';

describe('other settings for an open stream', () => {
  it('make what comes next as safe as they say', async () => {
    const left = [['always', ['1:a', '2:b']] as const, ['never', ['1:a', '2:b']] as const];
    for (const [last, expected] of left) {
      const files = new MemoryFiles();
      const stream = await openMemoryStream(files, { settings: { ...KEEP_ALL, fsync: 'never' } });
      stream.append(runOf('a'), null);
      await settled(stream);
      stream.configure({ ...KEEP_ALL, fsync: 'always' });
      // It waits for a segment that is written so.
      stream.append(runOf('b'), null);
      await settled(stream);
      stream.configure({ ...KEEP_ALL, fsync: last });
      if (last === 'never') {
        stream.append(runOf('c'), null);
        await settled(stream);
      }
      for (let i = 0; i < 10; i++) await new Promise(setImmediate);
      const safe = await openMemoryStream(files.powerLoss(() => 0.1));
      assert.deepEqual(await readAll(safe), expected);
      await safe.close();
    }
  });

  it('sync what waits for it as soon as they say', async () => {
    const files = new MemoryFiles();
    const hourly = { ...KEEP_ALL, fsync: 'interval', fsyncInterval: 3_600_000 } as const;
    const stream = await openMemoryStream(files, { settings: hourly });
    stream.append(runOf('a'), null);
    await settled(stream);
    let syncs = 0;
    files.fault = (operation) => {
      if (operation === 'sync') syncs++;
      return null;
    };
    stream.configure({ ...hourly, fsyncInterval: 1 });
    for (const end = performance.now() + 5000; syncs === 0; ) {
      assert.ok(performance.now() < end, 'nothing was synced');
      await new Promise(setImmediate);
    }
    await stream.close();
  });

  it('keep what comes next, also when what was there is lost', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files, { settings: { ...KEEP_ALL, fsync: 'never' } });
    stream.append(runOf('a'), null);
    await settled(stream);
    files.fault = (operation, path) => (operation === 'sync' && /0001\.log$/.test(path) ? 'EIO' : null);
    stream.configure({ ...KEEP_ALL, fsync: 'always' });
    stream.append(runOf('b'), null);
    await settled(stream);
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    const safe = await openMemoryStream(files.powerLoss(() => 0));
    assert.equal((await readAll(safe)).at(-1), '2:b');
    await safe.close();
    await stream.close();
  });

  it('also of one that has no records yet', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files, { settings: { ...KEEP_ALL, fsync: 'never' } });
    stream.configure({ ...KEEP_ALL, fsync: 'always' });
    stream.append(runOf('a'), null);
    await settled(stream);
    const safe = await openMemoryStream(files.powerLoss(() => 0.1));
    assert.deepEqual(await readAll(safe), ['1:a']);
    await safe.close();
    await stream.close();
  });

  it('lose nothing in any order, with records on the way', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files);
    const expected: string[] = [];
    for (let i = 1; i <= 60; i++) {
      stream.append(runOf(`${i}`), null);
      expected.push(`${i}:${i}`);
      const fsync = (['always', 'interval', 'never', 'never', 'always'] as const)[i % 5]!;
      stream.configure({ ...KEEP_ALL, fsync, fsyncInterval: 1 });
      if (i % 7 === 0) await settled(stream);
    }
    await settled(stream);
    assert.deepEqual(await readAll(stream), expected);
    await stream.close();
    const again = await openMemoryStream(files);
    assert.deepEqual(await readAll(again), expected);
    await again.close();
  });

  it('remove what a smaller `retain` has no room for, and hold nobody up any more who has room now', async () => {
    const files = new MemoryFiles();
    const few = { ...KEEP_ALL, retain: { bytes: 0, age: 0, count: 8 } };
    const stream = await openMemoryStream(files, { settings: few });
    stream.protect('reader', 1);
    for (let i = 1; i <= 8; i++) {
      stream.append(runOf(`${i}`), null);
      await settled(stream);
    }
    assert.equal(stream.hasRoom, false);
    let told = 0;
    stream.listen(() => told++);
    stream.configure(KEEP_ALL);
    assert.equal(stream.hasRoom, true);
    await until(stream, () => told > 0);
    for (let i = 9; i <= 40; i++) {
      stream.append(runOf(`${i}`), null);
      await settled(stream);
    }
    stream.protect('reader', null);
    assert.equal(stream.first, 1);
    stream.configure(few);
    await until(stream, () => stream.first > 1);
    await stream.close();
  });

  it('know when a record was appended, or earlier', async () => {
    let now = 1000;
    for (const tailMax of [0, 1_000_000]) {
      const stream = await openMemoryStream(new MemoryFiles(), { now: () => now, tailMax });
      assert.equal(stream.timeOf(1), null);
      const times: number[] = [];
      for (let i = 1; i <= 30; i++) {
        now += 10;
        times.push(now);
        stream.append(runOf(`${i}`), null);
        await settled(stream);
      }
      for (const [i, time] of times.entries()) {
        const known = stream.timeOf(i + 1)!;
        assert.ok(tailMax > 0 ? known === time : known <= time && known >= times[0]!, `${known} for ${time}`);
      }
      assert.equal(stream.timeOf(31), null);
      await stream.close();
    }
  });
});

describe('a stream that is given up', () => {
  it('is committed and closed, stays on the disk, and can be opened again', async () => {
    const files = new MemoryFiles();
    const commits: string[] = [];
    const committed = (stream: string, time: number): void => void (time >= 0 && commits.push(stream));
    const store = await openStore({ dir: '/d', log: silentLog, files, committed });
    const [a, b] = [await store.open('a', KEEP_ALL), await store.open('b', KEEP_ALL)];
    assert.deepEqual(store.all(), [a, b]);
    a.append(runOf('x', 'y'), null);
    const closing = store.release('a');
    assert.equal(store.get('a'), null);
    assert.deepEqual(store.all(), [b]);
    assert.throws(() => a.append(runOf('z'), null), { code: 'STREAM_CLOSED' });
    // Who wants it meanwhile gets it when the former one is closed.
    const again = store.open('a', KEEP_ALL);
    await closing;
    assert.equal(a.committed, 3);
    assert.deepEqual(commits, ['a']);
    const reopened = await again;
    assert.notEqual(reopened, a);
    assert.equal(store.get('a'), reopened);
    assert.deepEqual(await readAll(reopened), ['1:x', '2:y']);
    await store.release('nothing');
    assert.deepEqual(await store.list(), ['a', 'b']);
    const last = store.release('b');
    await store.close();
    await last;
  });
});
