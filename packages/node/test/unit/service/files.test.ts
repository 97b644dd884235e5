import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeStep, writeStep } from '../../../src/service/files.ts';

test('a file that can not be put in its place leaves no draft of its secrets', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'secret', 'in-the-way'), { recursive: true });
  await assert.rejects(writeStep(join(folder, 'secret'), 'hush', 0o600).perform(), {
    code: 'SERVICE_FAILED',
  });
  assert.deepEqual(readdirSync(folder), ['secret']);
});

test('what was removed comes back as it was', { skip: process.platform === 'win32' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const path = join(folder, 'unit');
  await writeStep(path, 'text', 0o644).perform();
  const step = removeStep(path, 0o644);
  await step.perform();
  await step.undo?.();
  assert.equal(statSync(path).mode & 0o777, 0o644);
});
