import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readLog } from '../../../src/service/log-file.ts';

describe('the log file of a service', () => {
  let folder: string;
  let path: string;
  const quiet = new AbortController().signal;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zeroth-log-'));
    path = join(folder, 'zeroth.log');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const last = async (lines: number): Promise<string[]> => {
    const found: string[] = [];
    for await (const line of readLog(path, { lines, follow: false, signal: quiet })) found.push(line);
    return found;
  };

  it('gives the last lines, and all when there are fewer', async () => {
    await writeFile(path, 'a\nb\r\nc\n');
    assert.deepEqual(await last(2), ['b', 'c']);
    assert.deepEqual(await last(9), ['a', 'b', 'c']);
    assert.deepEqual(await last(0), []);
    await appendFile(path, 'open');
    assert.deepEqual(await last(2), ['c', 'open']);
    await writeFile(path, '');
    assert.deepEqual(await last(2), []);
  });

  it('finds them across the blocks that it reads', async () => {
    const lines = Array.from({ length: 20_000 }, (_, at) => `line ${at} é`);
    await writeFile(path, `${lines.join('\n')}\n`);
    assert.deepEqual(await last(15_000), lines.slice(-15_000));
  });

  it('cuts a line without an end into pieces', async () => {
    await writeFile(path, 'x'.repeat(3 * 1024 * 1024));
    const pieces = await last(5);
    assert.ok(pieces.length > 1);
    assert.equal(pieces.join('').length, 3 * 1024 * 1024);
  });

  it('says that there is none', async () => {
    await assert.rejects(last(1), { code: 'FILE_FAILED', message: /zeroth\.log can't be read/ });
  });

  it('goes on over a rotation, without losing or repeating a line', async () => {
    await writeFile(path, 'old\nfirst\n');
    const stop = new AbortController();
    const lines = readLog(path, { lines: 1, follow: true, signal: stop.signal });
    const next = async (): Promise<string | undefined> => (await lines.next()).value ?? undefined;
    assert.equal(await next(), 'first');
    await appendFile(path, 'second\n');
    assert.equal(await next(), 'second');
    await appendFile(path, 'third\n');
    await rename(path, `${path}.1`);
    await writeFile(path, 'fourth\n');
    assert.equal(await next(), 'third');
    assert.equal(await next(), 'fourth');
    const end = lines.next();
    stop.abort();
    assert.deepEqual(await end, { done: true, value: undefined });
  });

  it('begins anew with a file that was cut', async () => {
    await writeFile(path, 'a long first line\n');
    const stop = new AbortController();
    const lines = readLog(path, { lines: 1, follow: true, signal: stop.signal });
    assert.equal((await lines.next()).value, 'a long first line');
    await writeFile(path, 'cut\n');
    assert.equal((await lines.next()).value, 'cut');
    stop.abort();
    assert.equal((await lines.next()).done, true);
  });

  it('waits for one that is not there yet', async () => {
    const stop = new AbortController();
    const lines = readLog(path, { lines: 10, follow: true, signal: stop.signal });
    const first = lines.next();
    await writeFile(path, 'hello\n');
    assert.equal((await first).value, 'hello');
    stop.abort();
    assert.equal((await lines.next()).done, true);
  });
});
