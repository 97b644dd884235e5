import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Question } from '../../../src/source/http.ts';
import { ask, excerpt, exchange } from '../../../src/source/http.ts';
import { eventually } from '../../support/centre.ts';
import { freePort } from '../../support/port.ts';

const { signal: never } = new AbortController();

interface Peer {
  readonly question: Question;
  readonly sockets: ReadonlySet<Socket>;
  /** What it was told. */
  readonly heard: () => string;
}

/** A server that says this to everybody, octet for octet, and then closes the connection or not. */
async function peer(t: TestContext, said: string | null, close = true): Promise<Peer> {
  const sockets = new Set<Socket>();
  let heard = '';
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
      if (said !== null && !socket.writableEnded) close ? socket.end(said) : socket.write(said);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path?token=sesame`;
  return {
    question: { method: 'GET', url, timeout: 30_000, signal: never },
    sockets,
    heard: () => heard,
  };
}

test('an answer, whole, and its connection is gone', async (t) => {
  const { question, sockets, heard } = await peer(t, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', false);
  const { status, body } = await ask({ ...question, method: 'POST', body: 'Grüße', headers: { 'x-a': 'b' } });
  deepEqual([status, String(body)], [200, 'hi']);
  match(heard(), /x-a: b\r\n.*content-length: 7\r\n/is);
  await eventually('no connection', () => sockets.size === 0);
});

test('a body over the limit is not read to its end', async (t) => {
  const { question, sockets } = await peer(t, `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(101)}`, false);
  await rejects(ask(question, 100), { message: 'the answer has more than 100 bytes' });
  await eventually('no connection', () => sockets.size === 0);
});

test('an answer that does not come, or not to its end', async (t) => {
  for (const said of [null, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhi']) {
    const { question, sockets } = await peer(t, said, false);
    await rejects(ask({ ...question, timeout: 50 }), { message: /no answer within 50 ms/ });
    await eventually('no connection', () => sockets.size === 0);
  }
});

test('an answer that comes octet by octet', async (t) => {
  const { question, sockets } = await peer(t, 'HTTP/1.1 200 OK\r\n\r\n', false);
  const drip = setInterval(() => {
    // After the head of the answer.
    for (const socket of sockets) if (socket.bytesWritten > 0) socket.write('x');
  }, 5);
  t.after(() => clearInterval(drip));
  await rejects(ask({ ...question, timeout: 100 }), { message: /no answer within 100 ms/ });
  await eventually('no connection', () => sockets.size === 0);
});

test('a signal ends it at once', async (t) => {
  const { question, sockets } = await peer(t, null);
  const controller = new AbortController();
  const asking = ask({ ...question, signal: controller.signal });
  await eventually('a connection', () => sockets.size === 1);
  controller.abort(new Error('enough'));
  await rejects(asking, { message: 'enough' });
  await eventually('no connection', () => sockets.size === 0);
  await rejects(ask({ ...question, signal: controller.signal }), { message: 'enough' });
});

test('what is no HTTP, half an answer, and nobody there', async (t) => {
  const broken = await peer(t, 'SSH-2.0-OpenSSH\r\n');
  const half = await peer(t, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhi');
  const nobody = { ...half.question, url: `http://127.0.0.1:${await freePort()}/secret-path?token=sesame` };
  for (const question of [broken.question, half.question, nobody]) {
    const error = await ask(question).catch((thrown: Error) => thrown);
    ok(error instanceof Error);
    ok(!/secret-path|sesame/.test(`${error.stack}`), error.message);
  }
  await rejects(ask(nobody), { message: 'nobody listens there (ECONNREFUSED)' });
});

test('a redirect is an answer', async (t) => {
  const other = await peer(t, 'HTTP/1.1 200 OK\r\n\r\n');
  const { question } = await peer(
    t,
    `HTTP/1.1 302 Found\r\nLocation: ${other.question.url}\r\nContent-Length: 0\r\n\r\n`,
  );
  equal((await ask(question)).status, 302);
  equal(other.heard(), '');
});

test('an exchange ends when enough was taken', async (t) => {
  const { question } = await peer(t, 'HTTP/1.1 200 OK\r\n\r\nabc', false);
  const taken: string[] = [];
  const { end } = await exchange(question, (chunk) => taken.push(String(chunk)) === 1);
  deepEqual([end, taken], ['enough', ['abc']]);
});

test('what a server says is short, on one line and without our secrets', () => {
  const said = Buffer.from(`no:\r\n\u001b[31m sesame\u0000 is wrong ${'x'.repeat(5000)}`);
  const text = excerpt(said, ['', 'sesame']);
  match(text, /^no: \[31m \[redacted\] is wrong x+$/);
  equal(text.length, 200);
});
