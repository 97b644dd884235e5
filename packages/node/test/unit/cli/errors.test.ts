/** The words of errors, and of a command that is not built. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fileError } from '../../../src/cli/errors.ts';
import { reasonOf, wordsOf } from '../../../src/flow/errors.ts';

describe('the words of an error', () => {
  it('give the reason once', () => {
    const error = (message: string, detail: string): Error =>
      Object.assign(new Error(message), { code: 'EADDRINUSE', detail });
    const system = error('Address already in use', 'listen EADDRINUSE: address already in use 127.0.0.1:1');
    assert.equal(reasonOf(system), 'Address already in use (EADDRINUSE)');
    assert.equal(wordsOf(error('Invalid argument', 'no port')), 'Invalid argument: no port');
    assert.equal(wordsOf('plain'), 'plain');
  });

  it('of a file leave the system call out', () => {
    const messageFor = (text: string): string =>
      fileError('read', 'x', { cause: new Error(text), exitCode: 2 }).message;
    assert.equal(
      messageFor("ENOENT: no such file or directory, open 'x'"),
      'cannot read x: no such file or directory (ENOENT)',
    );
    assert.equal(
      messageFor('EISDIR: illegal operation on a directory, read'),
      'cannot read x: illegal operation on a directory (EISDIR)',
    );
    assert.equal(messageFor('something else'), 'cannot read x: something else');
  });
});

describe('bin/zeroth.js', () => {
  it('says that it is not built', (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'zeroth-bin-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    mkdirSync(join(dir, 'bin'));
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    const script = join(dir, 'bin', 'zeroth.js');
    copyFileSync(fileURLToPath(new URL('../../../../bin/zeroth.js', import.meta.url)), script);
    const { status, stderr } = spawnSync(process.execPath, [script, '--version'], { encoding: 'utf8' });
    assert.equal(stderr, 'not built yet: npm run build (npm start does it too)\n');
    assert.equal(status, 1);
  });
});
