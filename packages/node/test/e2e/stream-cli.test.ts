/** `zeroth stream`: what it prints of a data folder, also of one that is damaged, torn or in use. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { messageLength, writeMessage } from '@zeroth/zmq/run';
import { silentLog } from '../../src/log/log.ts';
import { openStore } from '../../src/store/open.ts';
import type { Stream, StreamStore } from '../../src/store/store.ts';
import { cli, folder, jsonLines, MAIN, start } from '../support/cli.ts';

const KEEP_ALL = { retain: { bytes: 0, age: 0, count: 0 }, fsync: 'always', fsyncInterval: 1000 } as const;
/** So small that it is kept in many segments. */
const SMALL = { ...KEEP_ALL, fsync: 'never', retain: { bytes: 1024 * 1024, age: 0, count: 0 } } as const;

/** Appends messages, each a list of frames, and resolves when they can be read. */
async function append(
  stream: Stream,
  messages: readonly (readonly string[])[],
  producer: string | null = null,
) {
  const frames = messages.map((message) => message.map((text) => Buffer.from(text)));
  const bytes = Buffer.alloc(frames.reduce((sum, each) => sum + messageLength(each), 0));
  frames.reduce((at, each) => writeMessage(bytes, at, each), 0);
  const run = { bytes, start: 0, end: bytes.length, count: messages.length };
  const from = producer === null ? null : { name: producer, sequence: stream.lastOf(producer) + 1 };
  const appended = stream.append(run, from);
  assert.ok(appended !== null, 'no room');
  await new Promise<void>((resolve) => {
    const done = (): void => {
      if (stream.committed < appended.durableAt) return;
      stop();
      resolve();
    };
    const stop = stream.listen(done);
    done();
  });
}

interface Stock {
  /** A folder whose zeroth.yaml names the data folder. */
  readonly cwd: string;
  readonly dir: string;
  readonly store: StreamStore;
  readonly events: Stream;
}

/** A data folder with the stream `events`: three records. The store is open. */
async function stock(t: TestContext, settings: typeof SMALL | typeof KEEP_ALL = KEEP_ALL): Promise<Stock> {
  const cwd = await folder(t);
  const dir = join(cwd, 'plant');
  const yaml = 'node: { dataDir: ./plant }\nstreams: { events: { retain: { bytes: 1MiB }, fsync: never } }\n';
  await writeFile(join(cwd, 'zeroth.yaml'), `${yaml}sessions: { bind: "tcp://127.0.0.1:0" }\n`);
  const store = await openStore({ dir, log: silentLog });
  t.after(() => store.close());
  const events = await store.open('events', settings);
  await append(events, [['line-1', 'one'], ['line-2', 'two'], ['three\tétat']], 'press-4');
  return { cwd, dir, store, events };
}

/** Files of segments, oldest first. */
async function segments(dir: string): Promise<string[]> {
  const names = await readdir(dir, { recursive: true });
  return names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(dir, name));
}

/** Three records of 100 octets each in batches of their own; the middle one is damaged. */
async function damaged(t: TestContext): Promise<Stock & { file: string }> {
  const all = await stock(t);
  for (const letter of ['A', 'B', 'C']) await append(all.events, [[letter.repeat(100)]]);
  await all.store.close();
  const [file] = (await segments(all.dir)) as [string];
  const handle = await open(file, 'r+');
  const bytes = await handle.readFile();
  await handle.write('b', bytes.indexOf('BBBB') + 10);
  await handle.close();
  return { ...all, file };
}

describe('zeroth stream ls', () => {
  it('lists streams beside the process that writes', async (t) => {
    const { cwd, store, events } = await stock(t);
    await store.open('alarms', KEEP_ALL);
    events.places.save('db', Buffer.from('{"strategy":"group","acknowledged":2}'));
    await append(events, [['four']]);
    const { code, stdout, stderr } = await cli(['stream', 'ls'], { cwd });
    assert.equal(code, 0, stderr);
    const [headings, alarms, line] = stdout.split('\n');
    assert.match(String(headings), /^STREAM +RECORDS +SIZE +FIRST +NEXT +OLDEST +NEWEST +READERS$/);
    assert.match(String(alarms), /^alarms +0 +\S+ \S+ +1 +1 +- +- +0$/);
    assert.match(String(line), /^events +4 +\S+ \S+ +1 +5 +\d{4}-\d\d-\d\d \S+Z +\d{4}-\d\d-\d\d \S+Z +1$/);
  });

  it('has the same as JSON', async (t) => {
    const { cwd, dir } = await stock(t);
    for (const where of [[], ['--data', dir], ['--config', join(cwd, 'zeroth.yaml')]]) {
      const { stdout } = await cli(['stream', 'ls', '--json', ...where], { cwd });
      const [row] = JSON.parse(stdout) as [Record<string, unknown>];
      assert.deepEqual(Object.keys(row), [
        'stream',
        'records',
        'bytes',
        'first',
        'next',
        'oldest',
        'newest',
        'readers',
      ]);
      const { stream, records, first, next, readers } = row;
      assert.deepEqual(
        { stream, records, first, next, readers },
        { stream: 'events', records: 3, first: 1, next: 4, readers: 0 },
      );
    }
  });

  it('says where it looked when there is no data folder, and makes none', async (t) => {
    const cwd = await folder(t);
    const { code, stderr } = await cli(['stream', 'ls'], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /^error \[FILE_FAILED\] there is no data folder .*data\n {2}-> .*--data DIR/);
    assert.deepEqual(await readdir(cwd), []);
    await mkdir(join(cwd, 'data'));
    const empty = await cli(['stream', 'ls'], { cwd });
    assert.equal(empty.code, 0, empty.stderr);
    assert.match(empty.stderr, /^no streams in .*data\n$/);
  });
});

describe('zeroth stream info', () => {
  it('tells segments, producers, readers with their lag, and who writes', async (t) => {
    const { cwd, dir, events } = await stock(t);
    events.places.save('db', Buffer.from('{"strategy":"group","acknowledged":2,"ranges":[[3,3]]}'));
    await append(events, [['four']]);
    const { code, stdout, stderr } = await cli(['stream', 'info', 'events', '--json'], { cwd });
    assert.equal(code, 0, stderr);
    const info = JSON.parse(stdout);
    assert.equal(info.dataDir, dir);
    assert.equal(info.writer.pid, process.pid);
    assert.deepEqual([info.records, info.first, info.next, info.segments.length], [4, 1, 5, 1]);
    assert.equal(info.settings.retain.bytes, 1024 * 1024);
    assert.deepEqual(info.producers, [{ name: 'press-4', last: 3 }]);
    assert.deepEqual(info.readers, [{ name: 'db', strategy: 'group', acknowledged: 2, lag: 2 }]);

    const words = (await cli(['stream', 'info', 'events'], { cwd })).stdout;
    assert.match(words, /^sequences 1 to 4$/m);
    assert.match(words, /^keeps {5}at most 1MiB; fsync: never$/m);
    assert.match(words, new RegExp(`^writer {4}process ${process.pid} on `, 'm'));
    assert.match(words, /^db +group +2 +2$/m);
    assert.match(words, /^press-4 +3$/m);
  });

  it('names the stream that was probably meant', async (t) => {
    const { cwd } = await stock(t);
    const { code, stderr } = await cli(['stream', 'info', 'event'], { cwd });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error \[STREAM_UNKNOWN\] there is no stream event in .*plant\n {2}-> did you mean events\?\n$/,
    );
  });
});

describe('zeroth stream read', () => {
  it('prints records as the receiving tools do', async (t) => {
    const { cwd } = await stock(t);
    const read = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await cli(['stream', 'read', 'events', ...args], { cwd });
      assert.equal(code, 0, stderr);
      return stdout;
    };
    assert.equal(await read(), 'line-1\tone\nline-2\ttwo\nthree\\tétat\n');
    assert.equal(await read('--from', '2', '-n', '1'), 'line-2\ttwo\n');
    assert.equal(await read('--from', 'last', '--raw'), 'three\tétat');
    assert.equal(await read('--prefix', 'line-'), 'line-1\tone\nline-2\ttwo\n');
    assert.equal(await read('--prefix', 'line-', '-n', '1', '--from', '2'), 'line-2\ttwo\n');
    assert.equal((await read('--from', '1h')).split('\n').length, 4);
    assert.equal(await read('--from', '2999-01-01'), '');
    assert.equal(await read('--from', '4'), '');
  });

  it('prints JSON that push --json sends again', async (t) => {
    const { cwd } = await stock(t);
    const { stdout } = await cli(['stream', 'read', 'events', '--json'], { cwd });
    const [first, , third] = jsonLines(stdout);
    assert.deepEqual(Object.keys(first ?? {}), ['seq', 'time', 'key', 'size', 'sizes', 'frames']);
    const { time, ...rest } = first ?? {};
    assert.deepEqual(rest, { seq: 1, key: 'line-1', size: 9, sizes: [6, 3], frames: ['line-1', 'one'] });
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 3_600_000);
    assert.deepEqual([third?.seq, third?.key, third?.frames], [3, null, ['three\tétat']]);
  });

  it('follows what a node writes, until Ctrl-C', async (t) => {
    const { cwd, events } = await stock(t);
    const reading = start(t, ['stream', 'read', 'events', '--from', 'last', '--follow'], { cwd });
    await reading.waitFor('stdout', /^three\\tétat\n$/);
    await append(events, [['four']]);
    await reading.waitFor('stdout', /\nfour\n$/);
    await append(events, [['five']]);
    await reading.waitFor('stdout', /\nfive\n$/);
    const { code, stderr } = await reading.stop();
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('ends quietly when the reader goes away', async (t) => {
    const { cwd, events } = await stock(t);
    const body = 'x'.repeat(1000);
    for (let batch = 0; batch < 20; batch++) await append(events, Array(100).fill([body]));
    const child = spawn(process.execPath, [MAIN, 'stream', 'read', 'events'], { cwd });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    await once(child.stdout, 'readable');
    child.stdout.destroy();
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.equal(stderr, '');
  });

  it('reads up to an unfinished tail, and tells what is damaged', async (t) => {
    const { cwd, file } = await damaged(t);
    await appendFile(file, 'an unfinished batch');
    const { code, stdout, stderr } = await cli(['stream', 'read', 'events', '--from', '4'], { cwd });
    assert.equal(code, 0);
    assert.equal(stdout, `${'A'.repeat(100)}\n${'C'.repeat(100)}\n`);
    assert.equal(stderr, 'record 5 gone: damaged; zeroth stream verify says where\n');
  });
});

describe('zeroth stream verify', () => {
  it('says that all is well, also beside the process that writes and with an unfinished tail', async (t) => {
    const { cwd, dir } = await stock(t);
    const good = await cli(['stream', 'verify'], { cwd });
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /^events: ok, 3 records in 1 batch, \S+ B\n$/);
    const [file] = (await segments(dir)) as [string];
    await appendFile(file, 'an unfinished batch');
    const torn = await cli(['stream', 'verify', 'events'], { cwd });
    assert.equal(torn.code, 0, torn.stderr);
    assert.match(torn.stdout, /^events: ok, .*\n {2}unfinished tail, 19 bytes at offset \d+ of .*\.log\n$/);
  });

  it('names sequences, file and offset of what is damaged, with exit code 6', async (t) => {
    const { cwd, file } = await damaged(t);
    const { code, stdout, stderr } = await cli(['stream', 'verify'], { cwd });
    assert.equal(code, 6);
    const [, words, at] =
      /^events: DAMAGED, 5 .*\n {2}(record 5 lost), \d+ bytes at offset \d+ of (.*)\n$/.exec(stdout) ?? [];
    assert.deepEqual([words, at], ['record 5 lost', file], stdout);
    assert.match(stderr, /^error \[STREAM_DAMAGED\] damaged: events\n {2}-> /);

    const json = await cli(['stream', 'verify', 'events', '--json'], { cwd });
    assert.equal(json.code, 6);
    const [{ stream, records, batches, damages }] = JSON.parse(json.stdout);
    assert.deepEqual({ stream, records, batches }, { stream: 'events', records: 5, batches: 3 });
    assert.equal(damages.length, 1);
    const { kind, first, last } = damages[0];
    assert.deepEqual({ kind, first, last }, { kind: 'damaged', first: 5, last: 5 });
    assert.equal(JSON.parse(json.stderr).error.code, 'STREAM_DAMAGED');
  });
});

describe('zeroth stream purge', () => {
  /** Records of 4 KiB, until there are some segments. */
  async function many(t: TestContext): Promise<Stock> {
    const all = await stock(t, SMALL);
    for (let batch = 0; batch < 20; batch++) await append(all.events, Array(10).fill(['y'.repeat(4000)]));
    return all;
  }

  it('says what would go, and changes nothing without --yes', async (t) => {
    const { cwd, dir, events } = await many(t);
    events.places.save('db', Buffer.from('{"strategy":"group","acknowledged":2}'));
    await append(events, [['last']]);
    const before = await segments(dir);
    assert.ok(before.length > 2, `${before.length} segments`);
    const { code, stdout, stderr } = await cli(['stream', 'purge', 'events', '--before', '150'], { cwd });
    assert.equal(code, 0, stderr);
    const [, last] = /^would remove records 1 to (\d+): \d+ segments?, \d+ KiB\n$/.exec(stdout) ?? [];
    assert.ok(Number(last) > 50 && Number(last) < 150, stdout);
    assert.equal(
      stderr,
      `db has not acknowledged records 2 to ${last} of it\nprocess ${process.pid} writes in the folder: stop it first\nnothing was changed; --yes removes it\n`,
    );
    assert.deepEqual(await segments(dir), before);
  });

  it('removes what it said', async (t) => {
    const { cwd, dir, store } = await many(t);
    await store.close();
    const plan = JSON.parse(
      (await cli(['stream', 'purge', 'events', '--before', '150', '--json'], { cwd })).stdout,
    );
    const done = await cli(['stream', 'purge', 'events', '--before', '150', '--yes', '--json'], { cwd });
    assert.equal(done.code, 0, done.stderr);
    const result = JSON.parse(done.stdout);
    assert.deepEqual(result, { ...plan, done: true });
    assert.ok(result.records > 50 && result.first === result.records + 1 && result.next === 204);
    const [row] = JSON.parse((await cli(['stream', 'ls', '--json'], { cwd })).stdout);
    assert.deepEqual([row.first, row.next], [result.first, 204]);

    const all = await cli(['stream', 'purge', 'events', '--before', 'all', '--yes'], { cwd });
    assert.match(all.stdout, /^removed records \d+ to 203: /, all.stderr);
    const again = await cli(['stream', 'purge', 'events', '--before', 'all', '--yes'], { cwd });
    assert.equal(again.stdout, 'nothing was removed: no whole segment is before that\n');
    const [empty] = JSON.parse((await cli(['stream', 'ls', '--json', '--data', dir])).stdout);
    assert.deepEqual([empty.records, empty.next, empty.oldest], [0, 204, null]);
  });

  it('removes the place of a reader', async (t) => {
    const { cwd, events, store } = await stock(t);
    events.places.save('db', Buffer.from('{"strategy":"group","acknowledged":2}'));
    events.places.save('log', Buffer.from('{"strategy":"group","acknowledged":4}'));
    await events.places.settle('log');
    const purge = (...args: string[]): ReturnType<typeof cli> =>
      cli(['stream', 'purge', 'events', '--reader', ...args], { cwd });
    const readers = async (): Promise<unknown> => {
      const { stdout } = await cli(['stream', 'info', 'events', '--json'], { cwd });
      return JSON.parse(stdout).readers.map(({ name }: { name: string }) => name);
    };
    const plan = await purge('db');
    assert.equal(plan.stdout, 'would remove the place of db (group, lag 2)\n', plan.stderr);
    assert.match(
      plan.stderr,
      /writes in the folder: stop it first\nnothing was changed; --yes removes it\n$/,
    );
    assert.match((await purge('db', '--yes')).stderr, /^error \[STORE_LOCKED\]/);
    assert.deepEqual(await readers(), ['db', 'log']);
    await store.close();
    const done = await purge('db', '--yes', '--json');
    assert.deepEqual(JSON.parse(done.stdout), {
      stream: 'events',
      done: true,
      reader: 'db',
      strategy: 'group',
      acknowledged: 2,
      lag: 2,
    });
    assert.deepEqual(await readers(), ['log']);
    const unknown = await purge('db', '--yes');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /stream events has no reader db\n {2}-> zeroth stream info events/);
    assert.equal((await purge('log', '--before', '2')).code, 2);
  });

  it('does not run beside a node', async (t) => {
    const { cwd, dir } = await many(t);
    const before = await segments(dir);
    const { code, stdout, stderr } = await cli(['stream', 'purge', 'events', '--before', 'all', '--yes'], {
      cwd,
    });
    assert.notEqual(code, 0);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`^error \\[STORE_LOCKED\\] .*${process.pid}`));
    assert.deepEqual(await segments(dir), before);
  });

  it('needs to know what', async (t) => {
    const { cwd } = await stock(t);
    const nothing = await cli(['stream', 'purge', 'events'], { cwd });
    assert.equal(nothing.code, 2);
    assert.match(nothing.stderr, /^error \[USAGE\] purge needs --before\n/);
    const nobody = await cli(['stream', 'purge', '--before', 'all'], { cwd });
    assert.match(nobody.stderr, /^error \[USAGE\] purge needs the name of a stream\n {2}-> zeroth stream ls/);
  });
});

describe('zeroth stream', () => {
  it('alone shows what there is', async () => {
    const { code, stderr } = await cli(['stream']);
    assert.equal(code, 2);
    for (const name of ['ls', 'info', 'read', 'verify', 'purge'])
      assert.match(stderr, new RegExp(`^ +${name} `, 'm'));
    assert.ok(stderr.split('\n').length < 40);
  });
});
