/** Endpoints to connect to, against peers that are there, dead, silent or something else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { Pull } from '@zeroth/zmq';
import type { CheckResult } from '../../../src/doctor/check.ts';
import { checkConnects } from '../../../src/doctor/connect.ts';
import { LATE, Names } from '../../../src/doctor/names.ts';
import { one, only, surroundings } from '../../support/doctor.ts';
import { unusedEndpoint } from '../../support/port.ts';

async function check(endpoint: string, greeting = 10_000): Promise<CheckResult> {
  return only(await checkConnects(await surroundings(one(endpoint, 'connect')), { greeting }));
}

async function server(t: TestContext, serve: (socket: Socket) => void): Promise<string> {
  const listening = createServer((socket) => {
    socket.on('error', () => {});
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  t.after(() => listening.close());
  return `tcp://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

describe('doctor: connect', () => {
  it('reaches a socket over tcp and ipc, and says after what time', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'zeroth-connect-'));
    const pull = new Pull();
    t.after(() => {
      pull.close();
      return rm(dir, { recursive: true, force: true });
    });
    await pull.bind('tcp://127.0.0.1:0');
    for (const endpoint of [pull.lastEndpoint as string, `ipc://${join(dir, 'p.sock')}`]) {
      if (endpoint.startsWith('ipc')) await pull.bind(endpoint);
      const { status, message, figures } = await check(endpoint);
      assert.equal(status, 'ok', message);
      assert.equal(figures.reached, 1);
      assert.match(message, /speaks ZMTP, the slowest after [\d.]+ m?s/);
    }
  });

  it('tells what speaks something else, also when it comes octet by octet', async (t) => {
    const http = await server(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const { status, message, hint } = await check(http);
    assert.equal(status, 'failure');
    assert.match(message, /speaks no ZMTP \(it begins with 0x48545450\)/);
    assert.match(hint ?? '', /check the port/);
    const almost = await server(t, (socket) => {
      socket.setNoDelay(true);
      for (const octet of [0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7e]) socket.write(Buffer.of(octet));
    });
    assert.equal((await check(almost)).status, 'failure');
    const closes = await server(t, (socket) => socket.end());
    assert.equal((await check(closes)).figures.found, 'stranger');
  });

  it('tells who is there and says nothing', async (t) => {
    const { status, figures } = await check(await server(t, () => {}), 50);
    assert.deepEqual([status, figures.found], ['warning', 'silent']);
  });

  it('does not take the time for which it was held up itself for the silence of another', async (t) => {
    const given = await surroundings(one(await server(t, () => {}), 'connect'));
    const asked = checkConnects(given, { greeting: 20 });
    for (const end = performance.now() + 50; performance.now() < end; );
    assert.equal(only(await asked).figures.found, 'silent');
  });

  it('tells that nobody is there', async (t) => {
    const dead = await check(await unusedEndpoint());
    assert.deepEqual([dead.status, dead.figures.code], ['warning', 'ECONNREFUSED']);
    assert.match(dead.hint ?? '', /start the peer.*goes on trying/);
    if (process.platform === 'win32') return t.skip('no socket files');
    assert.equal((await check(`ipc://${join(tmpdir(), 'zeroth-no-such.sock')}`)).figures.code, 'ENOENT');
  });

  it('tells that there is no such host', async () => {
    const { status, figures } = await check('tcp://no-such-host.invalid:5555', 5000);
    assert.deepEqual([status, figures.found], ['failure', 'name']);
  });

  it('does not wait for a look-up that does not end, nor begins the next one after its time', async () => {
    let asked = 0;
    const names = new Names(20, () => {
      asked++;
      return new Promise(() => {});
    });
    const found = ['localhost', 'localhost', 'LOCALHOST'].map((host) => names.resolve(host, false));
    assert.deepEqual(await Promise.all([...found, names.resolve('localhost', true)]), [
      { code: LATE },
      { code: LATE },
      { code: LATE },
      { code: LATE },
    ]);
    assert.ok(asked <= 2, `${asked}`);
  });

  it('does not ask for what the node itself binds, and says nothing without endpoints', async () => {
    const own = `routes:
  a: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:29481" }, backend: { bind: "inproc://a" } }
  b: { pattern: pipeline, frontend: { bind: "inproc://b" }, backend: { connect: "tcp://127.0.0.1:29481" } }
`;
    assert.match(only(await checkConnects(await surroundings(own))).message, /1 of this node itself/);
    assert.deepEqual(await checkConnects(await surroundings(one('tcp://127.0.0.1:1'))), []);
  });
});
