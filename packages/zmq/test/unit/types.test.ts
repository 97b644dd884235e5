/**
 * Programs written for zeromq.js compile with our types, unchanged. Those of test/programs are compiled with zeromq.js's own
 * whenever the tests are built, and here with `zeromq` turned to ours.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const out = fileURLToPath(new URL('../..', import.meta.url));
const types = fileURLToPath(new URL('../../../src', import.meta.url));
/** Of the libraries that have none. */
const declarations = join(types, 'crypto/libraries.d.ts');
const programs = fileURLToPath(new URL('../../../test/programs', import.meta.url));
const tsc = fileURLToPath(new URL('../../../../../node_modules/typescript/bin/tsc', import.meta.url));

/** What the compiler says of these files where `zeromq` is `main`. */
function complaints(t: TestContext, files: string[], main: string): string {
  const folder = mkdtempSync(join(out, 'types-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    module: 'node20',
    moduleDetection: 'force',
    types: ['node'],
    typeRoots: [fileURLToPath(new URL('../../../../../node_modules/@types', import.meta.url))],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    paths: { zeromq: [main], 'zeromq/draft.js': [join(types, 'draft.ts')] },
  };
  const config = join(folder, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [...files, declarations] }));
  const { stdout, error } = spawnSync(process.execPath, [tsc, '-p', config, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  if (error) throw error;
  return stdout.trim();
}

it('programs for zeromq.js compile with our types', (t) => {
  const files = readdirSync(programs).map((name) => join(programs, name));
  assert.ok(files.length >= 2);
  assert.equal(complaints(t, files, join(types, 'index.ts')), '');
});

it('the compiler looks at them', (t) => {
  const files = [join(programs, 'sockets.ts')];
  assert.match(complaints(t, files, join(types, 'errors.ts')), /TS\d+: .*(Dealer|Context)/);
});
