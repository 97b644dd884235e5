import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { StreamSettings } from '../../../src/config/types.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { type Logged, listLog, openMemoryStream, readAll, runOf, settled } from '../../support/streams.ts';

const SMALL = { retain: { bytes: 0, age: 0, count: 32 }, fsync: 'always', fsyncInterval: 1 } as const;
const log = (sequence: number): string => join('/s', `${String(sequence).padStart(20, '0')}.log`);
const index = (sequence: number): string => log(sequence).replace('.log', '.index');

/** Records `r1` to `r<count>`, one write each; with `SMALL` four to a segment. */
async function written(count: number, settings: StreamSettings = SMALL): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const stream = await openMemoryStream(files, { settings });
  // Nothing is to be removed here.
  stream.protect('all', 1);
  for (let i = 1; i <= count; i++) {
    assert.notEqual(stream.append(runOf(`r${i}`), { name: 'bob', sequence: i }), null);
    await settled(stream);
  }
  await stream.close();
  return files;
}

/** Everything in the stream, and what was logged on the way. */
async function read(
  files: MemoryFiles,
): Promise<{ lines: string[]; next: number; last: number; logged: Logged[] }> {
  const logged: Logged[] = [];
  const stream = await openMemoryStream(files, { settings: SMALL, log: listLog(logged) });
  const lines = await readAll(stream, stream.first);
  const { next } = stream;
  const last = stream.lastOf('bob');
  // Whatever was found, it goes on.
  stream.append(runOf('more'), null);
  await settled(stream);
  assert.deepEqual(await readAll(stream, next), [`${next}:more`]);
  await stream.close();
  return { lines, next, last, logged };
}

const records = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}:r${from + i}`);

describe('opening a stream that was not closed well', () => {
  it('needs no index, and makes what is missing again', async () => {
    const files = await written(14);
    for (const first of [1, 5]) await files.remove(index(first));
    files.put(index(9), Buffer.from('garbage'));
    const { lines, last, logged } = await read(files);
    assert.deepEqual(lines, records(1, 14));
    assert.equal(last, 14);
    assert.deepEqual(logged, []);
    for (const first of [1, 5, 9]) assert.ok(files.content(index(first)).length > 60);
  });

  it('cuts a torn tail at every octet, says so, and knows its producers', async () => {
    const whole = await written(6);
    const path = log(5);
    const data = whole.content(path);
    const lastAt = data.lastIndexOf('bob') - 48;
    for (let end = lastAt; end < data.length; end++) {
      const files = whole.kill();
      files.put(path, data.subarray(0, end));
      const { lines, next, last, logged } = await read(files);
      assert.deepEqual(lines, records(1, 5), `${end}`);
      assert.equal(next, 6);
      assert.equal(last, 5);
      const torn =
        end === lastAt
          ? []
          : [{ event: 'store:torn', stream: 's', file: path, offset: lastAt, bytes: end - lastAt }];
      assert.deepEqual(
        logged.map(({ fields }) => fields),
        torn,
      );
    }
  });

  it('leaves nothing behind where it has cut', async () => {
    const files = await written(4, { ...SMALL, retain: { bytes: 0, age: 0, count: 0 } });
    const data = files.content(log(1));
    const at = [...data.toString('latin1').matchAll(/bob/g)].map((match) => match.index - 48);
    // The last two were one write, of which the first part is missing.
    const torn = Buffer.from(data);
    torn.writeUInt32BE(at[2]!, at[3]! + 40);
    torn.fill(0, at[2], at[3]);
    files.put(log(1), torn);
    const stream = await openMemoryStream(files);
    assert.equal(stream.next, 3);
    assert.equal(files.content(log(1)).length, at[2]);
    await stream.close();
  });

  it('has on the disk what it found, before it says that it is stored', async () => {
    // Killed after each number of turns of a roll and the write that follows; then the power goes.
    for (let turns = 0; turns < 15; turns++) {
      let files = new MemoryFiles();
      const stream = await openMemoryStream(files, { settings: SMALL });
      stream.append(runOf('r1', 'r2', 'r3', 'r4'), { name: 'bob', sequence: 1 });
      await settled(stream);
      stream.append(runOf('r5'), { name: 'bob', sequence: 5 });
      for (let i = 0; i < turns; i++) await new Promise(setImmediate);
      files = files.kill();
      await stream.close();
      const found = await openMemoryStream(files, { settings: SMALL });
      found.append(runOf('more'), null);
      await settled(found);
      const { next } = found;
      const left = files.powerLoss(() => 0.1);
      await found.close();
      const again = await openMemoryStream(left, { settings: SMALL });
      assert.equal(again.next, next, `${turns}`);
      await again.close();
    }
  });

  it('isolates what is damaged, whichever octet of a batch it is', async () => {
    const whole = await written(4, { ...SMALL, retain: { bytes: 0, age: 0, count: 0 } });
    const path = log(1);
    const data = whole.content(path);
    const at = [...data.toString('latin1').matchAll(/bob/g)].map((match) => match.index - 48);
    for (let octet = at[1]!; octet < at[2]!; octet++) {
      const files = whole.kill();
      const bad = Buffer.from(data);
      bad[octet]! ^= 0x40;
      files.put(path, bad);
      const { lines, last, logged } = await read(files);
      assert.deepEqual(lines, ['1:r1', '2-2 damaged', '3:r3', '4:r4']);
      assert.equal(last, 4);
      const [first] = logged;
      assert.deepEqual(first?.fields, {
        event: 'store:damaged',
        code: 'STREAM_DAMAGED',
        stream: 's',
        file: path,
        offset: at[1],
        bytes: at[2]! - at[1]!,
        first: 2,
        last: 2,
      });
    }
  });

  it('finds damage in a finished segment when it is read, and reads on', async () => {
    const files = await written(12);
    const bad = Buffer.from(files.content(log(5)));
    bad[bad.length - 20]! ^= 1;
    files.put(log(5), bad);
    const { lines, logged } = await read(files);
    assert.deepEqual(lines, [...records(1, 7), '8-8 damaged', ...records(9, 12)]);
    assert.equal(logged[0]?.fields.event, 'store:damaged');
  });

  it('tells a segment that is gone', async () => {
    const files = await written(12);
    await files.remove(log(5));
    const { lines } = await read(files);
    assert.deepEqual(lines, [...records(1, 4), '5-8 damaged', ...records(9, 12)]);
  });

  it('reads on behind a damaged header, and takes the producers from the one before', async () => {
    const files = await written(14);
    const bad = Buffer.from(files.content(log(13)));
    bad[3] = 0;
    files.put(log(13), bad);
    const { lines, last } = await read(files);
    assert.deepEqual(lines, records(1, 14));
    assert.equal(last, 14);
  });

  it('uses no sequence twice when the last segment is garbage', async () => {
    const files = await written(14);
    files.put(log(13), Buffer.alloc(500, 'garbage'));
    const { lines, next, last } = await read(files);
    assert.deepEqual(lines, [...records(1, 12), '13-262 damaged']);
    assert.equal(next, 263);
    assert.equal(last, 12);
    // And does not go on for ever in this way.
    const again = await read(files);
    assert.equal(again.next, 264);
  });

  it('begins again with an empty segment, as a crash may leave it', async () => {
    const files = await written(12);
    files.put(log(13), Buffer.alloc(0));
    const { lines, next } = await read(files);
    assert.deepEqual(lines, records(1, 12));
    assert.equal(next, 13);
  });

  it('removes what was not finished, and leaves alone what it does not know', async () => {
    const files = await written(3);
    files.put(`${log(7)}.tmp`, Buffer.from('x'));
    files.put(index(77), Buffer.from('x'));
    files.put('/s/notes.txt', Buffer.from('x'));
    assert.deepEqual((await read(files)).lines, records(1, 3));
    assert.ok(files.paths.includes('/s/notes.txt'));
    assert.ok(!files.paths.includes(`${log(7)}.tmp`));
    assert.ok(!files.paths.includes(index(77)));
  });

  it('knows the mark from any segment when stream.json is lost', async () => {
    const files = await written(9);
    const meta = files.content('/s/stream.json');
    await files.remove('/s/stream.json');
    assert.deepEqual((await read(files)).lines, records(1, 9));
    assert.deepEqual(files.content('/s/stream.json'), meta);
  });

  it('refuses a format that it does not know, and changes nothing', async () => {
    for (const [path, change] of [
      ['/s/stream.json', (): Buffer => Buffer.from('{"format":2,"mark":1}')],
      [
        log(1),
        (data: Buffer): Buffer => {
          const later = Buffer.from(data);
          later.writeUInt32BE(2, 8);
          return later;
        },
      ],
    ] as const) {
      const files = await written(3);
      files.put(path, change(files.content(path)));
      const before = files.content(log(1));
      await assert.rejects(openMemoryStream(files), {
        code: 'STORE_FAILED',
        message: /has format 2, this version .* move the folder away/,
      });
      assert.deepEqual(files.content(log(1)), before);
    }
    const files = await written(3);
    files.put('/s/stream.json', Buffer.from('{}'));
    files.put(log(1), Buffer.from('nothing'));
    await assert.rejects(openMemoryStream(files), { code: 'STORE_FAILED', message: /can't be read/ });
  });

  it('says how far it is when it takes long', async () => {
    const files = await written(14);
    for (const first of [1, 5, 9]) await files.remove(index(first));
    const logged: Logged[] = [];
    let now = 0;
    const stream = await openMemoryStream(files, {
      settings: SMALL,
      log: listLog(logged),
      now: () => (now += 1500),
    });
    await stream.close();
    const lines = logged.filter(({ fields }) => fields.event === 'store:recovering');
    assert.ok(lines.length > 0);
    assert.ok(lines.every(({ fields }) => typeof fields.bytes === 'number'));
  });
});
