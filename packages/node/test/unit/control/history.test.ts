import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { digestOf, History, KEPT } from '../../../src/control/history.ts';
import { accepted, folderOf, ME, MemoryLog, run, text } from './support.ts';

const texts = (content: string, centre: string | null = null) => ({
  centre: centre === null ? null : { name: 'etcd', text: centre },
  file: { name: 'zeroth.yaml', text: content },
});

function add(
  history: History,
  version: number,
  content: string,
  centre: string | null = null,
): Promise<void> {
  const both = texts(content, centre);
  return history.add({ version, at: version, by: ME, origin: 'zeroth.yaml', digest: digestOf(both) }, both);
}

async function open(
  t: TestContext,
): Promise<{ folder: string; log: MemoryLog; again: () => Promise<History> }> {
  const folder = folderOf(t);
  const log = new MemoryLog();
  return { folder, log, again: () => History.open(folder, log.log) };
}

describe('the history', () => {
  it('is there after a restart, texts and all', async (t) => {
    const { folder, again } = await open(t);
    const history = await again();
    await add(history, 1, 'a: 1\n');
    await add(history, 2, 'b: ü\n\n# zeroth: {}\n', 'c: 1');
    const read = await again();
    assert.deepEqual(
      read.versions.map(({ version, at, by }) => [version, at, by]),
      [
        [1, 1, ME],
        [2, 2, ME],
      ],
    );
    assert.deepEqual(await read.read(1), texts('a: 1\n'));
    assert.deepEqual(await read.read(2), texts('b: ü\n\n# zeroth: {}\n', 'c: 1'));
    assert.equal(await read.read(3), null);
    assert.deepEqual(readdirSync(join(folder, 'config')), ['1.yaml', '2.yaml']);
    if (process.platform === 'win32') return;
    assert.equal(statSync(join(folder, 'config')).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'config', '2.yaml')).mode & 0o777, 0o600);
  });

  it(`keeps the last ${KEPT}`, async (t) => {
    const { folder, again } = await open(t);
    const history = await again();
    for (let version = 1; version <= KEPT + 5; version++) await add(history, version, `a: ${version}\n`);
    assert.equal(history.versions[0]?.version, 6);
    assert.equal(await history.read(5), null);
    assert.equal((await again()).versions.length, KEPT);
    const names = readdirSync(join(folder, 'config'));
    assert.ok(names.includes(`${KEPT + 5}.yaml`) && !names.includes('1.yaml'));
  });

  it('does not give out what was changed, cut, or is none of it', async (t) => {
    const { folder, again, log } = await open(t);
    const history = await again();
    for (const version of [1, 2, 3, 4, 5, 6]) await add(history, version, `a: ${version}\n`);
    const path = (version: number): string => join(folder, 'config', `${version}.yaml`);
    appendFileSync(path(1), 'b: 1\n');
    writeFileSync(path(2), readFileSync(path(2)).subarray(0, 40));
    writeFileSync(path(3), '');
    writeFileSync(path(4), readFileSync(path(5)));
    writeFileSync(path(6), readFileSync(path(6), 'utf8').replace('"at":6', '"at":1e300'));
    for (const name of ['source.yaml', '0.yaml', '9.yaml.new', 'x'])
      writeFileSync(join(folder, 'config', name), 'a: 1\n');
    const read = await again();
    assert.deepEqual(
      read.versions.map(({ version }) => version),
      [5],
    );
    assert.equal(log.of('config:history-damaged').length, 5);
  });

  it('of two nodes in one folder is told apart', async (t) => {
    const { again } = await open(t);
    const [ours, theirs] = [await again(), await again()];
    for (const version of [1, 2]) await add(ours, version, `ours: ${version}\n`);
    for (const version of [1, 2]) await add(theirs, version, `theirs: ${version}\n`);
    assert.equal(await ours.read(1), null);
    assert.deepEqual(await theirs.read(1), texts('theirs: 1\n'));
  });

  it('does not wait for a pipe', {
    skip: process.platform === 'win32' && 'no pipes in folders',
  }, async (t) => {
    const { folder, again, log } = await open(t);
    mkdirSync(join(folder, 'config'));
    execFileSync('mkfifo', [join(folder, 'config', '1.yaml')]);
    assert.equal((await again()).versions.length, 0);
    assert.equal(log.of('config:history-damaged').length, 1);
  });

  it('stays in memory where there is no room, and says so once', async (t) => {
    const { folder, again, log } = await open(t);
    // A file is in the place of the folder.
    writeFileSync(join(folder, 'config'), '');
    const history = await again();
    for (const version of [1, 2, 3]) await add(history, version, `a: ${version}\n`);
    assert.deepEqual(await history.read(2), texts('a: 2\n'));
    assert.equal(log.of('config:history').length, 1);
    rmSync(join(folder, 'config'));
    await add(history, 4, 'a: 4\n');
    assert.deepEqual(
      (await again()).versions.map(({ version }) => version),
      [1, 2, 3, 4],
    );
  });

  it('in memory is bounded', async (t) => {
    const { folder, again } = await open(t);
    writeFileSync(join(folder, 'config'), '');
    const history = await again();
    for (let version = 1; version <= 30; version++)
      await add(history, version, `#${version}`.padEnd(1024 * 1024));
    assert.equal(history.versions.at(-1)?.version, 30);
    assert.equal(history.versions.length, 16);
  });
});

describe('versions', () => {
  const DATA = 'node: { dataDir: ./d, watch: false }\n';

  it('go on counting after a restart, and are the same for the same text', async (t) => {
    const first = await run(t, text('', DATA));
    assert.ok(
      !existsSync(join(first.folder, 'd')),
      'a node that keeps nothing gets no folder by being started',
    );
    writeFileSync(first.path, text('    timeout: 1s\n', DATA));
    accepted(await first.control.reload(ME));
    await first.control.close();
    const second = await run(t, text('    timeout: 1s\n', DATA), { folder: first.folder });
    assert.equal(second.control.snapshot.version, 2);
    await second.control.close();
    const third = await run(t, text('    timeout: 2s\n', DATA), { folder: first.folder });
    assert.equal(third.control.snapshot.version, 3);
    assert.deepEqual(
      third.control.history().map(({ version, current }) => [version, current]),
      [
        [1, false],
        [2, false],
        [3, true],
      ],
    );
    assert.equal(accepted(await third.control.rollback(1, ME)).version, 4);
    assert.equal(third.control.snapshot.config.routes[0]?.timeout, 0);
  });

  it('are applied though the disk takes nothing', async (t) => {
    const { control, path, folder, log } = await run(t, text('', DATA));
    // A file is in the place of the folder.
    writeFileSync(join(folder, 'd'), '');
    for (const seconds of [1, 2]) {
      writeFileSync(path, text(`    timeout: ${seconds}s\n`, DATA));
      accepted(await control.reload(ME));
    }
    assert.equal(log.of('config:history').length, 1);
    assert.equal(accepted(await control.rollback(null, ME)).version, 4);
  });
});
