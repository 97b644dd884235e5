/** Where local sockets are, and who can open them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AdminEndpoint, LIMITS } from '../../../src/admin/endpoint.ts';
import { localPath, localSockets, removeStale } from '../../../src/admin/local.ts';
import { startTested } from '../../support/admin.ts';

const noFiles = process.platform === 'win32' ? 'Windows has named pipes' : false;

describe('the local socket', { skip: noFiles }, () => {
  it('stands in a folder of this user, and only this user may open it', async (t) => {
    const { local, folder, admin } = await startTested(t);
    assert.equal((await stat(join(folder, 'run'))).mode & 0o777, 0o700);
    assert.equal((await stat(local)).mode & 0o777, 0o600);
    assert.match(local, new RegExp(`/tested\\.${process.pid}\\.sock$`));
    const environment = { ZEROTH_RUNTIME_DIR: join(folder, 'run') };
    assert.deepEqual(localSockets(environment), [{ path: local, name: 'tested', pid: process.pid }]);
    await admin.close();
    assert.deepEqual(localSockets(environment), []);
  });

  it('of a dead process is removed, that of a living one never', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'zeroth-stale-'));
    t.after(() => rm(folder, { recursive: true }));
    const environment = { ZEROTH_RUNTIME_DIR: folder };
    const living = createServer().listen(join(folder, `a.${process.pid}.sock`));
    // Its process is gone, as far as can be seen from here, but somebody answers.
    const elsewhere = createServer().listen(join(folder, 'b.999999999.sock'));
    t.after(() => {
      living.close();
      elsewhere.close();
    });
    await Promise.all([once(living, 'listening'), once(elsewhere, 'listening')]);
    const dead = join(folder, 'c.999999998.sock');
    // What a process leaves that is killed.
    const { execFileSync } = await import('node:child_process');
    const code = `require("net").createServer().listen(${JSON.stringify(dead)}, () => process.kill(process.pid, "SIGKILL"))`;
    assert.throws(() => execFileSync(process.execPath, ['-e', code], { stdio: 'ignore' }));
    await writeFile(join(folder, 'notes.txt'), 'not ours');
    await removeStale(environment);
    const left = localSockets(environment).map(({ name }) => name);
    assert.deepEqual(left.sort(), ['a', 'b']);
    assert.equal(await readFile(join(folder, 'notes.txt'), 'utf8'), 'not ours');
  });

  it('is not put into a folder that another user may have made', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'zeroth-foreign-'));
    t.after(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, 'theirs'));
    await symlink(join(folder, 'theirs'), join(folder, 'link'));
    const environment = { ZEROTH_RUNTIME_DIR: join(folder, 'link') };
    assert.throws(() => localPath(environment, 'n', 1), { code: 'ADMIN_FAILED' });
    assert.deepEqual(localSockets(environment), []);
  });

  it('is not put into a folder that others can write into, which stays as it is', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'zeroth-shared-'));
    t.after(() => rm(folder, { recursive: true }));
    await chmod(folder, 0o1777);
    const environment = { ZEROTH_RUNTIME_DIR: folder };
    assert.throws(() => localPath(environment, 'n', 1), {
      code: 'ADMIN_FAILED',
      message: /others can write/,
    });
    await writeFile(join(folder, 'n.1.sock'), '');
    assert.deepEqual(localSockets(environment), []);
    assert.equal((await stat(folder)).mode & 0o7777, 0o1777);
    await chmod(folder, 0o755);
    assert.equal(localPath(environment, 'n', 1), join(folder, 'n.1.sock'));
    assert.equal((await stat(folder)).mode & 0o777, 0o755);
  });

  it('is nobody else’s from its first moment on', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'zeroth-first-'));
    const path = join(folder, 'n.sock');
    const endpoint = new AdminEndpoint(path, () => {}, LIMITS);
    t.after(async () => {
      await endpoint.close(0);
      await rm(folder, { recursive: true });
    });
    const opened = endpoint.open();
    // It is bound, and nothing else has happened yet.
    for (let n = 0; n < 100 && !existsSync(path); n++) await Promise.resolve();
    assert.equal(statSync(path).mode & 0o077, 0);
    await opened;
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('has a path that fits the system, whatever the name of the node is', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'zeroth-long-'));
    t.after(() => rm(folder, { recursive: true }));
    const path = localPath({ ZEROTH_RUNTIME_DIR: folder }, 'n'.repeat(64), 4_194_304);
    assert.ok(Buffer.byteLength(path) <= 103);
    const deep = join(folder, 'd'.repeat(90));
    assert.throws(() => localPath({ ZEROTH_RUNTIME_DIR: deep }, 'n', 1), { code: 'ADMIN_FAILED' });
  });
});
