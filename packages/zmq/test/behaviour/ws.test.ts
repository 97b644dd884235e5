/** What is particular to ws and wss: the upgrade and who is refused in it, heartbeats, what other software sends. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type ClientOptions, WebSocket } from 'ws';
import * as zmq from '../../src/index.ts';
import { until, within } from '../support/deadline.ts';
import { type SeenEvent, watch } from '../support/events.ts';
import { FaultProxy } from '../support/faultproxy.ts';
import { text } from '../support/payload.ts';
import { bindTo, ready, type Scope, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';
import { ready as readyCommand } from '../support/wire.ts';

const ws = transports.find(({ name }) => name === 'ws')!;

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Protocol': 'ZWS2.0/NULL',
};

/** The answer to an HTTP request: its status and text. */
async function ask(endpoint: string, headers: object = {}, path?: string): Promise<[number, string]> {
  const url = new URL(endpoint.replace('ws:', 'http:'));
  const asked = request({
    host: url.hostname,
    port: url.port,
    path: path ?? url.pathname,
    headers: { ...headers },
    agent: false,
  });
  asked.end();
  return await within(
    new Promise<[number, string]>((resolve, reject) => {
      asked.on('error', reject);
      asked.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve([response.statusCode ?? 0, response.headers['sec-websocket-protocol'] ?? '']);
      });
      asked.on('response', async (response) => {
        let body = '';
        for await (const chunk of response) body += chunk;
        resolve([response.statusCode ?? 0, body]);
      });
    }),
    'an answer',
  );
}

/** A stranger that speaks WebSocket, opened, with what it receives. */
async function stranger(
  endpoint: string,
  protocol: string,
  options: ClientOptions = {},
): Promise<{ socket: WebSocket; next: () => Promise<Buffer> }> {
  const socket = new WebSocket(endpoint, [protocol], options);
  const got: Buffer[] = [];
  socket.on('message', (data: Buffer) => got.push(data));
  socket.on('error', () => {});
  await within(once(socket, 'open'), 'the WebSocket to open');
  const next = async (): Promise<Buffer> => {
    await until(() => got.length > 0, 'a WebSocket message');
    return got.shift()!;
  };
  return { socket, next };
}

/** The end of a connection, which is a reset when what was sent had not been read. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => socket.on('close', () => resolve()));
}

/** A server that gives one answer to every upgrade. */
async function answering(s: Scope, answer: (key: string) => string): Promise<string> {
  const server = createServer();
  server.on('upgrade', (asked, socket) => {
    socket.on('error', () => {});
    socket.end(answer(asked.headers['sec-websocket-key'] ?? ''));
  });
  s.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe('ws, who is let in', { timeout: 60_000 }, () => {
  it('a request without an upgrade is told what is here', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    const log = watch(pull);
    const [status, body] = await ask(await bindTo(pull, ws));
    assert.equal(status, 426);
    assert.match(body, /ZeroMQ/);
    const { error } = await log.next('peer:refused');
    assert.equal(error?.code, 'ERR_WEBSOCKET');
  });

  it('what is no HTTP is sent away', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    const log = watch(pull);
    const { port } = new URL(await bindTo(pull, ws));
    const socket = connect(Number(port), '127.0.0.1');
    s.after(() => socket.destroy());
    socket.write('\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\r\n\r\n');
    socket.resume();
    await within(closed(socket), 'the end');
    assert.equal((await log.next('peer:refused')).error?.code, 'ERR_WEBSOCKET');
  });

  it('headers have a limit', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    const [status] = await ask(await bindTo(pull, ws), { ...UPGRADE, Cookie: 'x'.repeat(20_000) });
    assert.equal(status, 431);
  });

  it('a stranger who says nothing has the time of a handshake, counted from the accept', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull, { handshakeInterval: 50 });
    const log = watch(pull);
    const { port } = new URL(await bindTo(pull, ws));
    const socket = connect(Number(port), '127.0.0.1');
    s.after(() => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    socket.resume();
    await within(closed(socket), 'the end');
    assert.equal((await log.next('peer:refused')).error?.code, 'ERR_ZMTP_HANDSHAKE_TIMEOUT');
  });

  const cases: readonly (readonly [
    what: string,
    headers: object,
    path: string | undefined,
    status: number,
  ])[] = [
    ['the right subprotocol', {}, undefined, 101],
    ['another subprotocol', { 'Sec-WebSocket-Protocol': 'chat' }, undefined, 400],
    ['another mechanism', { 'Sec-WebSocket-Protocol': 'ZWS2.0/PLAIN' }, undefined, 400],
    ['another path', {}, '/other', 404],
    ['another version', { 'Sec-WebSocket-Version': '7' }, undefined, 400],
    ['a key that is none', { 'Sec-WebSocket-Key': 'x' }, undefined, 400],
    ['a page of this host', { Origin: 'http://127.0.0.1:8080' }, undefined, 101],
    ['a page of another host', { Origin: 'https://evil.example' }, undefined, 403],
    ['a page from nowhere', { Origin: 'null' }, undefined, 403],
    ['a page by the name localhost', { Origin: 'http://localhost', Host: 'localhost:80' }, undefined, 101],
    // The page's own domain was made to mean this machine.
    ['a page rebound', { Origin: 'http://evil.example', Host: 'evil.example' }, undefined, 403],
  ];
  for (const [what, headers, path, status] of cases) {
    it(`${what}: ${status}`, async (t) => {
      const s = scope(t, ws);
      const pull = s.open(zmq.Pull);
      const log = watch(pull);
      const [got, said] = await ask(await bindTo(pull, ws), { ...UPGRADE, ...headers }, path);
      assert.equal(got, status, said);
      if (status === 101) assert.equal(said, 'ZWS2.0/NULL');
      else
        assert.match((await log.next('peer:refused')).error?.code ?? '', /^ERR_(WEBSOCKET|ZMTP_MECHANISM)/);
    });
  }

  it('pages that wsOrigins lists, and no others', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull, { wsOrigins: 'https://a.example http://b.example:81' });
    const endpoint = await bindTo(pull, ws);
    const asked = async (Origin: string): Promise<number> => (await ask(endpoint, { ...UPGRADE, Origin }))[0];
    assert.equal(await asked('https://a.example'), 101);
    assert.equal(await asked('http://b.example:81'), 101);
    assert.equal(await asked('http://b.example'), 403);
    assert.equal(await asked('http://127.0.0.1'), 403);
    pull.wsOrigins = '*';
    assert.equal(await asked('http://evil.example'), 101);
  });
});

describe('ws, the first connection to a bound endpoint', { timeout: 60_000 }, () => {
  const library = JSON.stringify(fileURLToPath(new URL('../../src/index.js', import.meta.url)));
  // A thread of its own: there, what a connection needs is loaded with the first one.
  const source = `
    const { once } = require('node:events');
    const { connect } = require('node:net');
    const { parentPort, workerData: options } = require('node:worker_threads');
    const zmq = require(${library});
    (async () => {
      const pull = new zmq.Pull(options);
      await pull.bind((options.wssKeyPem === undefined ? 'ws' : 'wss') + '://127.0.0.1:0');
      const strangers = [1, 2, 3].map(() => connect(new URL(pull.lastEndpoint).port, '127.0.0.1'));
      for (const each of strangers) each.once('connect', () => each.resetAndDestroy());
      await Promise.all(strangers.map((each) => once(each, 'close')));
      const push = new zmq.Push(options);
      push.connect(pull.lastEndpoint);
      await push.send('still here');
      parentPort.postMessage(String((await pull.receive())[0]));
    })();
  `;
  for (const { name, options } of transports.filter((each) => each.name.startsWith('ws'))) {
    it(`may be reset at once, over ${name}`, async (t) => {
      const worker = new Worker(source, { eval: true, workerData: options });
      t.after(() => worker.terminate());
      assert.deepEqual(await within(once(worker, 'message'), 'the worker'), ['still here']);
    });
  }
});

describe('ws, connecting', { timeout: 60_000 }, () => {
  const servers: readonly (readonly [what: string, status: number, detail: RegExp])[] = [
    ['that wants a password', 401, /credentials/],
    ['that does not let us in', 403, /does not let/],
    ['with nothing there', 404, /nothing is at the path \/feed/],
    ['that is broken', 503, /503/],
  ];
  for (const [what, status, detail] of servers) {
    it(`says what is wrong with a server ${what}`, async (t) => {
      const s = scope(t, ws);
      const push = s.open(zmq.Push);
      const log = watch(push);
      push.connect(`${await answering(s, () => `HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n`)}/feed`);
      const { error } = (await log.next('peer:refused')) as SeenEvent & { error: zmq.ZmqError };
      assert.equal(error.code, 'ERR_WEBSOCKET');
      assert.match(error.detail ?? '', detail);
    });
  }

  it('says what it may be when a server closes without an answer, as libzmq does', async (t) => {
    const s = scope(t, ws);
    const push = s.open(zmq.Push);
    const log = watch(push);
    push.connect(await answering(s, () => ''));
    const { error } = (await log.next('peer:refused')) as SeenEvent & { error: zmq.ZmqError };
    assert.equal(error.code, 'ERR_WEBSOCKET');
    assert.match(error.detail ?? '', /closed the connection.*another security mechanism/);
  });

  for (const protocol of [
    '',
    'Sec-WebSocket-Protocol: chat\r\n',
    'Sec-WebSocket-Protocol: ZWS2.0/PLAIN\r\n',
  ]) {
    it(`refuses a server that upgrades with ${JSON.stringify(protocol.trim())}`, async (t) => {
      const s = scope(t, ws);
      const push = s.open(zmq.Push);
      const log = watch(push);
      const endpoint = await answering(s, (key) => {
        const accept = createHash('sha1')
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';
        return `${head}Sec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`;
      });
      push.connect(endpoint);
      const { error } = (await log.next('peer:refused')) as SeenEvent & { error: zmq.ZmqError };
      assert.equal(error.code, 'ERR_WEBSOCKET');
      assert.match(error.detail ?? '', /subprotocol/);
    });
  }

  it('gives up a server that takes the connection and says nothing', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    const proxy = s.use(await FaultProxy.start(await bindTo(pull, ws)));
    proxy.pause();
    const push = s.open(zmq.Push, { handshakeInterval: 50 });
    const log = watch(push);
    push.connect(`${proxy.endpoint.replace('tcp:', 'ws:')}/zmq`);
    assert.equal((await log.next('peer:refused')).error?.code, 'ERR_ZMTP_HANDSHAKE_TIMEOUT');
  });

  it('bindSync is bound when it returns, and lastEndpoint has the path', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    pull.bindSync('ws://127.0.0.1:*');
    assert.match(pull.lastEndpoint ?? '', /^ws:\/\/127\.0\.0\.1:[1-9][0-9]*\/$/);
    const push = s.open(zmq.Push);
    push.connect(pull.lastEndpoint as string);
    await push.send('hello');
    assert.deepEqual(text(await pull.receive()), ['hello']);
  });
});

describe('ws, what other software sends', { timeout: 60_000 }, () => {
  it('a subscriber without a mechanism (ZWS2.0): routing ids, then messages', async (t) => {
    const s = scope(t, ws);
    const pub = s.open(zmq.XPublisher);
    const { socket, next } = await stranger(await bindTo(pub, ws), 'ZWS2.0');
    s.after(() => socket.terminate());
    assert.equal(socket.protocol, 'ZWS2.0');
    assert.deepEqual(await next(), Buffer.of(0));
    socket.send(Buffer.of(0));
    socket.send(Buffer.from('\x00\x01news'));
    assert.deepEqual(text(await pub.receive()), ['\x01news']);
    await pub.send(['news', 'hello']);
    assert.deepEqual([await next(), await next()], [Buffer.from('\x01news'), Buffer.from('\x00hello')]);
  });

  it('a page that names the mechanism with a dot', async (t) => {
    const s = scope(t, ws);
    const router = s.open(zmq.Router);
    const { socket, next } = await stranger(await bindTo(router, ws), 'ZWS2.0.NULL', {
      perMessageDeflate: false,
    });
    s.after(() => socket.terminate());
    const hello = (await next()).toString('latin1');
    assert.ok(hello.startsWith('\x02\x05READY') && hello.includes('ROUTER'), hello);
    const command = readyCommand('DEALER', ['Identity', 'page']);
    socket.send(Buffer.concat([Buffer.of(2), command.subarray(2)]));
    // A message in WebSocket fragments.
    socket.send(Buffer.from('\x00he'), { fin: false });
    socket.send(Buffer.from('llo'), { fin: true });
    assert.deepEqual(text(await router.receive()), ['page', 'hello']);
    await router.send(['page', 'you']);
    assert.deepEqual(await next(), Buffer.from('\x00you'));
    socket.ping('are you there');
    const [answer] = (await within(once(socket, 'pong'), 'a pong')) as [Buffer];
    assert.equal(String(answer), 'are you there');
    socket.close(1000);
    const [code] = (await within(once(socket, 'close'), 'the Close')) as [number];
    assert.equal(code, 1000);
    await until(() => router.peers().length === 0, 'the peer to be gone');
  });

  const refused: readonly (readonly [
    what: string,
    send: (socket: WebSocket) => void,
    code: string,
    close: number,
  ])[] = [
    ['text', (socket) => socket.send('hello'), 'ERR_WEBSOCKET', 1002],
    ['an empty message', (socket) => socket.send(Buffer.alloc(0)), 'ERR_WEBSOCKET', 1002],
    [
      'too large a message in fragments',
      (socket) => socket.send(Buffer.alloc(2000), { fin: false }),
      'ERR_ZMTP_MESSAGE_SIZE',
      1009,
    ],
  ];
  for (const [what, send, code, close] of refused) {
    it(`${what}: refused, and the sender is told`, async (t) => {
      const s = scope(t, ws);
      const pull = s.open(zmq.Pull, { maxMessageSize: 1000 });
      const log = watch(pull);
      const { socket } = await stranger(await bindTo(pull, ws), 'ZWS2.0');
      send(socket);
      const [got] = (await within(once(socket, 'close'), 'the Close')) as [number];
      assert.equal(got, close);
      assert.equal((await log.next('peer:refused')).error?.code, code);
    });
  }

  it('a large message is refused by its announced length, not when it is there', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull, { maxMessageSize: 1000 });
    const log = watch(pull);
    const push = s.open(zmq.Push, { reconnectInterval: -1 });
    push.connect(await bindTo(pull, ws));
    await push.send(Buffer.alloc(1000));
    assert.equal((await pull.receive())[0]?.length, 1000);
    await push.send(Buffer.alloc(1001));
    assert.equal((await log.next('peer:gone')).error?.code, 'ERR_ZMTP_MESSAGE_SIZE');
  });

  it('what was sent before a Close arrives', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    const { socket } = await stranger(await bindTo(pull, ws), 'ZWS2.0');
    socket.send(Buffer.of(0));
    for (let index = 0; index < 100; index++) socket.send(Buffer.from(`\x00${index}`));
    socket.close();
    for (let index = 0; index < 100; index++) assert.deepEqual(text(await pull.receive()), [String(index)]);
  });
});

describe('ws heartbeats', { timeout: 60_000 }, () => {
  it('a silent peer is dropped, one that answers pings is left alone', async (t) => {
    const s = scope(t, ws);
    const server = s.use(new zmq.Router({ heartbeatInterval: 20, heartbeatTimeout: 500, linger: 0 }));
    const log = watch(server);
    await server.bind(ws.endpoint());
    const client = s.open(zmq.Dealer);
    const proxy = s.use(await FaultProxy.start(server.lastEndpoint as string));
    client.connect(`${proxy.endpoint.replace('tcp:', 'ws:')}/zmq`);
    await ready(server, ws);
    assert.equal(server.peers()[0]?.heartbeats, true);
    // A dozen pings come and are answered.
    const before = proxy.forwarded;
    await until(() => proxy.forwarded >= before + 12 * 6, 'pongs');
    assert.equal(log.count('disconnect'), 0);
    proxy.pause();
    assert.equal((await log.next('peer:gone')).error?.code, 'ERR_ZMTP_HEARTBEAT_TIMEOUT');
  });
});
