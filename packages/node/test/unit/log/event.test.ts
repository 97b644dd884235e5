/** Events of the catalogue on their way: to the log, to those who record them, folded. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import type { LevelLog, LogOptions } from '../../../src/log/create.ts';
import { createLog } from '../../../src/log/create.ts';
import type { EventRecord } from '../../../src/log/events.ts';
import { LogTap } from '../../../src/log/tap.ts';

interface Opened {
  readonly log: LevelLog;
  readonly tap: LogTap;
  text(): string;
  lines(): Record<string, unknown>[];
}

async function open(t: TestContext, options: Partial<LogOptions> = {}): Promise<Opened> {
  const dir = mkdtempSync(join(tmpdir(), 'zeroth-log-'));
  const path = join(dir, 'log');
  const fd = openSync(path, 'w');
  const tap = new LogTap();
  const fixed = { level: 'info', format: 'json', name: 'n', terminal: false, colour: false } as const;
  const log = await createLog({ ...fixed, fd, tap, ...options });
  t.after(() => {
    log.close();
    closeSync(fd);
    rmSync(dir, { recursive: true, force: true });
  });
  const text = (): string => readFileSync(path, 'utf8');
  const lines = (): Record<string, unknown>[] =>
    text()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, tap, text, lines };
}

describe('an event', () => {
  it('is a line with level, id and message of the catalogue', async (t) => {
    const { log, lines } = await open(t);
    log
      .child({ route: 'jobs' })
      .child({ side: 'backend' })
      .event('peer:refused', { remote: 'tcp://x', code: 'C' });
    const [{ time, pid, ...line } = {}] = lines();
    assert.equal(pid, process.pid);
    assert.equal(new Date(time as string).toISOString(), time);
    assert.deepEqual(line, {
      level: 'warn',
      node: 'n',
      route: 'jobs',
      side: 'backend',
      event: 'peer:refused',
      id: 413,
      remote: 'tcp://x',
      code: 'C',
      msg: 'peer refused',
    });
  });

  it('obeys the level of the log, that of a child made before as well', async (t) => {
    const { log, lines } = await open(t, { level: 'warn' });
    const child = log.child({ route: 'jobs' });
    child.event('peer:ready', {});
    child.event('accept', {});
    log.setLevel('debug');
    child.event('accept', {});
    log.setLevel('silent');
    child.event('crash', {});
    assert.deepEqual(
      lines().map(({ event }) => event),
      ['accept'],
    );
  });

  it('has no id for a person', async (t) => {
    const { log, text } = await open(t, { format: 'pretty' });
    log.event('stopped', { undelivered: 3 });
    assert.match(text(), /node stopped \{"event":"stopped","undelivered":3\}\n$/);
  });

  it('has a priority where the system reads it', async (t) => {
    const { log, text } = await open(t, { priorities: true, level: 'trace' });
    log.event('crash', {});
    log.event('store:failed', {});
    log.event('drop', { count: 1 });
    log.event('ready', {});
    log.event('accept', {});
    log.trace({}, 'words');
    assert.deepEqual(
      text()
        .split('\n')
        .slice(0, -1)
        .map((line) => line.slice(0, 4)),
      ['<2>{', '<3>{', '<4>{', '<6>{', '<7>{', '<7>{'],
    );
  });

  it('is a type error with a name or a field that the catalogue does not have', async (t) => {
    const { log } = await open(t, { level: 'silent' });
    // @ts-expect-error no such event
    assert.throws(() => log.event('no:such', {}));
    // @ts-expect-error no such field
    log.event('stopped', { undeliverd: 3 });
    const either = t.name === '' ? 'peer:gone' : 'peer:failed';
    log.event(either, { remote: 'x' });
  });
});

describe('a storm', () => {
  it('is ten lines and one with its number, the sum, and the fields of the last', async (t) => {
    const { log, lines } = await open(t);
    for (let n = 0; n < 1000; n++) log.event('drop', { count: 2, endpoint: `${n}`, route: 'jobs' });
    assert.equal(lines().length, 10);
    log.flush();
    const [last] = lines().slice(10);
    assert.deepEqual(
      [last?.folded, last?.count, last?.endpoint, last?.route, last?.msg],
      [990, 1980, '999', 'jobs', 'messages dropped (more of the same, folded)'],
    );
    log.event('drop', { count: 2 });
    assert.equal(lines().length, 12);
  });

  it('of one route, side or stream hides nothing of another, and no name of a peer tells kinds apart', async (t) => {
    const { log, lines } = await open(t);
    for (let n = 0; n < 100; n++) log.event('route:ready', { route: `r${n}` });
    for (let n = 0; n < 100; n++)
      log
        .child({ route: 'r' })
        .child({ side: `s${n % 2}` })
        .event('peer:ready', {});
    for (let n = 0; n < 100; n++) log.event('session:lost', { client: `c${n}` });
    const of = (name: string): number => lines().filter(({ event }) => event === name).length;
    assert.deepEqual(['route:ready', 'peer:ready', 'session:lost'].map(of), [100, 20, 10]);
    log.flush();
    assert.deepEqual(['route:ready', 'peer:ready', 'session:lost'].map(of), [100, 22, 11]);
  });

  it('has the limits of its entry, and what ends the process is not held back', async (t) => {
    const { log, lines } = await open(t);
    for (let n = 0; n < 20; n++) log.event('admin:unauthorized', { remote: 'x' });
    for (let n = 0; n < 20; n++) log.event('failed', {});
    const of = (name: string): number => lines().filter(({ event }) => event === name).length;
    assert.deepEqual(['admin:unauthorized', 'failed'].map(of), [1, 20]);
    log.flush();
    assert.equal(lines().at(-1)?.folded, 19);
  });
});

describe('the record of the system', () => {
  it('has warn and above, and what is kept of level info, whatever the level of the log', async (t) => {
    const { log, tap, lines } = await open(t, { level: 'silent' });
    const records: EventRecord[] = [];
    const listener = (record: EventRecord): void => void records.push(record);
    tap.records.add(listener);
    const child = log.child({ route: 'jobs' });
    const before = Date.now();
    child.event('peer:ready', {});
    child.event('accept', {});
    child.event('route:failed', { err: new Error('outer', { cause: new Error('inner') }) });
    log.event('ready', { routes: 1 });
    tap.records.delete(listener);
    log.event('stopped', {});
    const [failed, ready] = records;
    assert.equal(records.length, 2);
    const { time, fields, ...rest } = failed as EventRecord;
    assert.ok(time >= before && time <= Date.now());
    assert.deepEqual(rest, {
      id: 303,
      name: 'route:failed',
      level: 'error',
      message: 'the route ended unexpectedly',
    });
    assert.equal(fields.route, 'jobs');
    assert.match(fields.err as string, /^Error: outer\n {4}at .*\ncaused by: Error: inner\n {4}at /s);
    assert.deepEqual([ready?.name, ready?.fields], ['ready', { routes: 1 }]);
    assert.deepEqual(lines(), []);
  });

  it('is folded with the log', async (t) => {
    const { log, tap, lines } = await open(t);
    const records: EventRecord[] = [];
    tap.records.add((record) => records.push(record));
    for (let n = 0; n < 100; n++) log.event('drop', { count: 1 });
    log.flush();
    assert.deepEqual([records.length, lines().length], [11, 11]);
    assert.deepEqual([records.at(-1)?.fields.folded, records.at(-1)?.fields.count], [90, 90]);
  });

  it('of a system whose log it is gets what the log would have, in place of the destination', async (t) => {
    const { log, tap, lines } = await open(t, { level: 'debug' });
    const records: string[] = [];
    const read: string[] = [];
    tap.journal = ({ name }) => void records.push(name);
    log.event('peer:ready', {});
    log.event('accept', {});
    log.debug({}, 'words');
    tap.lines.add((line) => read.push(line));
    log.event('peer:gone', {});
    log.setLevel('error');
    log.event('peer:ready', {});
    log.event('ready', {});
    assert.deepEqual(records, ['peer:ready', 'peer:gone', 'ready']);
    assert.deepEqual(
      lines().map(({ msg }) => msg),
      ['connection accepted', 'words'],
    );
    assert.equal(read.length, 1);
    assert.equal((JSON.parse(read[0] as string) as { event: string }).event, 'peer:gone');
  });
});
