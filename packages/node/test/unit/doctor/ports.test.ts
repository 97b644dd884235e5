/** Endpoints to bind: free, taken and by whom. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { listenerIn, listenerOf } from '../../../src/doctor/holders.ts';
import { checkPorts, portsWithin } from '../../../src/doctor/ports.ts';
import { listenerAmong } from '../../../src/doctor/windows.ts';
import { another, one, only, outcome, surroundings } from '../../support/doctor.ts';
import { unusedEndpoint } from '../../support/port.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'zeroth-ports-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const LISTEN = `
import { createServer } from 'node:net';
const server = createServer().listen(0, '127.0.0.1', () => console.log(server.address().port));`;

describe('doctor: ports', () => {
  it('finds them free, and lets go of them', async () => {
    const endpoint = await unusedEndpoint();
    const [result] = await checkPorts(await surroundings(one(endpoint)));
    assert.deepEqual([result?.status, result?.figures.free], ['ok', 2], result?.message);
    const server = createServer().listen(Number(endpoint.split(':')[2]), '127.0.0.1');
    await once(server, 'listening');
    server.close();
  });

  it('says which process has a port', async (t) => {
    const { pid, line } = await another(t, LISTEN);
    const results = await checkPorts(await surroundings(one(`tcp://127.0.0.1:${line}`)));
    const taken = results.find(({ status }) => status === 'failure');
    assert.equal(taken?.figures.code, 'EADDRINUSE');
    assert.match(taken.message, /routes\.jobs\.frontend\.bind/);
    assert.match(taken.hint ?? '', /stop that program/);
    if (process.platform !== 'linux') return;
    assert.equal(taken.figures.pid, pid);
    assert.match(taken.message, new RegExp(`node \\(process ${pid}\\)`));
  });

  it('says which process has a socket file, and leaves the file', {
    skip: process.platform === 'win32',
  }, async (t) => {
    const path = join(await folder(t), 's.sock');
    const { pid } = await another(
      t,
      `import { createServer } from 'node:net'; createServer().listen(${JSON.stringify(path)}, () => console.log('there'));`,
    );
    const taken = only(await checkPorts(await surroundings(one(`ipc://${path}`))));
    assert.equal(taken.status, 'failure');
    if (process.platform === 'linux') assert.equal(taken.figures.pid, pid);
    assert.deepEqual(await readdir(join(path, '..')), ['s.sock']);
  });

  it('knows a file that is no socket, a folder that is not there, and a path that is too long', async (t) => {
    if (process.platform === 'win32') return t.skip('pipes have no folders');
    const dir = await folder(t);
    await writeFile(join(dir, 'file'), '');
    const code = async (path: string): Promise<unknown> =>
      only(await checkPorts(await surroundings(one(`ipc://${path}`)))).figures.code;
    assert.equal(await code(join(dir, 'file')), 'ENOTSOCK');
    assert.equal(await code(join(dir, 'no', 'sock')), 'ENOENT');
    assert.equal(await code(join(dir, 'x'.repeat(120))), 'ENAMETOOLONG');
    await chmod(dir, 0o500);
    if (process.getuid?.() !== 0) assert.equal(await code(join(dir, 'sock')), 'EACCES');
  });

  it('knows an address that no interface has, and names those there are', async () => {
    const taken = only(await checkPorts(await surroundings(one('tcp://192.0.2.77:29472'))));
    assert.deepEqual([taken.status, taken.figures.code], ['failure', 'EADDRNOTAVAIL']);
    assert.match(taken.hint ?? '', /127\.0\.0\.1/);
  });

  it('folds many of a kind', async () => {
    const routes = Array.from(
      { length: 20 },
      (_, i) =>
        `  r${i}: { pattern: pipeline, frontend: { bind: "tcp://192.0.2.77:${30100 + i}" }, backend: { bind: "inproc://o${i}" } }`,
    );
    const results = await checkPorts(await surroundings(`routes:\n${routes.join('\n')}\n`));
    assert.equal(results.length, 4, JSON.stringify(outcome(results)));
    assert.equal(results[3]?.figures.more, 17);
  });

  it('warns of ports that outgoing connections get', () => {
    assert.deepEqual(
      portsWithin([5555, 40000, 50000, 50001], '32768\t60999\n', '50000-50000,61000'),
      [40000, 50001],
    );
    assert.deepEqual(portsWithin([40000], '', ''), []);
  });

  it('reads the tables of Linux and Windows', () => {
    const row =
      '   1: 0100007F:15B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 77 1 0\n';
    assert.deepEqual(listenerIn(`  sl  local_address\n${row}`, 5555, ''), { inode: '77', user: 1000 });
    assert.equal(listenerIn(row.replace(' 0A ', ' 01 '), 5555, ''), null);
    const table =
      '  TCP    127.0.0.1:5555   0.0.0.0:0   ABHÖREN   4711\r\n  TCP    127.0.0.1:1   127.0.0.1:5555   HERGESTELLT   9\r\n';
    assert.equal(listenerOf(table, 5555), 4711);
    assert.equal(listenerOf(table, 1), null);
  });

  it('names the one that is in the way at that address', () => {
    const row = (at: string, inode: number): string =>
      `   1: ${at}:15B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0\n`;
    const four = row('0100007F', 1) + row('0200007F', 2);
    const inode = (table: string, address: string): string | undefined =>
      listenerIn(table, 5555, address)?.inode;
    assert.equal(inode(four, '127.0.0.1'), '1');
    assert.equal(inode(four, '127.0.0.2'), '2');
    assert.equal(inode(four, '127.0.0.3'), undefined);
    assert.equal(inode(four, '0.0.0.0'), '1', 'all addresses: any is in the way');
    assert.equal(inode(row('00000000', 3), '127.0.0.3'), '3');
    const six = row('B80D01200000000000000000CDAB0000', 4) + row('00000000000000000000000001000000', 5);
    assert.equal(inode(six, '::1'), '5');
    assert.equal(inode(six, '2001:db8::abcd'), '4');
    assert.equal(inode(row('0000000000000000FFFF00000100007F', 6), '127.0.0.1'), '6', 'mapped');
    assert.equal(inode(six, '127.0.0.1'), undefined);
    assert.equal(inode(row('00000000000000000000000000000000', 7), '127.0.0.1'), '7', 'dual');
  });

  it('reads what Windows fills in, and nothing outside of it', () => {
    const table = Buffer.alloc(4 + 2 * 24);
    table.writeUInt32LE(2, 0);
    table.writeUInt16BE(5555, 4 + 24 + 8);
    table.writeUInt32LE(4711, 4 + 24 + 20);
    const find = (port: number, from = table): number | null =>
      listenerAmong(from, port, 24, { port: 8, pid: 20 });
    assert.equal(find(5555), 4711);
    assert.equal(find(5556), null);
    const lies = Buffer.from(table.subarray(0, 40));
    lies.writeUInt32LE(0xffffffff, 0);
    assert.equal(find(5555, lies), null);
  });
});
