import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { realFiles } from '../../../src/store/files.ts';
import { Lock, ownerOf } from '../../../src/store/lock.ts';
import { isAlive, newOwner, type Owner, parseOwner } from '../../../src/store/owner.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'zeroth-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const take = (): Promise<Lock> => Lock.take(realFiles, dir, Date.now);
const now = (): Owner => parseOwner(readFileSync(join(dir, 'lock')))!;

/** A lock of somebody else; `age`: since when nobody has touched it, in ms. */
function put(owner: Partial<Owner>, age = 0, name = 'lock'): Owner {
  const whole = {
    pid: 4_000_000,
    host: hostname(),
    scope: newOwner(0).scope,
    started: '',
    since: 1,
    nonce: '0123456789abcdef',
    ...owner,
  };
  writeFileSync(join(dir, name), JSON.stringify(whole));
  const time = (Date.now() - age) / 1000;
  utimesSync(join(dir, name), time, time);
  return whole;
}

/** A process that takes the lock, and holds it until it is killed. Says `taken` or the code of the error. */
function holder(): ChildProcess {
  const url = (path: string): string => new URL(`../../../src/store/${path}`, import.meta.url).href;
  const program = `
    const { Lock } = await import(${JSON.stringify(url('lock.js'))});
    const { realFiles } = await import(${JSON.stringify(url('files.js'))});
    process.stdin.once('data', async () => {
      try {
        await Lock.take(realFiles, ${JSON.stringify(dir)}, Date.now);
        console.log('taken');
        setInterval(() => {}, 1000);
      } catch (error) {
        console.log(error.code);
        process.exit();
      }
    });
    console.log('ready');`;
  return spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function said(child: ChildProcess): Promise<string> {
  const [data] = (await once(child.stdout!, 'data')) as [Buffer];
  return data.toString().trim();
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe('the lock of a data folder', () => {
  it('is taken once, names its owner, and is given back', async () => {
    const lock = await take();
    await assert.rejects(take(), {
      code: 'STORE_LOCKED',
      message: new RegExp(`process ${process.pid} on ${hostname()}, since \\d{4}-.*another data folder`),
    });
    assert.equal((await ownerOf(realFiles, dir, Date.now))?.pid, process.pid);
    assert.deepEqual(readdirSync(dir), ['lock']);
    await lock.release();
    assert.deepEqual(readdirSync(dir), []);
    assert.equal(await ownerOf(realFiles, dir, Date.now), null);
    await (await take()).release();
  });

  it('is taken over from a process that is gone', async () => {
    const cases: Partial<Owner>[] = [
      { pid: 4_000_000 },
      { pid: 0 },
      // An earlier process with our number, and one whose number is another's now.
      { pid: process.pid },
      ...(newOwner(0).started === '' ? [] : [{ pid: process.ppid, started: '1' }]),
    ];
    for (const owner of cases) {
      put(owner);
      assert.equal(await ownerOf(realFiles, dir, Date.now), null);
      const lock = await take();
      assert.equal(now().pid, process.pid);
      assert.deepEqual(readdirSync(dir), ['lock']);
      await lock.release();
    }
  });

  it('stays with a process that runs', async () => {
    put({ pid: process.ppid });
    await assert.rejects(take(), { code: 'STORE_LOCKED' });
    assert.equal(now().nonce, '0123456789abcdef');
  });

  it('is taken over from another host only when that has not touched it for long', async () => {
    put({ host: 'other' }, 20_000);
    await assert.rejects(take(), { code: 'STORE_LOCKED', message: /on other/ });
    put({ host: 'other' }, 31_000);
    await (await take()).release();
  });

  it('is taken over from another container, or an earlier run of the system, in the same way', async () => {
    // Its number may be ours, or nobody's here: that says nothing.
    for (const pid of [process.pid, 4_000_000]) {
      put({ pid, scope: 'other' }, 20_000);
      await assert.rejects(take(), { code: 'STORE_LOCKED' });
    }
    put({ pid: process.pid, scope: 'other' }, 31_000);
    await (await take()).release();
  });

  it('is watched before it is taken from a number that a later process may have', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      // As on Windows and macOS, which do not say when a process started.
      const owner = put({ pid: child.pid!, started: '' }, 5000);
      await assert.rejects(take(), { code: 'STORE_LOCKED' }, 'it was touched lately');

      put(owner, 60_000);
      const slept = Lock.take(realFiles, dir, Date.now, 300);
      const woken = setInterval(() => utimesSync(join(dir, 'lock'), new Date(), new Date()), 50);
      await assert.rejects(slept, { code: 'STORE_LOCKED' }, 'its machine slept, and it is back');
      clearInterval(woken);

      put(owner, 60_000);
      await Lock.take(realFiles, dir, Date.now, 50);
      assert.equal(now().pid, process.pid);
    } finally {
      await kill(child);
    }
  });

  it('is not taken by a thread of the process that has it', {
    skip: newOwner(0).started === '' && 'needs /proc',
  }, async () => {
    const url = (path: string): string => new URL(`../../../src/store/${path}`, import.meta.url).href;
    const lock = await take();
    const program = `
      const { parentPort } = require('node:worker_threads');
      (async () => {
        const { Lock } = await import(${JSON.stringify(url('lock.js'))});
        const { realFiles } = await import(${JSON.stringify(url('files.js'))});
        await Lock.take(realFiles, ${JSON.stringify(dir)}, Date.now).then(
          () => parentPort.postMessage('taken'),
          (error) => parentPort.postMessage(error.code),
        );
      })();`;
    const worker = new Worker(program, { eval: true });
    const ended = once(worker, 'exit');
    assert.deepEqual(await once(worker, 'message'), ['STORE_LOCKED']);
    await ended;
    await lock.release();
  });

  it('is touched by its owner, who finds out when it is not his any more', async () => {
    const files = new MemoryFiles();
    await files.makeFolder('/d');
    let time = Date.now();
    const lock = await Lock.take(files, '/d', () => time);
    const { modified } = await files.stat('/d/lock');
    while (Date.now() <= modified) await new Promise(setImmediate);
    assert.ok(await lock.touch(time + 1000));
    assert.equal((await files.stat('/d/lock')).modified, modified, 'not all the time');
    time += 6000;
    assert.ok(await lock.touch(time));
    assert.ok((await files.stat('/d/lock')).modified > modified);
    files.put('/d/lock', Buffer.from(JSON.stringify(newOwner(1))));
    assert.equal(await lock.touch(time + 6000), false);
    await lock.release();
    assert.ok(files.paths.includes('/d/lock'), 'the lock of another stays');
  });

  it('is taken over from one who died while taking over', async () => {
    put({ nonce: 'aaaaaaaaaaaaaaaa' });
    put({ nonce: 'bbbbbbbbbbbbbbbb' }, 0, 'lock.aaaaaaaaaaaaaaaa');
    const lock = await take();
    assert.deepEqual(readdirSync(dir), ['lock']);
    await lock.release();
    // But not from one who is just doing it.
    put({ nonce: 'aaaaaaaaaaaaaaaa' });
    put({ nonce: 'bbbbbbbbbbbbbbbb', pid: process.ppid }, 0, 'lock.aaaaaaaaaaaaaaaa');
    await assert.rejects(take(), { code: 'STORE_LOCKED' });
  });

  it('is left to one who may be writing it, and taken over when nobody finishes it', async () => {
    const whole = `${JSON.stringify(newOwner(1))}\n`;
    for (const text of ['', whole.slice(0, 20), whole.slice(0, -1).slice(0, -1)]) {
      const files = new MemoryFiles();
      await files.makeFolder('/d');
      files.put('/d/lock', Buffer.from(text));
      await assert.rejects(Lock.take(files, '/d', Date.now), { code: 'STORE_LOCKED' });
      const lock = await Lock.take(files, '/d', () => Date.now() + 31_000);
      assert.deepEqual(files.paths, ['/d/lock']);
      assert.equal(parseOwner(files.content('/d/lock'))?.pid, process.pid);
      await lock.release();
    }
  });

  it('does not take over what it does not know', async () => {
    writeFileSync(join(dir, 'lock'), 'garbage');
    await assert.rejects(take(), { code: 'STORE_FAILED', message: /no lock of zeroth/ });
  });

  it('has one owner of many that start at once, however they are interleaved', async () => {
    for (let round = 0; round < 60; round++) {
      const files = new MemoryFiles();
      await files.makeFolder('/d');
      const stale = { ...newOwner(1), pid: 4_000_000, nonce: 'aaaaaaaaaaaaaaaa' };
      files.put('/d/lock', Buffer.from(JSON.stringify(stale)));
      const starts = Array.from({ length: 5 }, async (_, i) => {
        for (let turn = 0; turn < (round * (i + 1)) % 11; turn++) await new Promise(setImmediate);
        return Lock.take(files, '/d', Date.now);
      });
      const results = await Promise.allSettled(starts);
      const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      assert.equal(locks.length, 1, `round ${round}`);
      await locks[0]!.release();
    }
  });

  it('is one of real processes that start at once, and free when that is killed', async () => {
    put({});
    const children = [holder(), holder(), holder()];
    try {
      for (const child of children) assert.equal(await said(child), 'ready');
      const answers = children.map(said);
      for (const child of children) child.stdin!.write('go\n');
      const words = await Promise.all(answers);
      assert.deepEqual([...words].sort(), ['STORE_LOCKED', 'STORE_LOCKED', 'taken']);
      const owner = children[words.indexOf('taken')]!;
      await assert.rejects(take(), { code: 'STORE_LOCKED', message: new RegExp(`process ${owner.pid} `) });
      await kill(owner);
      await (await take()).release();
    } finally {
      await Promise.all(children.map(kill));
    }
  });
});

describe('an owner', () => {
  it('is told apart from a later process with the same number', () => {
    const own = newOwner(5);
    assert.equal(isAlive(own), true);
    assert.equal(isAlive({ ...own, host: 'other' }), null);
    assert.equal(isAlive({ ...own, scope: 'other' }), null);
    if (own.started !== '') assert.equal(isAlive({ ...own, started: '1' }), false);
    assert.deepEqual(parseOwner(Buffer.from(JSON.stringify(own))), own);
    for (const text of ['', '[]', 'null', '{}', JSON.stringify({ ...own, nonce: '../../etc' })])
      assert.equal(parseOwner(Buffer.from(text)), null);
  });

  it('is gone when nobody has waited for its end', {
    skip: newOwner(0).started === '' && 'needs /proc',
  }, async () => {
    // A shell that never waits for its child, which ends at once.
    const shell = spawn('sh', ['-c', 'sh -c "echo \\$\\$" & exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const pid = Number(await said(shell));
      const stat = (): string => readFileSync(`/proc/${pid}/stat`, 'latin1');
      while (!/\) Z /.test(stat())) await new Promise(setImmediate);
      assert.equal(isAlive({ ...newOwner(0), pid, started: stat().split(') ')[1]!.split(' ')[19]! }), false);
      assert.equal(isAlive({ ...newOwner(0), pid, started: '' }), false);
    } finally {
      await kill(shell);
    }
  });
});
