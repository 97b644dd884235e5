import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FileWatch } from '../../../src/control/watch.ts';
import type { Running } from './support.ts';
import { folderOf, ME, run, text, until } from './support.ts';

const WATCHED = '';
const content = (timeout: string): string => text(`    timeout: ${timeout}\n`, WATCHED);
const timeoutOf = ({ control }: Running): number | undefined => control.snapshot.config.routes[0]?.timeout;
const NO_LINKS = process.platform === 'win32' ? 'links need rights on Windows' : false;

describe('a file that is watched', () => {
  it('written in place', async (t) => {
    const running = await run(t, content('1s'));
    writeFileSync(running.path, content('2s'));
    await until(() => timeoutOf(running) === 2000);
    assert.deepEqual(running.control.snapshot.by, { via: 'file', who: running.path });
    assert.equal(running.log.of('config:applied').length, 1);
  });

  it('replaced by a rename, again and again', async (t) => {
    const running = await run(t, content('1s'));
    for (const seconds of [2, 3, 4]) {
      writeFileSync(`${running.path}.swp`, content(`${seconds}s`));
      renameSync(`${running.path}.swp`, running.path);
      await until(() => timeoutOf(running) === seconds * 1000);
    }
  });

  it('reached by other links, as Kubernetes does it', { skip: NO_LINKS }, async (t) => {
    const folder = folderOf(t);
    for (const [name, seconds] of [
      ['..one', '1s'],
      ['..two', '2s'],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'zeroth.yaml'), content(seconds));
    }
    symlinkSync('..one', join(folder, '..data'));
    symlinkSync('..data/zeroth.yaml', join(folder, 'zeroth.yaml'));
    const running = await run(t, content('1s'), { folder });
    symlinkSync('..two', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    await until(() => timeoutOf(running) === 2000);
  });

  it('gone, and back', async (t) => {
    const running = await run(t, content('1s'));
    unlinkSync(running.path);
    await until(() => running.log.of('config:refused').length === 1);
    assert.equal(timeoutOf(running), 1000);
    writeFileSync(running.path, content('2s'));
    await until(() => timeoutOf(running) === 2000);
    // Its folder as well, when nothing is being written into it.
    await running.control.diff();
    rmSync(running.folder, { recursive: true });
    await until(() => running.log.of('config:refused').length === 2);
    mkdirSync(running.folder);
    writeFileSync(running.path, content('3s'));
    await until(() => timeoutOf(running) === 3000);
  });

  it('truncated while it is written: what is cut is refused, what is whole is taken', async (t) => {
    const running = await run(t, content('1s'));
    const { path, log, node } = running;
    const whole = content('2s');
    const file = openSync(path, 'w');
    await until(() => log.of('config:refused').length === 1);
    assert.match(String(log.of('config:refused')[0]?.reason), /no settings/);
    // Up to the middle of a line, and inside of a mapping.
    const cut = whole.indexOf('5558 }');
    writeSync(file, whole.slice(0, cut));
    await until(() => log.of('config:refused').length === 2);
    assert.deepEqual([timeoutOf(running), node.configs.length], [1000, 0]);
    writeSync(file, whole.slice(cut));
    closeSync(file);
    await until(() => timeoutOf(running) === 2000);
    assert.equal(log.of('config:refused').length, 2);
  });

  it('without a line feed at its end is taken too', async (t) => {
    const running = await run(t, content('1s'));
    writeFileSync(running.path, content('2s').trimEnd());
    await until(() => timeoutOf(running) === 2000);
  });

  it('touched, or written with what it had, is no reload', async (t) => {
    const running = await run(t, content('1s'));
    const { path, log, node, control } = running;
    utimesSync(path, new Date(), new Date(Date.now() - 5000));
    writeFileSync(path, content('1s'));
    await until(() => true);
    // One that is a change, and comes after: then those before were looked at.
    writeFileSync(path, content('2s'));
    await until(() => timeoutOf(running) === 2000);
    assert.deepEqual(
      [node.configs.length, log.of('config:applied').length, control.history().length],
      [1, 1, 2],
    );
  });

  it('the same bad content has one line, however often it is written', async (t) => {
    const running = await run(t, content('1s'));
    const { path, log, control } = running;
    const bad = `${content('1s')}lg: {}\n`;
    writeFileSync(path, bad);
    await until(() => log.of('config:refused').length === 1);
    for (let i = 0; i < 3; i++) {
      writeFileSync(path, bad);
      const report = await control.reload(ME);
      assert.ok(!report.ok && report.problems[0]?.key === 'lg');
    }
    writeFileSync(path, `${bad}lgg: {}\n`);
    await until(() => log.of('config:refused').length === 2);
    const line = log.of('config:refused')[1];
    assert.deepEqual([line?.count, line?.via], [2, 'file']);
    writeFileSync(path, content('2s'));
    await until(() => timeoutOf(running) === 2000);
    writeFileSync(path, bad);
    await until(() => log.of('config:refused').length === 3);
  });

  it('after a rollback counts again when it changes', async (t) => {
    const running = await run(t, content('1s'));
    writeFileSync(running.path, content('2s'));
    await until(() => timeoutOf(running) === 2000);
    assert.ok((await running.control.rollback(1, ME)).ok);
    assert.equal(timeoutOf(running), 1000);
    appendFileSync(running.path, '# nothing\n');
    await until(() => timeoutOf(running) === 2000);
  });

  it('with "watch: false" is not, until it is asked for', async (t) => {
    const running = await run(t, text('    timeout: 1s\n'));
    writeFileSync(running.path, content('2s'));
    assert.ok((await running.control.reload(ME)).ok);
    writeFileSync(running.path, content('3s'));
    await until(() => timeoutOf(running) === 3000);
  });
});

describe('a watch', () => {
  it('sees by its looks what the system does not tell', async (t) => {
    const folder = folderOf(t);
    const path = join(folder, 'none', 'x.yaml');
    let changes = 0;
    // There is no folder, so there is nothing to be told of.
    const watch = new FileWatch(path, () => void changes++, { poll: 10, settle: 2 });
    t.after(() => watch.close());
    await until(() => changes === 1);
    mkdirSync(join(folder, 'none'));
    writeFileSync(path, 'a');
    await until(() => changes === 2);
    truncateSync(path, 0);
    await until(() => changes === 3);
  });
});
