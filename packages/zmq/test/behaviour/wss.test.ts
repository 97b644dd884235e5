/** wss: certificates that do not fit, the package `ws` and raw TLS as the other side, ends of either direction. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import { createServer, connect as dial, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import * as tls from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import * as zmq from '../../src/index.ts';
import { TEST_AUTHORITY, TEST_CERTIFICATE, TEST_KEY, TEST_SIGNED } from '../support/certificate.ts';
import { until, within } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { text } from '../support/payload.ts';
import { bindTo, type Scope, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

const ws = transports.find(({ name }) => name === 'ws')!;
const wss = transports.find(({ name }) => name === 'wss')!;

function detailOf(error: Error | undefined): string {
  return (error as zmq.ZmqError | undefined)?.detail ?? '';
}

describe('wss', { timeout: 60_000 }, () => {
  it('needs a key and a certificate to be bound', async (t) => {
    const s = scope(t);
    const refused = async (options: object, detail: RegExp): Promise<void> => {
      const pull = s.open(zmq.Pull, options);
      await assert.rejects(pull.bind('wss://127.0.0.1:0'), (error: zmq.ZmqError) => {
        assert.equal(error.code, 'EINVAL');
        assert.match(error.detail ?? '', detail);
        assert.doesNotMatch(JSON.stringify(error), /PRIVATE/);
        return true;
      });
    };
    await refused({}, /wssKeyPem/);
    await refused({ wssKeyPem: TEST_KEY }, /wssCertPem/);
    await refused({ wssKeyPem: 'nonsense', wssCertPem: TEST_CERTIFICATE }, /can't be used/);
  });

  const distrust: readonly (readonly [what: string, options: object, host: string, detail: RegExp])[] = [
    ['a certificate that nobody trusts', {}, '127.0.0.1', /self-signed.*wssTrustPem/],
    [
      'a certificate of another name',
      { wssTrustPem: TEST_CERTIFICATE, wssHostname: 'other.example' },
      '127.0.0.1',
      /other name|wssHostname/,
    ],
    ['no trust at all', { wssTrustSystem: false }, '127.0.0.1', /wssTrustPem/],
  ];
  for (const [what, options, host, detail] of distrust) {
    it(`refuses ${what}`, async (t) => {
      const s = scope(t);
      const pull = s.open(zmq.Pull, { wssKeyPem: TEST_KEY, wssCertPem: TEST_CERTIFICATE });
      const { port } = new URL(await bindTo(pull, wss));
      const push = s.open(zmq.Push, options);
      const seen: zmq.ZmqError[] = [];
      push.events.on('peer:refused', ({ error }) => seen.push(error as zmq.ZmqError));
      push.events.on('peer:unreachable', ({ error }) => seen.push(error as zmq.ZmqError));
      push.connect(`wss://${host}:${port}`);
      await until(() => seen.length > 0, 'the refusal');
      assert.match(seen[0]?.detail ?? '', detail);
    });
  }

  it('takes the name of the certificate from wssHostname', async (t) => {
    const s = scope(t, wss);
    const pull = s.open(zmq.Pull);
    const push = s.open(zmq.Push, { wssHostname: 'localhost', wssTrustSystem: false });
    push.connect(await bindTo(pull, wss));
    await push.send('by name');
    assert.deepEqual(text(await pull.receive()), ['by name']);
  });

  it('plain ws to it is refused, and it to plain ws', async (t) => {
    const s = scope(t, wss);
    const [secure, plain] = [s.open(zmq.Pull), s.open(zmq.Pull)];
    const [log, plainLog] = [watch(secure), watch(plain)];
    const ports = [new URL(await bindTo(secure, wss)).port, new URL(await bindTo(plain, ws)).port];
    const [one, two] = [s.open(zmq.Push), s.open(zmq.Push)];
    const logs = [watch(one), watch(two)];
    one.connect(`ws://127.0.0.1:${ports[0]}/zmq`);
    two.connect(`wss://127.0.0.1:${ports[1]}/zmq`);
    const { error } = await log.next('peer:refused');
    assert.equal(error?.code, 'ERR_WEBSOCKET');
    assert.match(detailOf(error), /^no TLS connection: .*speaks no TLS.*ws:\/\//);
    const three = s.open(zmq.Push);
    three.connect(`tcp://127.0.0.1:${ports[0]}`);
    await until(
      () => log.of('peer:refused').some((event) => /no TLS.*tcp:\/\//.test(detailOf(event.error))),
      'tcp',
    );
    assert.match(detailOf((await plainLog.next('peer:refused')).error), /no valid HTTP request.*wss:\/\//);
    for (const each of logs) await until(() => each.all.some(({ error }) => error !== undefined), 'an error');
  });
});

describe('wss, a certificate', { timeout: 60_000 }, () => {
  const authority = { wssTrustPem: TEST_AUTHORITY, wssTrustSystem: false };
  const unfit: readonly (readonly [what: string, certificate: string, options: object, detail: RegExp])[] = [
    ['of an unknown authority', TEST_SIGNED.good, {}, /authority is not known.*wssTrustPem/],
    ['of another authority', TEST_SIGNED.good, wss.options, /authority is not known.*wssTrustPem/],
    ['for another name', TEST_SIGNED.otherName, authority, /another name.*wssHostname/],
    ['that has expired', TEST_SIGNED.expired, authority, /has expired/],
    ['of the future', TEST_SIGNED.notYet, authority, /not valid yet.*clock/],
  ];
  for (const [what, certificate, options, detail] of unfit) {
    it(`${what} is refused, with the way out, and the pauses grow`, async (t) => {
      const s = scope(t);
      const pull = s.open(zmq.Pull, { wssKeyPem: TEST_KEY, wssCertPem: certificate });
      const endpoint = await bindTo(pull, wss);
      const served = watch(pull);
      const push = s.open(zmq.Push, { ...options, reconnectInterval: 5, reconnectJitter: 0 });
      const log = watch(push);
      push.connect(endpoint);
      const { error } = await log.next('peer:refused');
      assert.equal(error?.code, 'ERR_WEBSOCKET');
      assert.match(detailOf(error), detail);
      await until(() => log.count('connect:retry') >= 4, 'four attempts');
      const pauses = log.of('connect:retry').map(({ interval }) => interval ?? 0);
      for (let i = 1; i < 4; i++) assert.ok(pauses[i]! >= 2 * pauses[i - 1]!, `${pauses}`);
      assert.match(detailOf((await served.next('peer:refused')).error), /does it trust the certificate/);
    });
  }

  it('of an authority that is trusted is taken', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, { wssKeyPem: TEST_KEY, wssCertPem: TEST_SIGNED.good });
    const push = s.open(zmq.Push, authority);
    push.connect(await bindTo(pull, wss));
    await push.send('known');
    assert.deepEqual(text(await pull.receive()), ['known']);
  });
});

/** The package `ws`, connected; what it receives. */
async function stranger(endpoint: string): Promise<{ socket: WebSocket; next: () => Promise<Buffer> }> {
  const socket = new WebSocket(endpoint, ['ZWS2.0'], { ca: TEST_CERTIFICATE });
  const got: Buffer[] = [];
  socket.on('message', (data: Buffer) => got.push(data));
  await within(once(socket, 'open'), 'the WebSocket to open');
  const next = async (): Promise<Buffer> => {
    await until(() => got.length > 0, 'a WebSocket message');
    return got.shift()!;
  };
  return { socket, next };
}

/** A server of the package `ws` over TLS, and what connects to it. */
async function strangers(s: Scope): Promise<{ endpoint: string; next: () => Promise<WebSocket> }> {
  const https = createHttps({ key: TEST_KEY, cert: TEST_CERTIFICATE });
  const server = new WebSocketServer({ noServer: true });
  const came: WebSocket[] = [];
  https.on('upgrade', (request, socket, head) => {
    // `ws` takes no offer that has a slash in it.
    request.headers['sec-websocket-protocol'] = 'ZWS2.0';
    server.handleUpgrade(request, socket, head, (made) => {
      // The first message, a routing id, comes back like the others.
      made.on('message', (data) => made.send(data));
      came.push(made);
    });
  });
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  s.after(() => {
    for (const client of server.clients) client.terminate();
    https.close();
  });
  const { port } = https.address() as { port: number };
  const next = async (): Promise<WebSocket> => {
    await until(() => came.length > 0, 'a connection');
    return came.shift()!;
  };
  return { endpoint: `wss://127.0.0.1:${port}/`, next };
}

/** Sizes around the borders of WebSocket's lengths and of TLS records. */
const SIZES = [0, 1, 124, 125, 126, 8190, 8192, 16_384, 65_534, 65_535, 65_536, 300_000];

describe('wss with the package `ws`', { timeout: 60_000 }, () => {
  it('as the client: both directions, every size', async (t) => {
    const s = scope(t, wss);
    const dealer = s.open(zmq.Dealer);
    const { socket, next } = await stranger(await bindTo(dealer, wss));
    s.after(() => socket.terminate());
    assert.deepEqual(await next(), Buffer.of(0));
    socket.send(Buffer.of(0));
    for (const size of SIZES) {
      socket.send(Buffer.alloc(size + 1).fill(7, 1));
      const [body] = await dealer.receive();
      assert.deepEqual(body, Buffer.alloc(size, 7));
      await dealer.send(body!);
      assert.deepEqual(await next(), Buffer.alloc(size + 1).fill(7, 1));
    }
  });

  it('as the server: both directions, every size, and again after it went away', async (t) => {
    const s = scope(t, wss);
    const { endpoint, next } = await strangers(s);
    const dealer = s.open(zmq.Dealer, { reconnectInterval: 1 });
    dealer.connect(endpoint);
    for (let life = 0; life < 2; life++) {
      const socket = await next();
      for (const size of SIZES) {
        await dealer.send(Buffer.alloc(size, 7));
        assert.deepEqual((await dealer.receive())[0], Buffer.alloc(size, 7));
      }
      socket.terminate();
      await until(() => dealer.peers().every(({ state }) => state !== 'ready'), 'the end');
    }
  });

  it('a client that stops reading holds up the sender, and gets everything', async (t) => {
    const s = scope(t, wss);
    const push = s.open(zmq.Push, { sendHighWaterMark: 2 });
    const { socket } = await stranger(await bindTo(push, wss));
    s.after(() => socket.terminate());
    socket.send(Buffer.of(0));
    socket.removeAllListeners('message');
    socket.pause();
    await until(() => push.trySend('0'), 'the first to go');
    const body = Buffer.alloc(100_000);
    let sent = 1;
    await until(() => {
      while (push.trySend([String(sent), body])) sent++;
      return push.stats.highWaterMarkHits > 3 && sent > 4;
    }, 'the sender to wait');
    const last = push.send(['last', body]);
    let got = 0;
    const done = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        if (data.subarray(1).equals(Buffer.from('last'))) resolve();
        else if (data.length < 10 && data[1] !== undefined)
          assert.equal(String(data.subarray(1)), String(got++));
      });
    });
    socket.resume();
    await within(done, 'the last');
    await last;
    assert.equal(got, sent);
  });
});

/** A socket of TLS whose upgrade is written by hand: what follows is its own business. */
async function raw(
  s: Scope,
  endpoint: string,
): Promise<{ socket: tls.TLSSocket; under: Socket; got: () => Buffer }> {
  const url = new URL(endpoint);
  const under = dial({ port: Number(url.port), host: '127.0.0.1', allowHalfOpen: true });
  await once(under, 'connect');
  const socket = tls.connect({
    socket: under,
    ca: TEST_CERTIFICATE,
    host: '127.0.0.1',
    servername: 'localhost',
    allowHalfOpen: true,
  } as tls.ConnectionOptions);
  s.after(() => under.destroy());
  socket.on('error', () => {});
  let octets = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    octets = Buffer.concat([octets, chunk]);
  });
  socket.write(
    `GET ${url.pathname} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ZWS2.0\r\n\r\n',
  );
  await until(() => octets.includes('\r\n\r\n'), 'the upgrade');
  return { socket, under, got: () => octets.subarray(octets.indexOf('\r\n\r\n') + 4) };
}

/** A WebSocket message as a client sends it, masked with zeros. */
function message(body: string): Buffer {
  return Buffer.concat([Buffer.of(0x82, 0x80 | (body.length + 1), 0, 0, 0, 0, 0), Buffer.from(body)]);
}

const HELLO = Buffer.of(0x82, 0x81, 0, 0, 0, 0, 0);

describe('wss, ends without a word', { timeout: 60_000 }, () => {
  const ends: readonly (readonly [what: string, end: (socket: tls.TLSSocket, under: Socket) => void])[] = [
    ['TLS is ended in good order (close_notify)', (socket) => socket.end()],
    ['TCP is ended under TLS', (_socket, under) => under.end()],
  ];
  for (const [what, end] of ends) {
    it(`${what}: what was sent before arrives, and the peer is gone`, async (t) => {
      const s = scope(t, wss);
      const pull = s.open(zmq.Pull);
      const log = watch(pull);
      const { socket, under } = await raw(s, await bindTo(pull, wss));
      socket.write(HELLO);
      for (let i = 0; i < 500; i++) socket.write(message(String(i)));
      await until(() => under.writableLength === 0 && socket.writableLength === 0, 'all to be written');
      end(socket, under);
      for (let i = 0; i < 500; i++) assert.deepEqual(text(await pull.receive()), [String(i)]);
      const { error } = await log.next('peer:gone');
      assert.equal(error, undefined);
      await until(() => pull.peers().length === 0, 'the peer to be gone');
    });
  }

  it('a receiver at its mark sees the end when it has taken what came', async (t) => {
    const s = scope(t, wss);
    const pull = s.open(zmq.Pull, { receiveHighWaterMark: 1 });
    const { socket } = await raw(s, await bindTo(pull, wss));
    socket.write(HELLO);
    for (let i = 0; i < 2000; i++) socket.write(message(`${i} ${'x'.repeat(100)}`));
    socket.end();
    for (let i = 0; i < 2000; i++) assert.match(String(await pull.receive()), new RegExp(`^${i} `));
    await until(() => pull.peers().length === 0, 'the peer to be gone');
  });

  it('what is on its way when the peer ends its side of TLS still reaches it', async (t) => {
    const s = scope(t, wss);
    const push = s.open(zmq.Push);
    const { socket, got } = await raw(s, await bindTo(push, wss));
    socket.pause();
    socket.write(HELLO);
    await until(() => push.peers()[0]?.state === 'ready', 'the peer');
    await push.send(Buffer.alloc(3_000_000, 7));
    await until(() => push.stats.queuedOut === 0, 'the message to leave');
    socket.end();
    socket.resume();
    await until(() => got().length > 3_000_000, 'the message', { seen: () => got().length });
  });
});

/** A way to `endpoint`, and the size of the largest TLS record that came to the client, and to the server. */
async function watched(s: Scope, endpoint: string): Promise<{ through: string; largest: () => number[] }> {
  const streams: Buffer[][] = [[], []];
  const proxy = createServer((near) => {
    const far = dial(Number(new URL(endpoint).port), '127.0.0.1');
    for (const [at, [from, to]] of [[far, near] as const, [near, far] as const].entries()) {
      from.on('data', (chunk: Buffer) => streams[at]!.push(chunk));
      from.on('error', () => {});
      from.pipe(to);
    }
  });
  s.after(() => proxy.close());
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const largest = (): number[] =>
    streams.map((chunks) => {
      const octets = Buffer.concat(chunks);
      let most = 0;
      for (let at = 0; at + 5 <= octets.length; ) {
        const length = octets.readUInt16BE(at + 3);
        most = Math.max(most, length);
        at += 5 + length;
      }
      return most;
    });
  return { through: `wss://127.0.0.1:${(proxy.address() as { port: number }).port}/zmq`, largest };
}

/** What encryption adds to a record (RFC 8446, 5.2). */
const RECORD_EXTRA = 256;

describe('wss, records', { timeout: 60_000 }, () => {
  it('to a client that does not say what it is have 8 KiB at most: libzmq reads so much at a time', async (t) => {
    const s = scope(t, wss);
    const dealer = s.open(zmq.Dealer);
    const { through, largest } = await watched(s, await bindTo(dealer, wss));
    const { socket, next } = await stranger(through);
    s.after(() => socket.terminate());
    await next();
    socket.send(Buffer.of(0));
    await dealer.send(Buffer.alloc(200_000));
    assert.equal((await next()).length, 200_001);
    const [came] = largest();
    assert.ok(came! > 8000 && came! <= 8192 + RECORD_EXTRA, `${came}`);
  });

  it('to a server that does not say what it is, too', async (t) => {
    const s = scope(t, wss);
    const { endpoint } = await strangers(s);
    const { through, largest } = await watched(s, endpoint);
    const dealer = s.open(zmq.Dealer);
    dealer.connect(through);
    await dealer.send(Buffer.alloc(200_000));
    assert.equal((await dealer.receive())[0]?.length, 200_000);
    const [, went] = largest();
    assert.ok(went! > 8000 && went! <= 8192 + RECORD_EXTRA, `${went}`);
  });

  it('among ourselves are as large as TLS has them', async (t) => {
    const s = scope(t, wss);
    const pair = s.open(zmq.Pair);
    const { through, largest } = await watched(s, await bindTo(pair, wss));
    const other = s.open(zmq.Pair);
    other.connect(through);
    for (const [from, to] of [[pair, other] as const, [other, pair] as const]) {
      await from.send(Buffer.alloc(200_000));
      assert.equal((await to.receive())[0]?.length, 200_000);
    }
    for (const size of largest()) assert.ok(size > 16_000, `${size}`);
  });
});
