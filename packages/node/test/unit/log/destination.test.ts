/** What becomes of a line when the descriptor takes a part of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs, { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, mock } from 'node:test';
import { createDestination } from '../../../src/log/destination.ts';

it('a line that was cut because nobody read is not mixed with the next one', {
  skip: process.platform === 'win32' && 'no pipes in folders',
}, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  t.after(() => [reader, writer].forEach(closeSync));
  const destination = createDestination(writer);
  // More than a pipe holds.
  destination.write(`${'x'.repeat(4 * 1024 * 1024)}\n`);
  destination.write('dropped\n');
  const read = (): string => {
    const bytes = Buffer.alloc(4 * 1024 * 1024);
    return bytes.toString('latin1', 0, readSync(reader, bytes));
  };
  while (true) {
    try {
      if (read() === '') break;
    } catch {
      break;
    }
  }
  destination.write('next\n');
  assert.equal(read(), '\nnext\n');
  destination.write('last\n');
  assert.equal(read(), 'last\n');
});

it('goes on when a full disk has room again, and ends for good when its reader is gone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'log');
  const fd = openSync(path, 'a');
  t.after(() => closeSync(fd));
  const destination = createDestination(fd);
  const { writeSync } = fs;
  let code: string | null = null;
  const failing = (to: number, bytes: Uint8Array, at: number): number => {
    if (code === null) return writeSync(to, bytes, at);
    if (at > 0) throw Object.assign(new Error('no'), { code });
    return writeSync(to, bytes, at, 2);
  };
  mock.method(fs, 'writeSync', failing as typeof writeSync);
  syncBuiltinESMExports();
  try {
    code = 'ENOSPC';
    destination.write('one\n');
    code = null;
    destination.write('two\n');
    code = 'EPIPE';
    destination.write('three\n');
    code = null;
    destination.write('four\n');
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
  }
  assert.equal(readFileSync(path, 'utf8'), 'on\ntwo\nth');
});
