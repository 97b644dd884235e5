/** The libraries are optional: without them everything else of the package works. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const dir = mkdtempSync(join(tmpdir(), 'codec-'));
after(() => rmSync(dir, { recursive: true }));

describe('without the libraries', () => {
  // A folder from which no package is found.
  const src = fileURLToPath(new URL('../../../src', import.meta.url));
  for (const part of ['codec', 'codec.js', 'errors.js'])
    cpSync(join(src, part), join(dir, part), { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  const url = pathToFileURL(join(dir, 'codec.js')).href;

  function tried(call: string): string {
    const program = `const c = await import(${JSON.stringify(url)});
      try { console.log('made', (await c.${call}).name); } catch (e) { console.log(e.code, e.message); }`;
    return spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).stdout;
  }

  it('says which one to install', () => {
    assert.match(tried('msgpack()'), /^ERR_CODEC_MISSING .*npm install @msgpack\/msgpack/);
    assert.match(tried('protobuf("a.proto", "A")'), /^ERR_CODEC_MISSING .*npm install protobufjs/);
    assert.match(tried('parseCodec("msgpack")'), /^ERR_CODEC_MISSING/);
  });

  it('has JSON', () => assert.equal(tried('json()'), 'made json\n'));
});
