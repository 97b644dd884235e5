import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { cacheFolders, hasKoffi, loadKoffi, unpackInto } from '../../../src/service/koffi.ts';

describe('koffi', () => {
  it('calls a function of the system', { skip: hasKoffi() ? false : 'koffi is not installed' }, () => {
    const abs = loadKoffi()
      .load(process.platform === 'win32' ? 'msvcrt.dll' : null)
      .func('int abs(int)');
    assert.equal(abs(-7), 7);
  });
});

describe('the addon of an executable', () => {
  const addon = Buffer.from('not really one');
  let folder: string;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'zeroth-koffi-')), 'cache');
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true }));

  it('is unpacked once, into a folder of this account alone', async () => {
    const path = unpackInto(folder, addon);
    assert.deepEqual(await readFile(path), addon);
    const { mtimeMs } = await stat(path);
    assert.equal(unpackInto(folder, addon), path);
    assert.equal((await stat(path)).mtimeMs, mtimeMs);
    assert.deepEqual(await readdir(folder), ['koffi.node']);
    if (process.platform !== 'win32') assert.equal((await stat(folder)).mode & 0o777, 0o700);
  });

  it('is written anew when what is there is something else', async () => {
    const path = unpackInto(folder, addon);
    await writeFile(path, 'evil');
    unpackInto(folder, addon);
    assert.deepEqual(await readFile(path), addon);
  });

  it('is unpacked over what a process of the same number left half written', async () => {
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, `koffi.node.${process.pid}`), 'half');
    assert.deepEqual(await readFile(unpackInto(folder, addon)), addon);
    assert.deepEqual(await readdir(folder), ['koffi.node']);
  });

  it('is not loaded from a folder that others can write in', {
    skip: process.platform === 'win32' && 'rights are no modes',
  }, async () => {
    unpackInto(folder, addon);
    await chmod(folder, 0o777);
    assert.throws(() => unpackInto(folder, addon), /others may write/);
  });

  it('goes to folders of the account, never to one beside us', () => {
    assert.deepEqual(cacheFolders('win32', { LOCALAPPDATA: 'l', USERPROFILE: '.' }), []);
    assert.deepEqual(cacheFolders('linux', { XDG_CACHE_HOME: '.', HOME: '' }), []);
    assert.deepEqual(cacheFolders('win32', { LOCALAPPDATA: 'C:\\l', USERPROFILE: '' }), ['C:\\l']);
    assert.deepEqual(
      cacheFolders('linux', {
        CACHE_DIRECTORY: '/var/cache/a:/var/cache/b',
        HOME: '/home/x',
        XDG_CACHE_HOME: '',
      }),
      ['/var/cache/a', '/home/x/.cache'],
    );
  });
});
