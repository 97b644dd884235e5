import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { ZmqError } from '../../../src/errors.ts';
import { ipcTransport } from '../../../src/transport/ipc.ts';
import { dial, newPath, OPTIONS, Server } from './harness.ts';

const LIMIT = { timeout: 20_000 };
const NO_FILES = process.platform === 'win32' ? 'named pipes leave no files' : false;

async function meet(server: Server): Promise<void> {
  const [near, far] = await Promise.all([dial(ipcTransport, server.endpoint), server.accept()]);
  near.destroy();
  far.destroy();
}

/** A socket file that nobody listens on any more. */
async function staleSocket(): Promise<string> {
  const path = newPath();
  const moved = newPath();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  renameSync(path, moved); // node would remove it
  await new Promise((resolve) => server.close(resolve));
  assert.ok(lstatSync(moved).isSocket());
  return moved;
}

async function failure(server: Server): Promise<ZmqError> {
  try {
    await server.listener.ready;
  } catch (error) {
    assert.ok(error instanceof ZmqError);
    assert.equal(server.listener.error, error);
    await server.close();
    return error;
  }
  throw new assert.AssertionError({ message: 'bound' });
}

describe('ipc', () => {
  it('makes a new path for *', LIMIT, async () => {
    const one = new Server(ipcTransport, 'ipc://*');
    const two = new Server(ipcTransport, 'ipc://*');
    assert.notEqual(one.endpoint, two.endpoint);
    assert.notEqual(one.endpoint, 'ipc://*');
    await Promise.all([meet(one), meet(two)]);
    await Promise.all([one.close(), two.close()]);
    if (NO_FILES === false) assert.equal(existsSync(one.endpoint.slice('ipc://'.length)), false);
  });

  it('takes a path relative to the current folder', { ...LIMIT, skip: NO_FILES }, async () => {
    const name = `zeroth-test-${process.pid}.sock`;
    const server = new Server(ipcTransport, `ipc://${name}`);
    assert.equal(server.endpoint, `ipc://${name}`);
    assert.ok(lstatSync(name).isSocket());
    await meet(server);
    await server.close();
    assert.equal(existsSync(name), false);
  });

  it('removes the file when it closes', { ...LIMIT, skip: NO_FILES }, async () => {
    const path = newPath();
    const server = new Server(ipcTransport, `ipc://${path}`);
    assert.ok(lstatSync(path).isSocket());
    await meet(server);
    await server.close();
    assert.equal(existsSync(path), false);
  });

  it('replaces a socket file that a dead process left', { ...LIMIT, skip: NO_FILES }, async () => {
    const path = await staleSocket();
    await assert.rejects(dial(ipcTransport, `ipc://${path}`), { code: 'ECONNREFUSED', address: path });
    const server = new Server(ipcTransport, `ipc://${path}`);
    assert.equal(server.listener.error, null);
    await server.listener.ready;
    await meet(server);
    await server.close();
    assert.equal(existsSync(path), false);
  });

  it('can be closed while it looks whether the file is stale', { ...LIMIT, skip: NO_FILES }, async () => {
    const path = await staleSocket();
    const server = new Server(ipcTransport, `ipc://${path}`);
    assert.equal((await Promise.all([failure(server), server.close()]))[0].code, 'EBADF');
    assert.equal(server.listener.endpoint, null);
    unlinkSync(path);
  });

  it('leaves a living socket alone, and its file', { ...LIMIT, skip: NO_FILES }, async () => {
    const path = newPath();
    const server = new Server(ipcTransport, `ipc://${path}`);
    const error = await failure(new Server(ipcTransport, `ipc://${path}`));
    assert.equal(error.code, 'EADDRINUSE');
    assert.equal(error.address, path);
    assert.match(error.detail ?? '', /another socket listens/);
    assert.ok(lstatSync(path).isSocket());
    (await server.accept()).destroy(); // the question
    await meet(server);
    await server.close();
  });

  it('never removes what is not a socket', { ...LIMIT, skip: NO_FILES }, async () => {
    const path = newPath();
    writeFileSync(path, 'precious');
    const error = await failure(new Server(ipcTransport, `ipc://${path}`));
    assert.equal(error.code, 'EADDRINUSE');
    assert.match(error.detail ?? '', /not a socket/);
    assert.equal(readFileSync(path, 'utf8'), 'precious');

    // A link is not a socket either, wherever it leads.
    const link = newPath();
    const stale = await staleSocket();
    symlinkSync(stale, link);
    assert.equal((await failure(new Server(ipcTransport, `ipc://${link}`))).code, 'EADDRINUSE');
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.ok(lstatSync(stale).isSocket());
  });

  it('says at once that the folder is missing', { ...LIMIT, skip: NO_FILES }, async () => {
    const path = `${newPath()}/missing/socket`;
    const server = new Server(ipcTransport, `ipc://${path}`);
    assert.ok(server.listener.error instanceof ZmqError);
    const error = await failure(server);
    assert.equal(error.code, 'ENOENT');
    assert.equal(error.address, path);
    assert.match(error.detail ?? '', /folder .* does not exist/);
  });

  it('refuses what is not for it', () => {
    assert.throws(() => ipcTransport.dial('ipc://*', OPTIONS, () => {}), {
      code: 'EINVAL',
      address: 'ipc://*',
    });
    assert.throws(() => ipcTransport.dial('tcp://h:1', OPTIONS, () => {}), { code: 'EPROTONOSUPPORT' });
    assert.throws(() => new Server(ipcTransport, `ipc://${'p'.repeat(300)}`), { code: 'EINVAL' });
  });
});
