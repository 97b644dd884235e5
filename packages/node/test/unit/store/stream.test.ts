import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ZerothError } from '../../../src/errors.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import {
  KEEP_ALL,
  type Logged,
  listLog,
  openMemoryStream,
  readAll,
  runOf,
  settled,
  textOf,
  until,
} from '../../support/streams.ts';

describe('appending', () => {
  it('numbers records from 1, and commits what came together by one write', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files);
    assert.deepEqual([stream.first, stream.next, stream.committed], [1, 1, 1]);
    const { writes } = files;
    assert.deepEqual(stream.append(runOf('a', 'b'), null), { first: 1, count: 2, repeated: 0, durableAt: 3 });
    assert.deepEqual(stream.append(runOf('c'), { name: 'bob', sequence: 1 }), {
      first: 3,
      count: 1,
      repeated: 0,
      durableAt: 4,
    });
    assert.equal(stream.committed, 1);
    assert.deepEqual(await stream.read(1, 100), [], 'what is not committed can not be read');
    assert.ok(stream.stats.pending > 0);
    await settled(stream);
    assert.equal(files.writes - writes, 1);
    assert.equal(stream.stats.commits, 1);
    assert.equal(stream.stats.pending, 0);
    assert.deepEqual(await readAll(stream), ['1:a', '2:b', '3:c']);
    await stream.close();
  });

  it('gathers what comes while a write is under way', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files);
    stream.append(runOf('first'), null);
    await Promise.resolve();
    for (let i = 0; i < 100; i++) stream.append(runOf(`${i}`), null);
    await settled(stream);
    assert.equal(stream.stats.commits, 2);
    await stream.close();
  });

  it('leaves out repetitions, whole and partial, also after it was opened again', async () => {
    const files = new MemoryFiles();
    let stream = await openMemoryStream(files);
    const bob = (sequence: number) => ({ name: 'bob', sequence });
    stream.append(runOf('a', 'b', 'c'), bob(1));
    assert.deepEqual(stream.append(runOf('a', 'b'), bob(1)), {
      first: 0,
      count: 0,
      repeated: 2,
      durableAt: 4,
    });
    assert.deepEqual(stream.append(runOf('c', 'd', 'e'), bob(3)), {
      first: 4,
      count: 2,
      repeated: 1,
      durableAt: 6,
    });
    assert.equal(stream.lastOf('bob'), 5);
    assert.equal(stream.stats.repeated, 3);
    await stream.close();
    stream = await openMemoryStream(files);
    assert.equal(stream.lastOf('bob'), 5);
    assert.deepEqual(stream.append(runOf('e', 'f'), bob(5)), {
      first: 6,
      count: 1,
      repeated: 1,
      durableAt: 7,
    });
    await settled(stream);
    assert.deepEqual(await readAll(stream), ['1:a', '2:b', '3:c', '4:d', '5:e', '6:f']);
    await stream.close();
  });

  it('takes no more than its bound, and says when there is room', async () => {
    const stream = await openMemoryStream(new MemoryFiles());
    const run = runOf(Buffer.alloc(1_000_000));
    let taken = 0;
    while (stream.append(run, null) !== null) taken++;
    assert.equal(taken, 4);
    assert.equal(stream.hasRoom, false);
    await until(stream, () => stream.hasRoom);
    assert.notEqual(stream.append(run, null), null);
    await stream.close();
  });

  it('never goes back in time', async () => {
    let now = 5000;
    const stream = await openMemoryStream(new MemoryFiles(), { now: () => now, tailMax: 1e6 });
    stream.append(runOf('a'), { name: 'p', sequence: 1 });
    now = 4000;
    stream.append(runOf('b'), { name: 'p', sequence: 2 });
    await settled(stream);
    const times = (await stream.read(1, 1000)).map((span) => (span.type === 'records' ? span.timestamp : 0));
    assert.deepEqual(times, [5000, 5000]);
    await stream.close();
  });

  it('refuses what can not be told from other things later', async () => {
    const stream = await openMemoryStream(new MemoryFiles());
    assert.throws(() => stream.append(runOf('a'), { name: 'x'.repeat(256), sequence: 1 }), RangeError);
    await stream.close();
    assert.throws(() => stream.append(runOf('a'), null), { code: 'STREAM_CLOSED' });
  });

  it('commits at close what was appended before', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files);
    stream.append(runOf('a'), null);
    await stream.close();
    const again = await openMemoryStream(files);
    assert.deepEqual(await readAll(again), ['1:a']);
    await again.close();
  });
});

describe('reading', () => {
  it('is synchronous for what is in memory, and the same for what is not', async () => {
    for (const tailMax of [1e9, 0]) {
      const stream = await openMemoryStream(new MemoryFiles(), { tailMax });
      const wanted: string[] = [];
      for (let i = 1; i <= 200; i++) {
        stream.append(runOf(`r${i}`, `s${i}`), i % 3 === 0 ? { name: 'p', sequence: i * 2 } : null);
        wanted.push(`${i * 2 - 1}:r${i}`, `${i * 2}:s${i}`);
        if (i % 10 === 0) await settled(stream);
      }
      assert.equal(Array.isArray(stream.read(7, 100)), tailMax > 0);
      for (const size of [1, 7, 100, 1e6])
        for (const from of [1, 2, 3, 200, 399, 400])
          assert.deepEqual(await readAll(stream, from, size), wanted.slice(from - 1));
      assert.deepEqual(await stream.read(401, 100), []);
      assert.deepEqual(await stream.read(1000, 100), []);
      await stream.close();
    }
  });

  it('serves many readers, each at its own place', async () => {
    const settings = { ...KEEP_ALL, retain: { bytes: 0, age: 0, count: 80 } };
    const stream = await openMemoryStream(new MemoryFiles(), { settings });
    stream.protect('all', 1);
    for (let i = 1; i <= 79; i++) {
      stream.append(runOf(`r${i}`), null);
      await settled(stream);
    }
    const all = await readAll(stream);
    assert.equal(all.length, 79);
    const readers = Array.from({ length: 40 }, (_, i) => readAll(stream, i + 1, 1 + i * 3));
    for (const [i, lines] of (await Promise.all(readers)).entries()) assert.deepEqual(lines, all.slice(i));
    await stream.close();
  });

  it('goes on while records come and segments go', async () => {
    const settings = { ...KEEP_ALL, retain: { bytes: 0, age: 0, count: 16 } };
    const stream = await openMemoryStream(new MemoryFiles(), { settings });
    let next = 1;
    let gone = 0;
    for (let i = 1; i <= 400; i++) {
      stream.append(runOf(`r${i}`), { name: 'p', sequence: i });
      if (i % 7 !== 0) continue;
      await settled(stream);
      const spans = await stream.read(next, 1);
      for (const span of spans) {
        assert.equal(span.first, next);
        if (span.type === 'gap') {
          assert.equal(span.reason, 'retention');
          gone += span.last - span.first + 1;
          next = span.last + 1;
          continue;
        }
        assert.deepEqual(
          textOf([span]),
          Array.from({ length: span.count }, (_, k) => `${next + k}:r${next + k}`),
        );
        next += span.count;
      }
    }
    assert.ok(gone > 0 && next > 50);
    await stream.close();
  });

  it('finds the first record of a time', async () => {
    let now = 1000;
    const settings = { ...KEEP_ALL, retain: { bytes: 0, age: 0, count: 800 } };
    const stream = await openMemoryStream(new MemoryFiles(), { settings, now: () => now });
    assert.equal(await stream.find(0), 1);
    for (let i = 1; i <= 300; i++) {
      now = 1000 + Math.floor(i / 4) * 10;
      stream.append(runOf(`r${i}`), { name: 'p', sequence: i });
      if (i % 5 === 0) await settled(stream);
    }
    for (const [time, sequence] of [
      [0, 1],
      [1000, 1],
      [1001, 4],
      [1010, 4],
      [1011, 8],
      [1500, 200],
      [1750, 300],
      [1751, 301],
    ] as const)
      assert.equal(await stream.find(time), sequence, `${time}`);
    await stream.close();
  });
});

describe('a file system in trouble', () => {
  for (const [code, words] of [
    ['ENOSPC', /the disk is full/],
    ['EROFS', /read-only/],
    ['EIO', /I\/O error/],
    ['EDQUOT', /quota/],
  ] as const) {
    it(`stops a stream on ${code}, and lets it go on`, async () => {
      const files = new MemoryFiles();
      const logged: Logged[] = [];
      const stream = await openMemoryStream(files, { log: listLog(logged) });
      stream.append(runOf('a'), null);
      await settled(stream);
      files.fault = (operation) => (operation === 'write' ? code : null);
      stream.append(runOf('b'), null);
      await until(stream, () => stream.trouble !== null);
      assert.equal(stream.committed, 2, 'nothing is acknowledged that is not there');
      assert.equal(stream.trouble?.code, 'STREAM_FAILED');
      assert.match(stream.trouble?.message ?? '', /Stream s .*\/s/);
      assert.match(stream.trouble?.message ?? '', words);
      assert.throws(() => stream.append(runOf('c'), null), { code: 'STREAM_FAILED' });
      for (let i = 0; i < 50; i++) {
        stream.tick();
        await new Promise(setImmediate);
      }
      assert.equal(logged.filter(({ level }) => level === 'error').length, 1, 'it is said once');
      assert.deepEqual(await readAll(stream), ['1:a'], 'reading goes on');
      files.fault = () => null;
      let told = false;
      stream.listen(() => {
        if (stream.trouble === null) told = true;
      });
      for (let i = 0; stream.trouble !== null && i < 100; i++) {
        stream.tick();
        await new Promise(setImmediate);
      }
      assert.ok(told);
      stream.append(runOf('c'), null);
      await settled(stream);
      assert.deepEqual(await readAll(stream), ['1:a', '2:b', '3:c']);
      assert.equal(logged.at(-1)?.fields.event, 'store:recovered');
      await stream.close();
      const again = await openMemoryStream(files);
      assert.deepEqual(await readAll(again), ['1:a', '2:b', '3:c']);
      await again.close();
    });
  }

  it('goes on when there is room on the disk again, and keeps what was half written', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files);
    files.capacity = files.used + 5000;
    let i = 0;
    while (stream.trouble === null) {
      stream.append(runOf(`${++i}${'x'.repeat(900)}`), null);
      await new Promise(setImmediate);
    }
    assert.ok(stream.committed < stream.next);
    files.capacity = Number.POSITIVE_INFINITY;
    for (let n = 0; n < 100 && (stream.trouble !== null || stream.committed < stream.next); n++) {
      stream.tick();
      await new Promise(setImmediate);
    }
    const lines = await readAll(stream);
    assert.equal(lines.length, i);
    assert.ok(lines.every((line, n) => line.startsWith(`${n + 1}:${n + 1}x`)));
    await stream.close();
  });

  it('never syncs a file again whose sync has failed', async () => {
    const files = new MemoryFiles();
    const settings = { ...KEEP_ALL, fsync: 'interval', fsyncInterval: 1 } as const;
    const logged: Logged[] = [];
    const stream = await openMemoryStream(files, { settings, log: listLog(logged) });
    const synced: string[] = [];
    let fail = true;
    files.fault = (operation, path) => {
      if (operation !== 'sync' || path.includes('places')) return null;
      synced.push(path);
      if (!fail) return null;
      fail = false;
      return 'EIO';
    };
    stream.append(runOf('a'), null);
    await until(stream, () => stream.trouble !== null);
    assert.equal(logged[0]?.fields.event, 'store:unsynced');
    assert.deepEqual([logged[0]?.fields.first, logged[0]?.fields.last], [1, 1]);
    for (let i = 0; i < 100 && stream.trouble !== null; i++) {
      stream.tick();
      await new Promise(setImmediate);
    }
    stream.append(runOf('b'), null);
    await settled(stream);
    assert.deepEqual(await readAll(stream), ['1:a', '2:b']);
    await stream.close();
    // It is known by the name that it was made under.
    assert.equal(synced.filter((path) => path.startsWith('/s/00000000000000000001.log')).length, 1);
  });

  it('says at close what could not be written', async () => {
    const files = new MemoryFiles();
    const logged: Logged[] = [];
    const stream = await openMemoryStream(files, { log: listLog(logged) });
    files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : null);
    stream.append(runOf('a', 'b'), null);
    await stream.close();
    const lost = logged.find(({ fields }) => fields.event === 'store:lost');
    assert.deepEqual(lost?.fields, { event: 'store:lost', records: 2, first: 1 });
  });

  it('says which record can not be read', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files);
    stream.append(runOf('a'), null);
    await settled(stream);
    // The last one stays in memory.
    stream.append(runOf('b'), null);
    await settled(stream);
    files.fault = (operation, path) => (operation === 'read' && /\d\.log/.test(path) ? 'EIO' : null);
    await assert.rejects(async () => stream.read(1, 100), {
      code: 'STREAM_FAILED',
      message: /can't be read: EIO/,
    });
    files.fault = () => null;
    assert.deepEqual(await readAll(stream), ['1:a', '2:b']);
    await stream.close();
  });
});

describe('when records are synced', () => {
  it('does so as the policy says', async () => {
    for (const [fsync, expected] of [
      ['always', 0],
      ['never', 0],
    ] as const) {
      const files = new MemoryFiles();
      const stream = await openMemoryStream(files, { settings: { ...KEEP_ALL, fsync } });
      const { syncs } = files;
      stream.append(runOf('a'), null);
      await settled(stream);
      assert.equal(files.syncs - syncs, expected);
      const left = files.powerLoss(() => 0.1);
      await stream.close();
      const again = await openMemoryStream(left);
      assert.equal(again.next, fsync === 'always' ? 2 : 1);
      await again.close();
    }
  });

  it('syncs a segment when it is finished, whatever the policy', async () => {
    const files = new MemoryFiles();
    const settings = { ...KEEP_ALL, fsync: 'never', retain: { bytes: 0, age: 0, count: 32 } } as const;
    const stream = await openMemoryStream(files, { settings });
    for (let i = 1; i <= 6; i++) {
      stream.append(runOf(`${i}`), null);
      await settled(stream);
    }
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    const left = files.powerLoss(() => 0.1);
    await stream.close();
    const again = await openMemoryStream(left);
    assert.deepEqual(await readAll(again), ['1:1', '2:2', '3:3', '4:4']);
    await again.close();
  });

  it('syncs after the interval, once for all', async () => {
    const files = new MemoryFiles();
    const stream = await openMemoryStream(files, {
      settings: { ...KEEP_ALL, fsync: 'interval', fsyncInterval: 1 },
    });
    const { syncs } = files;
    for (let i = 0; i < 20; i++) stream.append(runOf(`${i}`), null);
    await settled(stream);
    while (files.syncs === syncs) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const left = files.powerLoss(() => 0.1);
    await stream.close();
    const again = await openMemoryStream(left);
    assert.equal(again.next, 21);
    await again.close();
  });
});

describe('a stream whose folder is taken by another process', () => {
  const taken = new ZerothError('STREAM_FAILED', 'taken');

  it('writes nothing any more, also when a new segment was on its way', async () => {
    const files = new MemoryFiles();
    const settings = { ...KEEP_ALL, retain: { bytes: 0, age: 0, count: 8 } };
    const stream = await openMemoryStream(files, { settings });
    stream.append(runOf('one'), null);
    await settled(stream);
    stream.append(runOf('two'), null);
    // The file of its segment is being made.
    await new Promise(setImmediate);
    stream.lose(taken);
    await stream.close();
    const again = await openMemoryStream(files.kill());
    assert.equal(again.next, 2);
    await again.close();
  });

  it('closes, also when it was about to write', async () => {
    const stream = await openMemoryStream(new MemoryFiles());
    stream.append(runOf('one'), null);
    const closed = stream.close();
    stream.lose(taken);
    await closed;
    assert.equal(stream.committed, 1);
  });
});
