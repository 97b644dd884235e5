import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { SourceCopy } from '../../../src/source/copy.ts';
import { testFolder } from '../../support/centre.ts';

const TEXT = { text: '# Grüße\nroutes: {}\n', revision: '12' };

test('what was saved is there, for its owner only', async (t) => {
  const folder = join(await testFolder(t), 'data');
  const copy = new SourceCopy(folder, 'etcd http://a, key "b"\nc');
  equal(await copy.load(), null);
  await copy.save({ text: 'older', revision: '11' });
  await copy.save(TEXT);
  deepEqual(await copy.load(), TEXT);
  deepEqual(await readdir(dirname(copy.path)), ['source.yaml']);
  if (process.platform === 'win32') return;
  equal((await stat(copy.path)).mode & 0o777, 0o600);
  equal((await stat(dirname(copy.path))).mode & 0o777, 0o700);
});

test('of another source it is not used', async (t) => {
  const folder = await testFolder(t);
  await new SourceCopy(folder, 'etcd http://a, key b').save(TEXT);
  equal(await new SourceCopy(folder, 'etcd http://a, key c').load(), null);
  deepEqual(await new SourceCopy(folder, 'etcd http://a, key b').load(), TEXT);
});

test('a damaged one is not used', async (t) => {
  const copy = new SourceCopy(await testFolder(t), 'name');
  await copy.save(TEXT);
  const whole = await readFile(copy.path);
  await truncate(copy.path, whole.length - 1);
  equal(await copy.load(), null);
  for (const broken of [
    '',
    'routes: {}\n',
    '# zeroth: {"version":1\n',
    '# zeroth: null\n',
    String(whole).replace('"version":1', '"version":2'),
    `${String(whole)}x`,
    '#'.repeat(64 * 1024),
  ]) {
    await writeFile(copy.path, broken);
    equal(await copy.load(), null, broken.slice(0, 40));
  }
  await truncate(copy.path, 3 * 1024 * 1024);
  equal(await copy.load(), null);
});

test("what a crash left behind is in nobody's way", async (t) => {
  const copy = new SourceCopy(await testFolder(t), 'name');
  await mkdir(dirname(copy.path));
  await writeFile(`${copy.path}.new`, 'half of', { mode: 0o644 });
  await copy.save(TEXT);
  deepEqual(await copy.load(), TEXT);
  if (process.platform !== 'win32') equal((await stat(copy.path)).mode & 0o777, 0o600);
});

test("a place that can't be used is said", async (t) => {
  const folder = await testFolder(t);
  const copy = new SourceCopy(folder, 'name');
  await mkdir(copy.path, { recursive: true });
  await rejects(copy.load(), { code: 'FILE_FAILED', message: /source\.yaml.* can't be read: EISDIR/ });
  await rejects(copy.save(TEXT), { code: 'FILE_FAILED', message: /source\.yaml.* can't be written: E/ });
});
