/** The data folder: what stands in the way, what it is on, and that nothing is left of the look at it. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import type { CheckResult, ConfiguredSurroundings } from '../../../src/doctor/check.ts';
import { checkData, judgeRoom, judgeTimes } from '../../../src/doctor/data.ts';
import { diskOf } from '../../../src/doctor/disk.ts';
import { reservedIn, tryPaths } from '../../../src/doctor/paths.ts';
import { realFiles } from '../../../src/store/files.ts';
import { Lock } from '../../../src/store/lock.ts';
import { another, only, surroundings } from '../../support/doctor.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'zeroth-data-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

function given(dataDir: string, more = ''): Promise<ConfiguredSurroundings> {
  return surroundings(
    `node: { dataDir: ${JSON.stringify(dataDir)} }\nstreams: { events: ${more} }\nsessions: { bind: "tcp://127.0.0.1:0" }\n`,
  );
}

function of(results: readonly CheckResult[], id: string): CheckResult | undefined {
  return results.find((each) => each.id === id);
}

describe('doctor: data folder', () => {
  it('tries it and leaves nothing, also of folders that were not there', async (t) => {
    const dir = await folder(t);
    const results = await checkData(await given(join(dir, 'deep', 'er')));
    assert.equal(of(results, 'data')?.status, 'ok', JSON.stringify(results));
    assert.equal(of(results, 'fsync')?.figures.writes, 20);
    assert.equal(of(results, 'data')?.figures.made, true);
    assert.deepEqual(await readdir(dir), []);
    await mkdir(join(dir, 'there'));
    await writeFile(join(dir, 'there', 'kept'), '');
    await checkData(await given(join(dir, 'there')));
    assert.deepEqual(await readdir(join(dir, 'there')), ['kept']);
  });

  it('fails when a file is in the way', async (t) => {
    const dir = await folder(t);
    await writeFile(join(dir, 'file'), '');
    for (const path of [join(dir, 'file'), join(dir, 'file', 'data')]) {
      const result = only(await checkData(await given(path)));
      assert.equal(result.status, 'failure');
      assert.match(result.message, /is a file/);
    }
  });

  it('fails when another process has it, and says which', async (t) => {
    const dir = await folder(t);
    const { pid } = await another(
      t,
      `import { Lock } from ${JSON.stringify(new URL('../../../src/store/lock.js', import.meta.url).href)};
import { realFiles } from ${JSON.stringify(new URL('../../../src/store/files.js', import.meta.url).href)};
await Lock.take(realFiles, ${JSON.stringify(dir)}, Date.now); console.log('taken'); setInterval(() => {}, 1e6);`,
    );
    const lock = of(await checkData(await given(dir)), 'lock');
    assert.deepEqual([lock?.status, lock?.figures.pid], ['failure', pid]);
    const mine = await folder(t);
    const held = await Lock.take(realFiles, mine, Date.now);
    assert.equal(of(await checkData(await given(mine)), 'lock')?.status, 'failure');
    await held.release();
    assert.equal(of(await checkData(await given(mine)), 'lock'), undefined);
    await writeFile(join(mine, 'lock'), 'of something else\n');
    assert.match(of(await checkData(await given(mine)), 'lock')?.message ?? '', /is no lock of zeroth/);
  });

  it('fails when names of files do not do what the store does with them', async (t) => {
    const dir = await folder(t);
    const broken = { ...realFiles, rename: () => Promise.reject(new Error('EXDEV: no')) };
    const result = of(await checkData(await given(dir), broken), 'data');
    assert.equal(result?.status, 'failure');
    assert.match(result.message, /a file can't be renamed over another: EXDEV/);
    assert.deepEqual(await readdir(dir), []);
  });

  it('fails when a write fails', async (t) => {
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    const broken = { ...realFiles, open: () => Promise.reject(full) };
    const result = of(await checkData(await given(await folder(t)), broken), 'fsync');
    assert.deepEqual([result?.status, result?.hint], ['failure', 'make room, or set node.dataDir']);
  });

  it('judges the room by what streams may take', async () => {
    const { opened } = await given('/data', '{ retain: { bytes: 1GiB } }');
    const facts = { free: 100e9, size: 200e9, inodes: 1e6, held: 0 };
    const judge = (more: object): readonly [string, string] => {
      const { status, message } = judgeRoom({ ...facts, ...more }, opened.config);
      return [status, message];
    };
    assert.equal(judge({})[0], 'ok');
    assert.match(judge({ free: 0.9e9 }).join(), /^warning,.*allow 1 GiB more/);
    assert.equal(judge({ free: 0.9e9, held: 0.5e9 })[0], 'ok');
    assert.match(judge({ inodes: 3 }).join(), /^warning,.*room for 3 files only/);
    assert.match(judge({ free: 1 }).join(), /^failure,.*full/);
  });

  it('judges the times of writes', () => {
    assert.equal(judgeTimes([0.2, 0.3, 14]).status, 'ok');
    assert.match(judgeTimes([30, 40, 50]).message, /after 40 ms, at worst 50 ms.*slow/);
    assert.match(judgeTimes([1, 1, 900]).message, /held up/);
  });

  it('knows file systems that keep no promise', () => {
    const kind = (type: number): unknown => diskOf(type, '/data', 'linux').figures.kind;
    assert.equal(kind(0x6969), 'network');
    assert.equal(kind(0xff534d42 | 0), 'network');
    assert.equal(kind(0x01021994), 'memory');
    assert.equal(kind(0x794c7630), 'layer');
    assert.equal(diskOf(0xef53, '/data', 'linux').status, 'ok');
    assert.equal(diskOf(0, '\\\\server\\share', 'win32').status, 'warning');
    assert.equal(diskOf(0, 'C:\\data', 'win32').status, 'ok');
  });

  it('knows names that Windows keeps for itself', () => {
    assert.equal(reservedIn('C:\\zeroth\\aux.data\\x', 'win32'), 'aux.data');
    assert.equal(reservedIn('C:\\zeroth\\data.', 'win32'), 'data.');
    assert.equal(reservedIn('C:\\console\\auxiliary', 'win32'), null);
    assert.equal(reservedIn('/srv/aux', 'linux'), null);
  });

  it('warns where paths do not work', async (t) => {
    const dir = await folder(t);
    assert.equal(only(await tryPaths(dir, dir)).status, 'ok');
    // 60 octets below the limit of Linux: the plain name fits, the others do not.
    const deep = join(dir, ...Array.from({ length: 16 }, () => 'd'.repeat(250)));
    const result = only(await tryPaths(deep, dir));
    assert.equal(result.status, 'warning');
    assert.match(result.message, /spaces and characters of all languages/);
  });
});
