import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { dataSteps } from '../../../src/service/data.ts';
import { performSteps } from '../../../src/service/steps.ts';
import { fakeRun } from '../../support/spec.ts';

const skip = process.platform === 'win32' ? 'the rights of Unix' : false;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'zeroth-data-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a folder that is missing is made, and nothing is changed through a link', { skip }, async (t) => {
  const path = join(folder(t), 'a', 'data');
  const { run, calls } = fakeRun();
  await performSteps(await dataSteps(run, path, 'zeroth'));
  assert.deepEqual(calls, [`install -d -m 0750 -o zeroth ${path}`, `chown -h zeroth: ${path}`]);
});

test('the data of a node is handed over, and given back when a later step fails', { skip }, async (t) => {
  const path = folder(t);
  for (const name of ['streams', 'config']) mkdirSync(join(path, name));
  writeFileSync(join(path, 'lock'), '');
  const { run, calls } = fakeRun();
  const steps = await dataSteps(run, path, 'zeroth');
  const fails = { what: 'fail', perform: () => Promise.reject(new Error('no')) };
  await assert.rejects(performSteps([...steps, fails]), /no/);
  assert.deepEqual(calls.slice(1), [
    `chown -R -P zeroth: ${path}`,
    `chown -R -P ${process.getuid?.()}:${process.getgid?.()} ${path}`,
  ]);
});

test("what is the account's already is left as it is, whatever is in it", { skip }, async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'own'), '');
  const { run } = fakeRun({ 'id -u': { stdout: `${process.getuid?.()}\n` } });
  assert.deepEqual(await dataSteps(run, path, 'zeroth'), []);
});

test('a folder of another program, a link, a file are refused', { skip }, async (t) => {
  const path = folder(t);
  mkdirSync(join(path, 'sql'));
  writeFileSync(join(path, 'sql', 'ibdata1'), '');
  symlinkSync(join(path, 'sql'), join(path, 'link'));
  const { run, calls } = fakeRun();
  const refused = (message: RegExp): { code: string; message: RegExp } => ({
    code: 'SERVICE_FAILED',
    message,
  });
  await assert.rejects(dataSteps(run, join(path, 'sql'), 'zeroth'), refused(/"ibdata1".*chown -h zeroth:/));
  await assert.rejects(dataSteps(run, join(path, 'link'), 'zeroth'), refused(/is a link: .*sql$/));
  await assert.rejects(dataSteps(run, join(path, 'sql', 'ibdata1'), 'zeroth'), refused(/is a file/));
  assert.deepEqual(
    calls.filter((line) => !line.startsWith('id ')),
    [],
  );
});

test('nobody else can put a link in its way', { skip }, async (t) => {
  const above = folder(t);
  chmodSync(above, 0o777);
  const { run } = fakeRun();
  const refused = { code: 'SERVICE_FAILED', message: /others can write: make it yourself/ };
  await assert.rejects(dataSteps(run, join(above, 'data'), 'zeroth'), refused);
  chmodSync(above, 0o755);
  if (process.getuid?.() !== 0) return;
  chownSync(above, 65_534, 65_534);
  await assert.rejects(dataSteps(run, join(above, 'data'), 'zeroth'), refused);
});
