import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isStreamName } from '../../../src/config/stream-name.ts';
import { silentLog } from '../../../src/log/log.ts';
import { inspectStore } from '../../../src/store/inspect.ts';
import { openStore } from '../../../src/store/open.ts';
import type { Stream, StreamStore } from '../../../src/store/store.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import {
  KEEP_ALL,
  type Logged,
  listLog,
  readAll,
  runOf,
  settled,
  textOf,
  until,
} from '../../support/streams.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'zeroth-store-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (): Promise<StreamStore> => openStore({ dir, log: silentLog });

async function append(stream: Stream, ...bodies: string[]): Promise<void> {
  stream.append(runOf(...bodies), null);
  await settled(stream);
}

describe('a store in files', () => {
  it('keeps streams, their records and places', async () => {
    let store = await open();
    assert.deepEqual(await store.list(), []);
    const a = await store.open('a', KEEP_ALL);
    assert.equal(await store.open('a', KEEP_ALL), a);
    assert.equal(store.get('a'), a);
    assert.equal(store.get('b'), null);
    const [b, again] = await Promise.all([store.open('b', KEEP_ALL), store.open('b', KEEP_ALL)]);
    assert.equal(b, again);
    await append(a, 'one', 'two');
    await append(b, 'three');
    a.places.save('reader', Buffer.from('2'));
    assert.deepEqual(await store.list(), ['a', 'b']);
    await store.close();
    await store.close();
    store = await open();
    assert.deepEqual(await store.list(), ['a', 'b']);
    const reopened = await store.open('a', KEEP_ALL);
    assert.deepEqual(await readAll(reopened), ['1:one', '2:two']);
    assert.equal(Buffer.from(reopened.places.get('reader')!).toString(), '2');
    await store.close();
    await assert.rejects(store.open('a', KEEP_ALL), { code: 'STREAM_CLOSED' });
    assert.deepEqual(readdirSync(dir), ['streams'], 'the lock is given back');
  });

  it('reads on in a stream that was closed and opened again as it is now', async () => {
    const store = await open();
    const again = async (): Promise<Stream> => {
      await store.release('a');
      return store.open('a', KEEP_ALL);
    };
    await append(await store.open('a', KEEP_ALL), 'one', 'two');
    assert.deepEqual(await readAll(await again()), ['1:one', '2:two']);
    await append(await again(), 'three');
    // What a former reader knew of the end of the file is over.
    assert.deepEqual(await readAll(await again(), 3), ['3:three']);
    await store.close();
  });

  it('is opened by one process', async () => {
    const store = await open();
    await assert.rejects(open(), { code: 'STORE_LOCKED' });
    await store.close();
    await (await open()).close();
  });

  it('takes only names that are names everywhere', async () => {
    const store = await open();
    for (const name of ['', '.', '..', 'a/b', 'ä', 'x'.repeat(65), 'a\0'])
      await assert.rejects(store.open(name, KEEP_ALL), { code: 'STREAM_UNKNOWN' });
    await store.close();
  });

  it('says why a folder can not be used', async () => {
    writeFileSync(join(dir, 'file'), '');
    const file = join(dir, 'file');
    await assert.rejects(
      openStore({ dir: file, log: silentLog }),
      ({ code, message }: NodeJS.ErrnoException) =>
        code === 'STORE_FAILED' && message.includes(`${file} can't be used`),
    );
    const files = new MemoryFiles();
    files.fault = () => 'EROFS';
    await assert.rejects(openStore({ dir: '/d', log: silentLog, files }), {
      code: 'STORE_FAILED',
      message: /EROFS: the file system is read-only/,
    });
  });

  it('opens a stream at the second try if the first one failed', async () => {
    const files = new MemoryFiles();
    const store = await openStore({ dir: '/d', log: silentLog, files });
    files.fault = (operation) => (operation === 'rename' ? 'ENOSPC' : null);
    await assert.rejects(store.open('a', KEEP_ALL), { code: 'STORE_FAILED', message: /disk is full/ });
    assert.equal(store.get('a'), null);
    files.fault = () => null;
    await append(await store.open('a', KEEP_ALL), 'x');
    await store.close();
  });

  it('writes nothing more when another process has taken the folder', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const files = new MemoryFiles();
    const logged: Logged[] = [];
    let now = Date.now();
    const store = await openStore({ dir: '/d', log: listLog(logged), files, now: () => now });
    const stream = await store.open('a', KEEP_ALL);
    await append(stream, 'mine');
    files.put('/d/lock', Buffer.from('{}'));
    now += 60_000;
    t.mock.timers.tick(1000);
    await until(stream, () => stream.trouble !== null);
    assert.match(stream.trouble?.message ?? '', /Another process has taken \/d/);
    assert.throws(() => stream.append(runOf('x'), null), { code: 'STREAM_FAILED' });
    assert.ok(logged.some(({ level }) => level === 'fatal'));
    const { writes } = files;
    t.mock.timers.tick(5000);
    await new Promise(setImmediate);
    assert.equal(files.writes, writes);
    await assert.rejects(store.open('b', KEEP_ALL), { code: 'STREAM_FAILED' });
    await store.close();
    assert.equal(files.content('/d/lock').toString(), '{}');
  });

  it('looks who has the folder before it makes a segment', async () => {
    const files = new MemoryFiles();
    const store = await openStore({ dir: '/d', log: silentLog, files });
    const stream = await store.open('a', KEEP_ALL);
    await append(stream, 'mine');
    const { paths } = files;
    files.put('/d/lock', Buffer.from('{}'));
    await stream.purge(stream.next);
    assert.match(stream.trouble?.message ?? '', /Another process has taken \/d/);
    assert.deepEqual(files.paths, paths);
    await store.close();
  });
});

describe('names of streams', () => {
  it('are those that a folder can have everywhere', () => {
    for (const name of ['a', 'A.b-c_9', '.hidden', 'console', 'com10', 'nul-', 'x'.repeat(64)])
      assert.equal(isStreamName(name), true, name);
    const no = ['', '.', '..', 'a.', '...', 'con', 'NUL', 'Aux.dead', 'com1', 'LPT9.x.y', 'prn', 'a/b', 'ä'];
    for (const name of [...no, 'x'.repeat(65)]) assert.equal(isStreamName(name), false, name);
  });

  it('are one for all spellings', async () => {
    const files = new MemoryFiles();
    const store = await openStore({ dir: '/d', log: silentLog, files });
    const opened = await Promise.allSettled(['events', 'Events'].map((name) => store.open(name, KEEP_ALL)));
    assert.deepEqual(
      opened.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    const refused = { code: 'STREAM_UNKNOWN', message: /no stream EVENTS, but events/ };
    await assert.rejects(store.open('EVENTS', KEEP_ALL), refused);
    assert.equal(store.get('EVENTS'), null);
    await store.close();
    // The same when it is not open.
    const again = await openStore({ dir: '/d', log: silentLog, files });
    await assert.rejects(again.open('EVENTS', KEEP_ALL), refused);
    assert.equal((await again.open('events', KEEP_ALL)).name, 'events');
    assert.deepEqual(await again.list(), ['events']);
    await again.close();
  });
});

describe('a disk that is really full', () => {
  it('stops the stream, loses nothing, and goes on when there is room', async (t) => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'ignore' });
    } catch {
      t.skip('may not mount a file system here');
      return;
    }
    try {
      const filler = join(dir, 'filler');
      writeFileSync(filler, Buffer.alloc(600_000));
      const store = await open();
      const stream = await store.open('a', KEEP_ALL);
      const bodies: string[] = [];
      while (stream.trouble === null) {
        const body = `${bodies.length}${'x'.repeat(20_000)}`;
        if (stream.append(runOf(body), null) !== null) bodies.push(body);
        await until(stream, () => stream.committed === stream.next || stream.trouble !== null);
      }
      assert.match(stream.trouble.message, /ENOSPC/);
      assert.ok(stream.committed < stream.next);
      rmSync(filler);
      // Nothing else holds this process while the store waits for its next try.
      const alive = setInterval(() => {}, 1000);
      await until(stream, () => stream.trouble === null && stream.committed === stream.next);
      clearInterval(alive);
      await append(stream, 'last');
      const wanted = [...bodies, 'last'].map((body, i) => `${i + 1}:${body}`);
      assert.deepEqual(await readAll(stream), wanted);
      await store.close();
      const again = await open();
      assert.deepEqual(await readAll(await again.open('a', KEEP_ALL)), wanted);
      await again.close();
    } finally {
      execFileSync('umount', [dir]);
    }
  });
});

describe('looking into a store', () => {
  it('shows what is there while a node writes, and changes nothing', async () => {
    const store = await open();
    const stream = await store.open('a', { ...KEEP_ALL, retain: { bytes: 0, age: 0, count: 16 } });
    stream.protect('all', 1);
    for (let i = 1; i <= 7; i++) {
      stream.append(runOf(`r${i}`), { name: 'bob', sequence: i });
      await settled(stream);
    }
    stream.places.save('db', Buffer.from('{"acknowledged":3}'));
    const inspector = await inspectStore(dir);
    assert.equal((await inspector.owner())?.pid, process.pid);
    assert.deepEqual(await inspector.list(), ['a']);
    const info = await inspector.info('a');
    assert.deepEqual([info.name, info.first, info.next], ['a', 1, 8]);
    assert.deepEqual(
      info.segments.map(({ first, next }) => [first, next]),
      [
        [1, 3],
        [3, 5],
        [5, 7],
        [7, 8],
      ],
    );
    assert.equal(info.bytes, stream.stats.bytes);
    assert.ok(info.oldest !== null && info.newest !== null && info.oldest <= info.newest);
    const lines: string[] = [];
    for await (const span of inspector.read('a', 0)) lines.push(...textOf([span]));
    assert.deepEqual(lines, await readAll(stream));
    assert.equal(await inspector.find('a', 0), 1);
    assert.equal(await inspector.find('a', Date.now() + 60_000), 8);
    assert.deepEqual(await inspector.producers('a'), [{ name: 'bob', last: 7 }]);
    while ((await inspector.places('a')).size === 0) await new Promise(setImmediate);
    assert.equal(Buffer.from((await inspector.places('a')).get('db')!).toString(), '{"acknowledged":3}');
    await store.close();
    assert.equal(await inspector.owner(), null);
  });

  it('verifies every octet, and tells a torn tail from damage', async () => {
    const store = await open();
    const stream = await store.open('a', { ...KEEP_ALL, retain: { bytes: 0, age: 0, count: 32 } });
    stream.protect('all', 1);
    for (let i = 1; i <= 10; i++) await append(stream, `r${i}`);
    await store.close();
    const inspector = await inspectStore(dir);
    const progress: number[] = [];
    const whole = await inspector.verify('a', (bytes) => progress.push(bytes));
    assert.deepEqual([whole.records, whole.batches, whole.damages], [10, 10, []]);
    assert.equal(progress.at(-1), whole.bytes);
    const path = (first: number): string => join(dir, 'streams/a', `${String(first).padStart(20, '0')}.log`);
    const change = (first: number, change: (bytes: Buffer) => Buffer): void =>
      writeFileSync(path(first), change(readFileSync(path(first))));
    change(5, (bytes) => {
      bytes[bytes.length - 1]! ^= 1;
      return bytes;
    });
    change(9, (bytes) => bytes.subarray(0, bytes.length - 1));
    const before = readFileSync(path(9));
    const bad = await inspector.verify('a');
    assert.deepEqual(
      bad.damages.map(({ file, kind, first, last }) => [file, kind, first, last]),
      [
        [path(5), 'damaged', 8, 8],
        [path(9), 'torn', 10, 9],
      ],
    );
    assert.equal(bad.records, 8);
    const lines: string[] = [];
    for await (const span of inspector.read('a', 7)) lines.push(...textOf([span]));
    assert.deepEqual(lines, ['7:r7', '8-8 damaged', '9:r9']);
    assert.deepEqual(readFileSync(path(9)), before);
  });

  it('says what is not there', async () => {
    await assert.rejects(inspectStore(join(dir, 'none')), { code: 'FILE_FAILED' });
    const inspector = await inspectStore(dir);
    assert.deepEqual(await inspector.list(), []);
    for (const call of [
      () => inspector.info('a'),
      () => inspector.verify('a'),
      () => inspector.find('a', 0),
      () => inspector.places('a'),
      () => inspector.producers('a'),
    ])
      await assert.rejects(call, { code: 'STREAM_UNKNOWN' });
  });
});
