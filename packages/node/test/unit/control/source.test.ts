import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openConfig } from '../../../src/control/open.ts';
import type { DiffReport } from '../../../src/control/types.ts';
import { ZerothError } from '../../../src/errors.ts';
import { accepted, FakeSource, folderOf, ME, refused, run, text, until } from './support.ts';

const FILE =
  'node: { name: plant-7, dataDir: ./d, watch: false }\nsource: { kind: etcd, url: "http://centre" }\n';
const DOWN = new ZerothError('SOURCE_FAILED', 'fake: no answer');
const centre = (extra = ''): string => text(extra, '');

describe('a configuration centre', () => {
  it('is read at the start, and followed', async (t) => {
    const source = new FakeSource(centre('    timeout: 1s\n'), DOWN);
    const { control, node, log, path } = await run(t, FILE, { source });
    assert.equal(control.snapshot.origin, `${source.name} + ${path}`);
    assert.equal(control.snapshot.config.routes[0]?.timeout, 1000);
    assert.deepEqual(
      control.sources().map(({ name, state, error }) => [name, state, error]),
      [[source.name, 'up', null]],
    );
    source.say(centre('    timeout: 2s\n'));
    await until(() => control.snapshot.version === 2);
    assert.equal(node.configs.at(-1)?.routes[0]?.timeout, 2000);
    assert.deepEqual(control.snapshot.by, { via: 'source', who: source.name });
    assert.equal(control.sources()[0]?.revision, '2');
    assert.equal(log.of('config:applied')[0]?.via, 'source');
    // The first text is reported again by each follower.
    source.events?.changed({ text: centre('    timeout: 2s\n'), revision: '2' });
    writeFileSync(path, `${FILE}routes: { orders: { timeout: 9s } }\n`);
    accepted(await control.reload(ME));
    assert.deepEqual([control.snapshot.version, control.snapshot.config.routes[0]?.timeout], [3, 9000]);
  });

  it('that was restored from a backup counts again from there: its text is kept as well', async (t) => {
    const folder = folderOf(t);
    const source = new FakeSource(centre('    timeout: 1s\n'), DOWN);
    const { control } = await run(t, FILE, { source, folder });
    // Again revision 1.
    source.current = null;
    source.say(centre('    timeout: 3s\n'));
    await until(() => control.snapshot.version === 2);
    const copy = (): string => readFileSync(join(folder, 'd', 'config', 'source.yaml'), 'utf8');
    await until(() => /timeout: 3s/.test(copy()));
  });

  it('says for one node what counts for it alone', async (t) => {
    const source = new FakeSource(
      `${centre()}nodes: { plant-7: { routes: { orders: { timeout: 4s } } } }\n`,
      DOWN,
    );
    const { control } = await run(t, FILE, { source });
    assert.equal(control.snapshot.config.routes[0]?.timeout, 4000);
  });

  it('with a text that is refused leaves the node as it was, and is told once', async (t) => {
    const source = new FakeSource(centre(), DOWN);
    const { control, node, log } = await run(t, FILE, { source });
    const before = control.snapshot;
    for (let i = 0; i < 3; i++) source.say(centre('    timout: 2s\n'));
    await until(() => log.of('config:refused').length === 1);
    const [line] = log.of('config:refused');
    const [problem] = (line?.problems ?? []) as {
      file: string;
      line: number;
      key: string;
      suggestion: string;
    }[];
    assert.deepEqual(
      [problem?.file, problem?.line, problem?.key, problem?.suggestion],
      [source.name, 6, 'routes.orders.timout', 'timeout'],
    );
    assert.deepEqual([control.snapshot, node.configs.length], [before, 0]);
    assert.match(control.sources()[0]?.error ?? '', /unknown key/);
    source.say(centre('    timeout: 3s\n'));
    await until(() => control.snapshot.version === 2);
    assert.equal(control.sources()[0]?.error, null);
    assert.equal(log.of('config:refused').length, 1);
  });

  it('with a text that a reload has refused says so, also after an outage', async (t) => {
    const source = new FakeSource(centre(), DOWN);
    const { control } = await run(t, FILE, { source });
    // The reload sees it before it is told.
    source.current = { text: centre('    timout: 2s\n'), revision: '2' };
    refused(await control.reload(ME));
    source.events?.changed(source.current);
    const error = (): string => control.sources()[0]?.error ?? '';
    assert.match(error(), /unknown key/);
    source.events?.down(DOWN);
    assert.match(error(), /no answer/);
    source.events?.up();
    assert.match(error(), /unknown key/);
    source.say(centre('    timeout: 3s\n'));
    await until(() => control.snapshot.version === 2);
    assert.equal(error(), '');
  });

  it('that is down later: the node runs on, and health knows', async (t) => {
    const source = new FakeSource(centre(), DOWN);
    const { control, log, path } = await run(t, FILE, { source });
    source.events?.down(DOWN);
    assert.deepEqual(
      control.sources().map(({ state, error }) => [state, error]),
      [['down', 'fake: no answer']],
    );
    source.current = null;
    writeFileSync(path, `${FILE}routes: { orders: { timeout: 9s } }\n`);
    const report = accepted(await control.reload(ME));
    assert.deepEqual(report.warnings, ['fake: no answer; its text of before counts']);
    source.events?.up();
    assert.equal(control.sources()[0]?.state, 'up');
    // The name stands beside it.
    source.events?.down(new ZerothError('SOURCE_FAILED', `${source.name}: it answered 500`));
    assert.equal(control.sources()[0]?.error, 'it answered 500');
    assert.deepEqual([log.of('config:source-down').length, log.of('config:source-up').length], [2, 1]);
  });

  it('that is down at the start: the last good copy counts, until it answers', async (t) => {
    const folder = folderOf(t);
    const good = new FakeSource(centre('    timeout: 1s\n'), DOWN);
    const first = await run(t, FILE, { source: good, folder });
    good.say(centre('    timeout: 2s\n'));
    await until(() => first.control.snapshot.version === 2);
    good.say('routes: { orders: { pattern: nothing } }\n');
    await until(() => first.log.of('config:refused').length === 1);
    await first.control.close();
    assert.match(readFileSync(join(folder, 'd', 'config', 'source.yaml'), 'utf8'), /timeout: 2s/);

    const source = new FakeSource(null, DOWN);
    const second = await run(t, FILE, { source, folder });
    const { control, log } = second;
    assert.equal(control.snapshot.config.routes[0]?.timeout, 2000);
    assert.equal(control.snapshot.version, 2);
    assert.deepEqual(
      control.sources().map(({ state, error }) => [state, error]),
      [['copy', 'fake: no answer']],
    );
    assert.equal(log.of('config:copy')[0]?.reason, 'fake: no answer');
    source.say(centre('    timeout: 5s\n'));
    await until(() => control.snapshot.config.routes[0]?.timeout === 5000);
    assert.deepEqual(
      control.sources().map(({ state, error }) => [state, error]),
      [['up', null]],
    );
  });

  it('that has a bad text at the start: the last good copy counts as well', async (t) => {
    const folder = folderOf(t);
    const first = await run(t, FILE, { source: new FakeSource(centre(), DOWN), folder });
    await first.control.close();
    const { control } = await run(t, FILE, { source: new FakeSource('routes: [', DOWN), folder });
    assert.equal(control.sources()[0]?.state, 'copy');
    assert.match(control.sources()[0]?.error ?? '', /fake http:\/\/centre, key k:1/);
  });

  it('that is down at the start without a copy: there is no start', async (t) => {
    const folder = folderOf(t);
    const path = join(folder, 'zeroth.yaml');
    writeFileSync(path, FILE);
    const source = new FakeSource(null, DOWN);
    const opened = await openConfig({ from: { path }, openSource: async () => source });
    assert.ok(!opened.ok);
    assert.equal(opened.code, 'SOURCE_FAILED');
    assert.match(
      opened.message,
      /^fake: no answer; there is no good copy of it in .*source\.yaml to start with$/,
    );
    const bad = await openConfig({ from: { path }, openSource: async () => new FakeSource('a: [', DOWN) });
    assert.ok(!bad.ok && bad.code === 'CONFIG_INVALID' && bad.problems[0]?.file === source.name);
  });

  it('a rollback brings its text back, and the next one from the centre counts', async (t) => {
    const source = new FakeSource(centre('    timeout: 1s\n'), DOWN);
    const { control } = await run(t, FILE, { source });
    source.say(centre('    timeout: 2s\n'));
    await until(() => control.snapshot.version === 2);
    const report = accepted(await control.rollback(1, ME));
    assert.equal(control.snapshot.config.routes[0]?.timeout, 1000);
    assert.match(report.warnings.join(), /and fake http:\/\/centre, key k still has another content/);
    source.say(centre('    timeout: 3s\n'));
    await until(() => control.snapshot.config.routes[0]?.timeout === 3000);
  });

  it('a comparison leaves no trace: the text is still told, and counts then', async (t) => {
    const source = new FakeSource(centre('    timeout: 1s\n'), DOWN);
    const { control } = await run(t, FILE, { source });
    source.current = { text: centre('    timeout: 2s\n'), revision: '2' };
    const diff: DiffReport = await control.diff();
    assert.deepEqual(diff.ok && diff.changes.map(({ after }) => after), ['2s']);
    assert.equal(control.snapshot.config.routes[0]?.timeout, 1000);
    source.events?.changed(source.current);
    await until(() => control.snapshot.config.routes[0]?.timeout === 2000);
  });

  it('another one counts from the next start', async (t) => {
    const { control, path } = await run(t, FILE, { source: new FakeSource(centre(), DOWN) });
    writeFileSync(path, FILE.replace('http://centre', 'http://other'));
    assert.deepEqual(accepted(await control.reload(ME)).warnings, ['source.url: counts from the next start']);
    writeFileSync(path, FILE.replace('http://centre', 'http://u:hunter2@other'));
    assert.doesNotMatch(JSON.stringify(refused(await control.reload(ME))), /hunter2/);
  });
});
