import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { MAX_FILE_SIZE } from '../../../src/config/source.ts';
import { DEFAULT_CONFIG_YAML } from '../../../src/config/templates.ts';
import { good } from './support.ts';

describe('files', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'zeroth-config-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const refused = (path: string): [string, string] => {
    const { config, problems } = loadConfig({ path });
    assert.equal(config, null);
    assert.equal(problems.length, 1);
    const [problem] = problems;
    assert.equal(problem?.file, path);
    return [problem?.code ?? '', `${problem?.line}:${problem?.column}`];
  };

  it('relative paths start at the folder of the file', () => {
    const { config } = loadConfig({ path: write('good.yaml', DEFAULT_CONFIG_YAML) });
    assert.equal(config?.node.dataDir, join(folder, 'data'));
  });

  it('with and without a byte order mark are the same', () => {
    const { config } = loadConfig({ path: write('bom.yaml', `\ufeff${DEFAULT_CONFIG_YAML}`) });
    assert.deepEqual(config?.routes, good(DEFAULT_CONFIG_YAML).routes);
  });

  it('that do not exist', () =>
    assert.deepEqual(refused(join(folder, 'none.yaml')), ['CONFIG_FILE_NOT_FOUND', '0:0']));

  it('inside of a file', () => {
    // Windows says that there is no such file, Unix that there is no such folder.
    assert.deepEqual(refused(join(write('plain.yaml', ''), 'x')), ['CONFIG_FILE_NOT_FOUND', '0:0']);
  });

  it('that are folders', () => {
    mkdirSync(join(folder, 'dir.yaml'));
    const [code] = refused(join(folder, 'dir.yaml'));
    // Windows refuses to open a folder, and does not say that it is one.
    assert.ok(
      code === 'CONFIG_FILE_NOT_A_FILE' ||
        (process.platform === 'win32' && code === 'CONFIG_FILE_UNREADABLE'),
      code,
    );
  });

  it('with a NUL in their name', () =>
    assert.equal(refused(join(folder, 'a\0b'))[0], 'CONFIG_FILE_UNREADABLE'));

  const cannotTest =
    process.platform === 'win32' ? 'no modes' : process.getuid?.() === 0 ? 'root reads everything' : false;
  it('without permission', { skip: cannotTest }, () => {
    const path = write('secret.yaml', DEFAULT_CONFIG_YAML);
    chmodSync(path, 0);
    assert.equal(refused(path)[0], 'CONFIG_FILE_UNREADABLE');
  });

  it('of more than the limit', () => {
    assert.equal(refused(write('large.yaml', '#'.repeat(MAX_FILE_SIZE + 1)))[0], 'CONFIG_FILE_TOO_LARGE');
    assert.equal(refused(write('full.yaml', '#'.repeat(MAX_FILE_SIZE)))[0], 'CONFIG_EMPTY');
  });

  it('without an end are read up to the limit only', {
    skip: process.platform === 'win32' ? 'no /dev/zero' : false,
  }, () => {
    assert.equal(refused('/dev/zero')[0], 'CONFIG_FILE_TOO_LARGE');
  });

  it('that are not UTF-8, with the place', () => {
    const latin = Buffer.from('node:\n  name: "z\u00fcrich"\n', 'latin1');
    assert.deepEqual(refused(write('latin.yaml', latin)), ['CONFIG_NOT_UTF8', '2:11']);
    const cut = Buffer.from('# 北').subarray(0, 4);
    assert.deepEqual(refused(write('cut.yaml', cut)), ['CONFIG_NOT_UTF8', '1:3']);
    assert.deepEqual(refused(write('utf16.yaml', Buffer.from('\ufeffnode: {}', 'utf16le'))), [
      'CONFIG_NOT_UTF8',
      '0:0',
    ]);
  });
});
