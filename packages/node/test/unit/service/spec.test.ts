import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SpecInput } from '../../../src/service/spec.ts';
import { buildSpec, checkName, resolveCommand } from '../../../src/service/spec.ts';
import { specOf } from '../../support/spec.ts';

const input = (more: Partial<SpecInput>): SpecInput => ({ ...specOf(), environment: [], ...more });
const usage = { code: 'USAGE' };

test('names are file names on every system', () => {
  for (const name of ['zeroth', 'a', 'edge-2', 'a.b_c', '9x', 'x'.repeat(64)])
    assert.equal(checkName(name), name);
  for (const name of ['', '-x', '.x', 'a/b', 'a b', 'ü', 'a@b', 'a\n', 'x'.repeat(65), '../x'])
    assert.throws(() => checkName(name), usage);
});

test('variables: KEY=VALUE, and a value is never repeated in an error', () => {
  const { environment } = buildSpec(input({ environment: ['A=1', 'B=x=y', 'C='] }));
  assert.deepEqual(environment, { A: '1', B: 'x=y', C: '' });
  for (const pair of ['A', '=x', '1A=x', 'A B=x'])
    assert.throws(() => buildSpec(input({ environment: [pair] })), usage);
  assert.throws(
    () => buildSpec(input({ environment: ['TOKEN=hush\nhush'] })),
    (error: Error) => !error.message.includes('hush') && error.message.includes('TOKEN'),
  );
});

test('what could break out of a file of the service manager is refused', () => {
  assert.throws(() => buildSpec(input({ displayName: 'a\nExecStart=/bin/sh' })), usage);
  assert.throws(() => buildSpec(input({ description: 'a\u2028b' })), usage);
  assert.throws(() => buildSpec(input({ command: ['/bin/x', 'a\r'] })), usage);
  assert.throws(() => buildSpec(input({ user: 'a\nb' })), usage);
  assert.throws(() => buildSpec(input({ user: '-r' })), usage);
  assert.throws(() => buildSpec(input({ folder: 'relative' })), usage);
  assert.throws(() => buildSpec(input({ dataDir: '/data\\' })), usage);
  assert.throws(() => buildSpec(input({ reads: ['/a\u0000b'] })), usage);
});

test('a folder that others need is not given to a service', () => {
  for (const dataDir of ['/', '/var/lib', '/var/lib/', '/etc/../usr', '/home/ann', '/Users/ann', '/tmp'])
    assert.throws(() => buildSpec(input({ dataDir })), { code: 'USAGE', message: /node\.dataDir/ });
  for (const dataDir of ['/var/lib/zeroth', '/home/ann/data', null]) buildSpec(input({ dataDir }));
});

test('a command means the same from anywhere', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-spec-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'tool');
  writeFileSync(program, '');
  chmodSync(program, 0o755);
  writeFileSync(join(folder, 'app.js'), '');
  const at = { folder, path: folder };
  assert.deepEqual(resolveCommand(['tool', 'app.js', '--x', 'word', '/abs'], at), [
    program,
    join(folder, 'app.js'),
    '--x',
    'word',
    '/abs',
  ]);
  assert.deepEqual(resolveCommand(['./tool'], at), [program]);
  assert.throws(() => resolveCommand(['nothing'], at), usage);
  assert.throws(() => resolveCommand(['./app.js'], at), usage);
  for (const word of ['./missing.js', 'missing.js', 'lib/missing.mjs'])
    assert.throws(() => resolveCommand(['tool', word], at), usage);
  assert.deepEqual(resolveCommand(['tool', 'x=a.js', 'https://a.js', 'zmq'], at).slice(1), [
    'x=a.js',
    'https://a.js',
    'zmq',
  ]);
  assert.throws(() => resolveCommand([], at), usage);
  // A relative folder of PATH is another one there.
  assert.throws(() => resolveCommand(['tool'], { folder, path: '.' }), usage);
});
