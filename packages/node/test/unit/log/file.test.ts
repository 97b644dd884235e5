/** The log in a file: rotation against a model, and what becomes of it when the disk does not take it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs, {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it, mock } from 'node:test';
import fc from 'fast-check';
import { createLog } from '../../../src/log/create.ts';
import type { Dropped, LogFileOptions } from '../../../src/log/file.ts';
import { LogFile } from '../../../src/log/file.ts';

const posix = process.platform !== 'win32';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'zeroth-log-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The texts of FILE.9 … FILE.1, FILE, as far as they are there. */
function texts(path: string): string[] {
  const names = [...Array.from({ length: 9 }, (_, at) => `${path}.${9 - at}`), path];
  return names
    .filter((name) => existsSync(name) && statSync(name).isFile())
    .map((name) => readFileSync(name, 'utf8'));
}

interface Opened {
  readonly path: string;
  readonly file: LogFile;
  readonly dropped: Dropped[];
  /** Milliseconds. */
  later(time: number): void;
}

function open(t: TestContext, options: LogFileOptions = {}): Opened {
  const path = join(folder(t), 'sub', 'zeroth.log');
  let now = 0;
  const file = new LogFile(path, { now: () => now, ...options });
  t.after(() => file.close());
  const dropped: Dropped[] = [];
  file.recovered = (each) => void dropped.push(each);
  const later = (time: number): void => {
    now += time;
  };
  return { path, file, dropped, later };
}

/** Renames of what `held` names fail from now on, as on Windows while a reader has it open. */
function hold(held: () => string | null): () => void {
  const { renameSync: rename } = fs;
  mock.method(fs, 'renameSync', (from: string, to: string) => {
    if (from === held()) throw Object.assign(new Error('resource busy or locked'), { code: 'EBUSY' });
    rename(from, to);
  });
  syncBuiltinESMExports();
  return () => {
    mock.restoreAll();
    syncBuiltinESMExports();
  };
}

describe('a log file', () => {
  it('has the newest lines, each whole and in order, in files that are not too large', (t) => {
    const root = folder(t);
    let run = 0;
    let held: string | null = null;
    t.after(hold(() => held));
    const step = fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 0, max: 60 }) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
      { weight: 1, arbitrary: fc.constantFrom('', '.1', '.2', '.3') },
      { weight: 1, arbitrary: fc.constant('let go' as const) },
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 20, max: 100 }),
        (steps, kept, limit) => {
          const path = join(root, `${run++}`, 'log');
          let now = 0;
          held = null;
          const options = { limit, kept, now: () => now };
          let file = new LogFile(path, options);
          const written: string[] = [];
          let wasHeld = false;
          for (const each of steps) {
            if (typeof each === 'number') {
              written.push(`${written.length}:${'x'.repeat(each)}\n`);
              file.write(written.at(-1) as string);
              now += 400;
            } else if (each === 'restart') {
              file.close();
              file = new LogFile(path, options);
            } else {
              held = each === 'let go' ? null : path + each;
              wasHeld ||= held !== null;
            }
          }
          file.close();
          const all = texts(path);
          const found = all.join('');
          assert.ok(written.join('').endsWith(found), 'lines are missing, cut, or out of order');
          assert.ok(all.at(-1)?.endsWith(written.at(-1) ?? ''), 'the last line is in the file itself');
          assert.ok(all.length <= kept + 1, 'more files than are kept');
          // A rotation that stopped half-way has made its room already.
          if (wasHeld) return;
          // Nothing goes before all places are taken.
          if (all.length <= kept) assert.equal(found, written.join(''));
          const most = Math.max(0, ...written.map((line) => line.length));
          for (const text of all) assert.ok(text.length <= Math.max(limit, most), 'a file is too large');
        },
      ),
      { numRuns: 200 },
    );
  });

  it('goes on growing while somebody holds it, and pushes nothing out meanwhile', (t) => {
    const { path, file, later } = open(t, { limit: 10, kept: 3 });
    let held: string | null = null;
    t.after(hold(() => held));
    const write = (name: string): void => file.write(`${name}23456789\n`);
    for (const name of ['a', 'b', 'c', 'd']) write(name);
    held = path;
    for (let n = 0; n < 5; n++) {
      later(1000);
      write('e');
    }
    const grown = 'd23456789\n'.concat('e23456789\n'.repeat(5));
    assert.deepEqual(texts(path), ['b23456789\n', 'c23456789\n', grown]);
    held = null;
    write('f');
    later(1000);
    write('g');
    assert.deepEqual(texts(path), ['b23456789\n', 'c23456789\n', `${grown}f23456789\n`, 'g23456789\n']);
  });

  it('begins anew where somebody has removed it, or its folder', {
    skip: !posix && 'open files stay',
  }, (t) => {
    const { path, file, dropped } = open(t);
    file.write('one\n');
    rmSync(path);
    file.write('two\n');
    assert.equal(readFileSync(path, 'utf8'), 'two\n');
    rmSync(join(path, '..'), { recursive: true });
    file.write('three\n');
    assert.equal(readFileSync(path, 'utf8'), 'three\n');
    renameSync(path, `${path}.moved`);
    file.write('four\n');
    assert.equal(readFileSync(`${path}.moved`, 'utf8'), 'three\nfour\n');
    assert.deepEqual(dropped, []);
  });

  it('of several processes has each line whole and in order, and is rotated by one of them', (t) => {
    const { path, file } = open(t, { limit: 100, kept: 9 });
    const other = new LogFile(path, { limit: 100, kept: 9 });
    t.after(() => other.close());
    const all: string[] = [];
    for (let n = 0; n < 60; n++) {
      const line = `line ${n}\n`;
      all.push(line);
      (n % 3 === 0 ? other : file).write(line);
    }
    assert.equal(texts(path).join(''), all.join(''));
    for (const text of texts(path)) assert.ok(text.length <= 100, `${text.length} octets`);
    assert.equal(texts(path).length, 5);
  });

  it('that is a link is rotated where it points to', { skip: !posix && 'links need rights' }, (t) => {
    const { path: real, file: first } = open(t);
    first.close();
    const link = join(folder(t), 'link.log');
    symlinkSync(real, link);
    const file = new LogFile(link, { limit: 10 });
    t.after(() => file.close());
    file.write('one 4567\n');
    file.write('two\n');
    assert.deepEqual(texts(real), ['one 4567\n', 'two\n']);
    assert.equal(readFileSync(link, 'utf8'), 'two\n');
  });

  it('counts what it could not write, and says so when it works again', {
    skip: !posix && 'open files stay',
  }, (t) => {
    const { path, file, dropped, later } = open(t);
    const dir = join(path, '..');
    rmSync(dir, { recursive: true });
    writeFileSync(dir, 'in the way');
    for (let n = 0; n < 100; n++) file.write('lost\n');
    later(999);
    rmSync(dir);
    file.write('lost as well\n');
    assert.deepEqual(dropped, []);
    later(1);
    file.write('there\n');
    file.write('more\n');
    assert.deepEqual(dropped, [{ lines: 101, reason: 'EEXIST' }]);
    assert.equal(readFileSync(path, 'utf8'), 'there\nmore\n');
  });

  it('does not mix a line that a full disk has cut with the next one', (t) => {
    const { path, file, dropped } = open(t);
    const { writeSync } = fs;
    let room = 3;
    const full = (fd: number, bytes: Uint8Array, at: number): number => {
      if (room === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      const written = writeSync(fd, bytes, at, Math.min(room, bytes.length - at));
      room -= written;
      return written;
    };
    mock.method(fs, 'writeSync', full as typeof writeSync);
    syncBuiltinESMExports();
    try {
      file.write('first\n');
      file.write('second\n');
      room = 100;
      file.write('third\n');
      file.write('fourth\n');
    } finally {
      mock.restoreAll();
      syncBuiltinESMExports();
    }
    assert.equal(readFileSync(path, 'utf8'), 'fir\nthird\nfourth\n');
    assert.deepEqual(dropped, [{ lines: 2, reason: 'ENOSPC' }]);
  });

  it('ends the line that another process could not', (t) => {
    const { path, file } = open(t);
    file.close();
    appendFileSync(path, '{"level":"in');
    const again = new LogFile(path);
    again.write('{}\n');
    again.close();
    new LogFile(path).close();
    assert.equal(readFileSync(path, 'utf8'), '{"level":"in\n{}\n');
  });

  it('is for its user and its group', { skip: !posix && 'no modes' }, (t) => {
    const { path } = open(t);
    assert.equal(statSync(path).mode & 0o777, 0o640 & ~process.umask());
  });

  it('that can not be one is an error at the start, and a pipe holds nothing up', (t) => {
    const dir = folder(t);
    const wrong = { code: 'FILE_FAILED' };
    assert.throws(() => new LogFile(dir), wrong);
    writeFileSync(join(dir, 'file'), '');
    assert.throws(() => new LogFile(join(dir, 'file', 'log')), wrong);
    if (!posix) return;
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    assert.throws(() => new LogFile(join(dir, 'pipe')), wrong);
  });

  it('writes nothing after it was closed', (t) => {
    const { path, file } = open(t);
    file.close();
    file.close();
    file.write('late\n');
    assert.equal(readFileSync(path, 'utf8'), '');
  });
});

it('a log with a file writes JSON lines there, and an event for those that it lost', {
  skip: !posix && 'open files stay',
}, async (t) => {
  const path = join(folder(t), 'sub', 'zeroth.log');
  const fixed = { level: 'info', format: 'pretty', name: 'n', terminal: true, colour: true } as const;
  const log = await createLog({ ...fixed, file: path });
  t.after(() => log.close());
  const lines = (): Record<string, unknown>[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  log.event('ready', { routes: 1 });
  assert.deepEqual(
    lines().map(({ event, routes, node }) => [event, routes, node]),
    [['ready', 1, 'n']],
  );
  const dir = join(path, '..');
  rmSync(dir, { recursive: true });
  writeFileSync(dir, 'in the way');
  log.event('stopped', {});
  rmSync(dir);
  while (!existsSync(path)) {
    log.info({}, 'words');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [words, dropped] = lines();
  assert.equal(words?.msg, 'words');
  assert.deepEqual([dropped?.event, dropped?.level, dropped?.file], ['log:dropped', 'warn', path]);
  assert.ok((dropped?.lines as number) >= 1);
});
