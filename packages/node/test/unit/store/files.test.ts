import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { codeOf, readSmall, realFiles, replaceFile, writeAt } from '../../../src/store/files.ts';
import { FilePool } from '../../../src/store/pool.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'zeroth-files-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Both have to be the same to the store. */
const systems = [
  { name: 'the real one', open: async () => ({ files: realFiles, at: (name: string) => join(dir, name) }) },
  {
    name: 'the one of tests',
    open: async () => {
      const files = new MemoryFiles();
      await files.makeFolder('/m');
      return { files, at: (name: string) => `/m/${name}` };
    },
  },
] as const;

for (const { name, open } of systems) {
  describe(`the file system: ${name}`, () => {
    it('writes many pieces at a place, and reads them', async () => {
      const { files, at } = await open();
      for (const mode of ['write', 'durable'] as const) {
        const file = await files.open(at(mode), mode);
        // More pieces than one call of the system takes.
        const pieces = Array.from({ length: 3000 }, (_, i) => Buffer.from(`${i};`));
        await writeAt(file, pieces, 5);
        const whole = Buffer.concat(pieces);
        assert.equal(await file.size(), whole.length + 5);
        const into = Buffer.alloc(whole.length + 100);
        assert.equal(await file.read(into, 5), whole.length);
        assert.deepEqual(into.subarray(0, whole.length), whole);
        assert.equal(await file.read(into, whole.length + 5), 0);
        await file.sync();
        await file.truncate(7);
        assert.equal(await file.size(), 7);
        await file.close();
      }
    });

    it('keeps what a file holds when it is opened again', async () => {
      const { files, at } = await open();
      for (const mode of ['write', 'durable', 'read'] as const) {
        const file = await files.open(at('f'), mode);
        if (mode === 'write') await writeAt(file, [Buffer.from('abc')], 0);
        assert.equal(await file.size(), 3);
        await file.close();
      }
    });

    it('renames over, links once, lists and removes', async () => {
      const { files, at } = await open();
      await replaceFile(files, at('a'), [Buffer.from('1')]);
      await replaceFile(files, at('b'), [Buffer.from('2')]);
      await files.rename(at('a'), at('b'));
      assert.equal((await readSmall(files, at('b'), 100))?.toString(), '1');
      assert.equal(await readSmall(files, at('a'), 100), null);
      assert.equal(await readSmall(files, at('b'), 0), null, 'too large');
      await files.link(at('b'), at('c'));
      await assert.rejects(files.link(at('b'), at('c')), { code: 'EEXIST' });
      assert.deepEqual((await files.list(at('.').replace(/\/\.$/, ''))).sort(), ['b', 'c']);
      await files.remove(at('b'));
      assert.equal((await readSmall(files, at('c'), 100))?.toString(), '1');
      await files.syncFolder(at('.').replace(/\/\.$/, ''));
      await files.touch(at('c'));
      assert.ok(Math.abs((await files.stat(at('c'))).modified - Date.now()) < 60_000);
      for (const call of [
        () => files.open(at('x'), 'read'),
        () => files.stat(at('x')),
        () => files.remove(at('x')),
        () => files.rename(at('x'), at('y')),
        () => files.list(at('x')),
      ])
        await assert.rejects(call, { code: 'ENOENT' });
    });
  });
}

describe('errors of the system', () => {
  it('are known by their code', () => {
    assert.equal(codeOf(Object.assign(new Error('full'), { code: 'ENOSPC' })), 'ENOSPC');
    for (const error of [null, undefined, 'text', new Error('x'), { code: 5 }])
      assert.equal(codeOf(error), '');
  });

  it('reach whoever writes', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async () => {
    const file = await realFiles.open('/dev/full', 'write');
    await assert.rejects(writeAt(file, [Buffer.from('x')], 0), { code: 'ENOSPC' });
    await file.close();
  });
});

describe('the files that are open for reading', () => {
  it('stay open for the next reader, some of them', async () => {
    const files = new MemoryFiles();
    let opened = 0;
    files.fault = (operation) => {
      if (operation === 'open') opened++;
      return null;
    };
    const pool = new FilePool(files);
    for (let i = 0; i < 100; i++) files.put(`/f${i}`, Buffer.from(`${i}`));
    const read = (i: number): Promise<string> =>
      pool.use(`/f${i}`, async (file) => {
        const into = Buffer.alloc(9);
        return into.toString('latin1', 0, await file.read(into, 0));
      });
    for (let round = 0; round < 3; round++) for (let i = 0; i < 50; i++) assert.equal(await read(i), `${i}`);
    assert.equal(opened, 50);
    for (let i = 0; i < 100; i++) await read(i);
    assert.equal(opened, 100);
    await read(0);
    assert.equal(opened, 101, 'the one used longest ago was closed');
    await read(99);
    assert.equal(opened, 101);
    await pool.close();
  });

  it('are not closed under a reader', async () => {
    writeFileSync(join(dir, 'f'), 'content');
    const pool = new FilePool(realFiles);
    let closed = false;
    await pool.use(join(dir, 'f'), async (file) => {
      void pool.close().then(() => {
        closed = true;
      });
      await new Promise(setImmediate);
      const into = Buffer.alloc(7);
      assert.equal(await file.read(into, 0), 7);
      assert.ok(!closed);
    });
    await assert.rejects(
      pool.use(join(dir, 'none'), async () => {}),
      { code: 'ENOENT' },
    );
    writeFileSync(join(dir, 'none'), 'now');
    await pool.use(join(dir, 'none'), async (file) => assert.equal(await file.size(), 3));
    await pool.close();
    assert.equal(readFileSync(join(dir, 'f'), 'utf8'), 'content');
  });
});
