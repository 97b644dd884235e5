import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RetainConfig } from '../../../src/config/types.ts';
import type { FileStream } from '../../../src/store/stream.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import {
  type Logged,
  listLog,
  openMemoryStream,
  readAll,
  runOf,
  settled,
  until,
} from '../../support/streams.ts';

interface Opened {
  readonly files: MemoryFiles;
  readonly stream: FileStream;
  readonly clock: { now: number };
}

async function opened(retain: Partial<RetainConfig>): Promise<Opened> {
  const files = new MemoryFiles();
  const clock = { now: 1_000_000 };
  const settings = {
    retain: { bytes: 0, age: 0, count: 0, ...retain },
    fsync: 'always',
    fsyncInterval: 1,
  } as const;
  return { files, clock, stream: await openMemoryStream(files, { settings, now: () => clock.now }) };
}

async function append(stream: FileStream, ...sizes: number[]): Promise<void> {
  for (const size of sizes) {
    assert.notEqual(stream.append(runOf('x'.repeat(size)), null), null);
    await settled(stream);
  }
}

describe('retention', () => {
  it('keeps a stream within its octets', async () => {
    const { stream, files } = await opened({ bytes: 1_000_000 });
    await append(stream, ...Array<number>(60).fill(50_000));
    await until(stream, () => stream.stats.bytes <= 1_000_000);
    assert.ok(stream.stats.bytes > 700_000, `${stream.stats.bytes} are left`);
    assert.ok(stream.first > 30);
    assert.equal((await readAll(stream, stream.first)).length, stream.next - stream.first);
    const [gap] = await stream.read(5, 100);
    assert.deepEqual(gap, { type: 'gap', first: 5, last: stream.first - 1, reason: 'retention' });
    await stream.close();
    assert.ok(files.used < 1_100_000, `${files.used} are on the disk`);
  });

  it('keeps a number of records at least', async () => {
    const { stream } = await opened({ count: 80 });
    await append(stream, ...Array<number>(300).fill(10));
    const kept = stream.next - stream.first;
    assert.ok(kept >= 80 && kept <= 100, `${kept} are left`);
    await stream.close();
  });

  it('removes what is older than its age, also when nothing comes any more', async () => {
    const { stream, clock } = await opened({ age: 80_000 });
    await append(stream, 10, 10);
    clock.now += 11_000;
    stream.tick();
    await until(stream, () => true);
    await append(stream, 10);
    clock.now += 75_000;
    stream.tick();
    await until(stream, () => stream.first === 3);
    clock.now += 81_000;
    for (let i = 0; stream.first < 4; i++) {
      assert.ok(i < 100);
      stream.tick();
      await new Promise(setImmediate);
    }
    assert.equal(stream.next, 4);
    assert.deepEqual(await stream.read(1, 100), [{ type: 'gap', first: 1, last: 3, reason: 'retention' }]);
    await stream.close();
  });

  it('spares what is protected, however old it is', async () => {
    const { stream, clock } = await opened({ age: 80_000 });
    await append(stream, 10);
    clock.now += 11_000;
    await append(stream, 10);
    stream.protect('db', 1);
    clock.now += 500_000;
    for (let i = 0; i < 20; i++) {
      stream.tick();
      await new Promise(setImmediate);
    }
    assert.equal(stream.first, 1);
    stream.protect('db', 2);
    stream.tick();
    assert.equal(stream.first, 2);
    await stream.close();
  });

  it('spares what is protected, and takes no more until the reader goes on', async () => {
    const { stream } = await opened({ bytes: 500_000 });
    stream.protect('db', 1);
    while (stream.append(runOf('x'.repeat(50_000)), null) !== null) await settled(stream);
    assert.equal(stream.hasRoom, false);
    assert.equal(stream.trouble, null);
    assert.equal(stream.first, 1);
    assert.ok(stream.stats.bytes < 600_000);
    const filled = stream.next;
    let told = 0;
    stream.listen(() => told++);
    stream.protect('db', 4);
    await until(stream, () => stream.hasRoom);
    assert.ok(told > 0, 'who waits for room is told');
    await append(stream, 10);
    // The reader has seen all: nothing is held any more, whatever comes.
    for (let i = 0; i < 30; i++) {
      stream.protect('db', stream.next);
      await append(stream, 50_000);
    }
    assert.ok(stream.first > 4);
    assert.ok(stream.next > filled);
    await stream.close();
  });

  it('does not take a burst that exceeds what is allowed', async () => {
    const { stream } = await opened({ bytes: 1_000_000 });
    stream.protect('db', 1);
    let taken = 0;
    while (stream.append(runOf('x'.repeat(50_000)), null) !== null) taken++;
    assert.ok(taken <= 21, `${taken} were taken`);
    await settled(stream);
    await stream.close();
  });

  it('holds back at a number of records as well', async () => {
    const { stream } = await opened({ count: 16 });
    stream.protect('db', 1);
    let taken = 0;
    while (stream.append(runOf('x'), null) !== null) taken++;
    assert.equal(taken, 16);
    await settled(stream);
    stream.protect('db', null);
    await until(stream, () => stream.hasRoom);
    await stream.close();
  });

  it('works with a limit that is smaller than a segment', async () => {
    const { stream } = await opened({ bytes: 10_000 });
    for (let i = 0; i < 100; i++) {
      stream.protect('db', stream.committed);
      await append(stream, 3000);
      stream.protect('db', stream.committed);
      await until(stream, () => stream.hasRoom);
    }
    await stream.close();
  });

  it('purges whole segments, all if that is wanted, and never forgets the next sequence', async () => {
    const { stream, files } = await opened({ count: 0, bytes: 600_000 });
    await append(stream, ...Array<number>(5).fill(30_000));
    const first = await stream.purge(4);
    assert.equal(first, 4, 'three records of 30,000 octets make a segment of 64 KiB');
    assert.equal(await stream.purge(1_000_000), 6);
    assert.equal(stream.first, 6);
    assert.deepEqual(await stream.read(1, 100), [{ type: 'gap', first: 1, last: 5, reason: 'retention' }]);
    assert.deepEqual(await stream.read(5, 100), [{ type: 'gap', first: 5, last: 5, reason: 'retention' }]);
    assert.deepEqual(
      files.paths.filter((path) => path.endsWith('.log') && !path.endsWith('places.log')),
      ['/s/00000000000000000006.log'],
    );
    await stream.close();
    const again = await openMemoryStream(files);
    assert.equal(again.next, 6);
    await append(again, 1);
    await again.close();
  });

  it('tries again what it could not remove, and has it removed when purge returns', async () => {
    const { stream, files } = await opened({ bytes: 600_000 });
    await append(stream, ...Array<number>(5).fill(30_000));
    const logs = (): number => files.paths.filter((path) => /\d\.log$/.test(path)).length;
    const before = logs();
    files.fault = (operation) => (operation === 'remove' ? 'EBUSY' : null);
    await stream.purge(4);
    assert.equal(logs(), before);
    files.fault = () => null;
    await stream.purge(4);
    for (let i = 0; logs() === before; i++) {
      assert.ok(i < 100);
      stream.tick();
      await new Promise(setImmediate);
    }
    await Promise.all([stream.purge(5), stream.purge(6)]);
    assert.equal(logs(), 1);
    await stream.close();
  });

  it('does not count tables of producers, and forgets those whose records are gone', async () => {
    const { stream, files, clock } = await opened({ bytes: 600_000 });
    const name = 'x'.repeat(240);
    for (let i = 0; i < 1000; i++) stream.append(runOf('x'), { name: `${name}${i}`, sequence: 1 });
    await settled(stream);
    await append(stream, ...Array<number>(9).fill(30_000));
    assert.ok(files.used > 1_000_000, `${files.used} are on the disk`);
    assert.equal(stream.first, 1, 'records are within what may be kept');
    stream.protect('db', 1);
    assert.equal(stream.hasRoom, true);
    stream.protect('db', null);
    // Their records go, but a repetition may still come for a week.
    await append(stream, ...Array<number>(30).fill(30_000));
    assert.ok(stream.first > 1000);
    assert.equal(stream.lastOf(`${name}7`), 1);
    clock.now += 8 * 24 * 3_600_000;
    await append(stream, ...Array<number>(60).fill(30_000));
    assert.equal(stream.lastOf(`${name}7`), 0);
    assert.ok(stream.stats.bytes < 650_000, 'no table is left');
    await stream.close();
  });

  it('remembers a producer as long as its records are kept', async () => {
    const { stream, clock } = await opened({ count: 1000 });
    stream.append(runOf('x'), { name: 'p', sequence: 1 });
    await settled(stream);
    clock.now += 30 * 24 * 3_600_000;
    await append(stream, ...Array<number>(500).fill(10));
    assert.equal(stream.first, 1);
    assert.equal(stream.lastOf('p'), 1);
    await stream.close();
  });

  it('goes by age also when the clock was a year ahead once', async () => {
    const year = 365 * 24 * 3_600_000;
    const age = 80_000;
    const settings = { retain: { bytes: 0, age, count: 0 }, fsync: 'always', fsyncInterval: 1 } as const;
    for (const restarted of [false, true]) {
      const lines: Logged[] = [];
      const clock = { now: Date.now() };
      const options = { settings, now: () => clock.now, log: listLog(lines) };
      let files = new MemoryFiles();
      let stream = await openMemoryStream(files, options);
      clock.now += year;
      await append(stream, 10);
      const [span] = await stream.read(1, 100);
      clock.now -= year;
      if (restarted) {
        await stream.close();
        files = files.kill();
        stream = await openMemoryStream(files, options);
      }
      await append(stream, 10);
      const [later] = await stream.read(2, 100);
      assert.ok(span?.type === 'records' && later?.type === 'records');
      assert.ok(later.timestamp >= span.timestamp, 'times never go back');
      for (let i = 0; stream.first < 3; i++) {
        assert.ok(i < 200, `restarted: ${restarted}, first ${stream.first}`);
        clock.now += 1000;
        stream.tick();
        await new Promise(setImmediate);
      }
      assert.equal(lines.filter(({ fields }) => fields.event === 'store:clock').length, 1);
      await stream.close();
    }
  });
});
