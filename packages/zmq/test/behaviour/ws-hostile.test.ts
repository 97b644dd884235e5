/** ws, as strangers and broken programs speak it: octets written by hand. */
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import * as zmq from '../../src/index.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { turn, until, within } from '../support/deadline.ts';
import { type SeenEvent, watch } from '../support/events.ts';
import { text } from '../support/payload.ts';
import { bindTo, type Scope, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';
import { ready } from '../support/wire.ts';

const ws = transports.find(({ name }) => name === 'ws')!;

const UPGRADE =
  'GET /zmq HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n';

/** A frame as a client sends it, masked with zeros. */
function frame(first: number, payload: Uint8Array | string): Buffer {
  const body = Buffer.from(payload);
  const { length } = body;
  const head =
    length < 126
      ? Buffer.of(first, 0x80 | length, 0, 0, 0, 0)
      : length < 65_536
        ? Buffer.of(first, 0xfe, length >> 8, length & 0xff, 0, 0, 0, 0)
        : Buffer.of(
            first,
            0xff,
            0,
            0,
            0,
            0,
            0,
            (length >> 16) & 0xff,
            (length >> 8) & 0xff,
            length & 0xff,
            0,
            0,
            0,
            0,
          );
  return Buffer.concat([head, body]);
}

/** READY as one WebSocket message. */
function readyAs(type: string): Buffer {
  return frame(0x82, Buffer.concat([Buffer.of(2), ready(type).subarray(2)]));
}

function detailOf(error: Error | undefined): string {
  return (error as zmq.ZmqError | undefined)?.detail ?? '';
}

interface Raw {
  readonly socket: Socket;
  readonly got: () => Buffer;
  readonly closed: Promise<unknown>;
}

async function raw(s: Scope, endpoint: string, first: Uint8Array | string): Promise<Raw> {
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1');
  s.after(() => socket.destroy());
  const parts: Buffer[] = [];
  socket.on('data', (data: Buffer) => parts.push(data));
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.write(first);
  await within(once(socket, 'connect'), 'a connection');
  return { socket, got: () => Buffer.concat(parts), closed };
}

/** The code of the Close at the end of what was sent, which is not masked. */
function closeCode(got: Buffer): number {
  assert.deepEqual(got.subarray(-4, -2), Buffer.of(0x88, 2));
  return got.readUInt16BE(got.length - 2);
}

describe('a client that breaks the rules of WebSocket', { timeout: 60_000 }, () => {
  const broken: readonly (readonly [what: string, frame: Uint8Array, code: number, detail: RegExp])[] = [
    ['no mask', Buffer.of(0x82, 1, 0), 1002, /not masked/],
    ['RSV1', frame(0xc2, '\x00'), 1002, /reserved bits/],
    ['RSV3 on a ping', frame(0x99, ''), 1002, /reserved bits/],
    ['opcode 3', frame(0x83, '\x00'), 1002, /opcode/],
    ['opcode 15', frame(0x8f, ''), 1002, /opcode/],
    ['text', frame(0x81, 'x'), 1002, /text/],
    ['half a ping', frame(0x09, ''), 1002, /fragments/],
    [
      'a long ping',
      Buffer.concat([Buffer.of(0x89, 0xfe, 0, 126, 0, 0, 0, 0), Buffer.alloc(126)]),
      1002,
      /long/,
    ],
    ['a continuation of nothing', frame(0x80, '\x00'), 1002, /continuation/],
    ['a message in another', Buffer.concat([frame(0x02, '\x02'), frame(0x82, '\x00')]), 1002, /within/],
    ['half a code', frame(0x88, '\x03'), 1002, /half/],
    ['code 1005', frame(0x88, Buffer.of(0x03, 0xed)), 1002, /1005/],
    ['code 1006', frame(0x88, Buffer.of(0x03, 0xee)), 1002, /1006/],
    ['code 999', frame(0x88, Buffer.of(0x03, 0xe7)), 1002, /999/],
    ['code 2000', frame(0x88, Buffer.of(0x07, 0xd0)), 1002, /2000/],
    ['code 5000', frame(0x88, Buffer.of(0x13, 0x88)), 1002, /5000/],
    ['nothing in fragments', Buffer.concat([frame(0x02, ''), frame(0x80, '')]), 1002, /flags octet/],
    [
      '2^63 octets',
      Buffer.concat([Buffer.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0), Buffer.alloc(5)]),
      1009,
      /octets/,
    ],
    [
      'a fragment of 2^62 octets',
      Buffer.concat([Buffer.of(0x02, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0), Buffer.alloc(5)]),
      1009,
      /octets/,
    ],
    ['a command of 70,000 octets in fragments', frame(0x02, Buffer.alloc(70_000, 2)), 1009, /65536/],
  ];
  for (const [what, bytes, code, detail] of broken) {
    it(`${what}: is told ${code}`, async (t) => {
      const s = scope(t, ws);
      const pull = s.open(zmq.Pull);
      const log = watch(pull);
      // In the same packet as the request: nothing of it gets lost, or is taken for HTTP.
      const peer = await raw(
        s,
        await bindTo(pull, ws),
        Buffer.concat([Buffer.from(UPGRADE), readyAs('PUSH'), bytes]),
      );
      await within(peer.closed, 'the end');
      assert.equal(closeCode(peer.got()), code);
      const gone = await log.next('peer:gone');
      assert.match(detailOf(gone.error), detail);
    });
  }

  it('a stranger makes us put together no more than a command, whatever a message may have', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull, { maxMessageSize: -1 });
    const log = watch(pull);
    const peer = await raw(s, await bindTo(pull, ws), UPGRADE);
    // As fragments, each of them small.
    peer.socket.write(frame(0x02, '\x00'));
    for (let sent = 0; sent < 70_000; sent += 10_000) peer.socket.write(frame(0x00, Buffer.alloc(10_000)));
    await within(peer.closed, 'the end');
    assert.equal(closeCode(peer.got()), 1009);
    const { error } = await log.next('peer:refused');
    assert.equal(error?.code, 'ERR_ZMTP_MESSAGE_SIZE');
    assert.match(detailOf(error), /65536/);
  });

  it('who is let in may send large ones in fragments, in the packet of its READY already', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    const body = Buffer.alloc(200_000, 'x');
    const fragments = [
      frame(0x02, '\x00'),
      frame(0x00, body.subarray(0, 100_000)),
      frame(0x80, body.subarray(100_000)),
    ];
    await raw(
      s,
      await bindTo(pull, ws),
      Buffer.concat([Buffer.from(UPGRADE), readyAs('PUSH'), ...fragments]),
    );
    assert.deepEqual((await pull.receive())[0], body);
  });

  it('pings without end from one that does not read: no answers pile up', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    const peer = await raw(s, await bindTo(pull, ws), Buffer.concat([Buffer.from(UPGRADE), readyAs('PUSH')]));
    await until(() => pull.peers().length === 1, 'the peer');
    peer.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(0x89, Buffer.alloc(125))));
    for (let round = 0; round < 400; round++) {
      if (!peer.socket.write(pings)) await within(once(peer.socket, 'drain'), 'pings to be taken');
    }
    peer.socket.write(frame(0x82, '\x00over'));
    assert.deepEqual(text(await pull.receive()), ['over']);
    peer.socket.resume();
    peer.socket.write(frame(0x89, 'last'));
    await until(() => peer.got().subarray(-4).equals(Buffer.from('last')), 'the last answer');
    // Of 50 MB those that the system held for the socket, and one.
    assert.ok(peer.got().length < 40e6, `${peer.got().length} octets of answers`);
  });
});

describe('strangers of HTTP', { timeout: 60_000 }, () => {
  const requests: readonly (readonly [what: string, request: string, status: number])[] = [
    ['a request, and an upgrade behind it', `GET /zmq HTTP/1.1\r\nHost: a\r\n\r\n${UPGRADE}`, 426],
    ['CONNECT', 'CONNECT evil.example:25 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    ['an expectation', 'GET /zmq HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n', 426],
    [
      'a body that waits',
      'POST /zmq HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
      426,
    ],
    ['an upgrade to HTTP/2', UPGRADE.replace('websocket', 'h2c'), 400],
    ['HTTP/2 itself', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['POST', UPGRADE.replace('GET', 'POST'), 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ];
  for (const [what, request, status] of requests) {
    it(`${what}: ${status}, the end, and no peer`, async (t) => {
      const s = scope(t, ws);
      const pull = s.open(zmq.Pull);
      const log = watch(pull);
      const peer = await raw(s, await bindTo(pull, ws), request);
      await within(peer.closed, 'the end');
      assert.match(peer.got().toString('latin1'), new RegExp(`^HTTP/1.1 ${status} `));
      assert.equal((await log.next('peer:refused')).error?.code, 'ERR_WEBSOCKET');
      assert.deepEqual(pull.peers(), []);
    });
  }

  it('two origins are none', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull);
    const origins = 'Origin: http://127.0.0.1/\r\nOrigin: http://evil.example\r\n\r\n';
    const peer = await raw(s, await bindTo(pull, ws), UPGRADE.replace(/\r\n$/, origins));
    await within(peer.closed, 'the end');
    assert.match(peer.got().toString('latin1'), /^HTTP\/1.1 403 /);
  });
});

describe('ws, connecting to', { timeout: 60_000 }, () => {
  /** Upgrades by hand, then says `bytes`. */
  async function saying(s: Scope, bytes: Uint8Array): Promise<{ endpoint: string; got: () => Buffer }> {
    const server = createServer();
    const helper = new WebSocketServer({ noServer: true });
    const parts: Buffer[] = [];
    helper.on('headers', (headers) => headers.push('Sec-WebSocket-Protocol: ZWS2.0/NULL'));
    server.on('upgrade', (asked, socket, head) => {
      delete asked.headers['sec-websocket-protocol'];
      helper.handleUpgrade(asked, socket, head, () => {
        socket.removeAllListeners('data');
        socket.on('data', (data: Buffer) => parts.push(data));
        socket.write(bytes);
      });
    });
    server.listen(0, '127.0.0.1');
    s.after(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    return { endpoint: `ws://127.0.0.1:${port}`, got: () => Buffer.concat(parts) };
  }

  it('a server that masks: refused', async (t) => {
    const s = scope(t, ws);
    const push = s.open(zmq.Push, { reconnectInterval: -1 });
    const log = watch(push);
    const { endpoint } = await saying(s, readyAs('PULL'));
    push.connect(endpoint);
    const { error } = await log.next('peer:refused');
    assert.equal(error?.code, 'ERR_WEBSOCKET');
    assert.match(detailOf(error), /masked/);
  });

  it('an IPv6 address with a zone', async (t) => {
    const s = scope(t, ws);
    const pull = s.open(zmq.Pull, { ipv6: true });
    try {
      await pull.bind('ws://[::1]:0/zmq');
    } catch {
      t.skip('no IPv6 here');
      return;
    }
    const push = s.open(zmq.Push, { ipv6: true });
    push.connect(
      (pull.lastEndpoint as string).replace('[::1]', process.platform === 'linux' ? '[::1%lo]' : '[::1]'),
    );
    await push.send('by zone');
    assert.deepEqual(text(await pull.receive()), ['by zone']);
  });
});

/** The certificate of the tests as it would be if it had run out in 2021. */
function expired(): string {
  const old = Buffer.from(TEST_CERTIFICATE.replace(/-----.*-----|\s/g, ''), 'base64');
  const end = 8 + old.readUInt16BE(6);
  const signed = Buffer.from(old.subarray(4, end));
  signed.write('2021', signed.indexOf('21200101'));
  const signature = sign('sha256', signed, TEST_KEY);
  const algorithm = old.subarray(end, end + 2 + old[end + 1]!);
  const body = Buffer.concat([signed, algorithm, Buffer.of(3, signature.length + 1, 0), signature]);
  const made = Buffer.concat([Buffer.of(0x30, 0x82, body.length >> 8, body.length & 0xff), body]);
  return `-----BEGIN CERTIFICATE-----\n${made.toString('base64')}\n-----END CERTIFICATE-----\n`;
}

describe('wss, the certificate', { timeout: 60_000 }, () => {
  const trust = { wssTrustPem: TEST_CERTIFICATE, wssTrustSystem: false };
  const cases: readonly (readonly [
    what: string,
    certificate: string,
    options: zmq.SocketOptions<zmq.Push>,
    host: string,
    refused: RegExp | null,
  ])[] = [
    ['by address', TEST_CERTIFICATE, trust, '127.0.0.1', null],
    ['by another address', TEST_CERTIFICATE, trust, '127.0.0.2', /other name|another name/],
    [
      'by another address, with its name',
      TEST_CERTIFICATE,
      { ...trust, wssHostname: 'localhost' },
      '127.0.0.2',
      null,
    ],
    [
      'by another address, with its own',
      TEST_CERTIFICATE,
      { ...trust, wssHostname: '127.0.0.1' },
      '127.0.0.2',
      null,
    ],
    [
      'by its address, with another',
      TEST_CERTIFICATE,
      { ...trust, wssHostname: '127.0.0.2' },
      '127.0.0.1',
      /another name/,
    ],
    ['by name', TEST_CERTIFICATE, trust, 'localhost', null],
    [
      'by name with the dot of the root',
      TEST_CERTIFICATE,
      { ...trust, wssHostname: 'localhost.' },
      '127.0.0.1',
      null,
    ],
    ['expired', expired(), { wssTrustPem: expired(), wssTrustSystem: false }, '127.0.0.1', /it has expired/],
    ['of nobody', TEST_CERTIFICATE, {}, '127.0.0.1', /self-signed/],
  ];
  for (const [what, wssCertPem, options, host, refused] of cases) {
    it(`${what}: ${refused === null ? 'let in' : 'refused'}`, async (t) => {
      // All of 127.0.0.0/8 is here on Linux alone.
      if (host === '127.0.0.2' && process.platform !== 'linux') return t.skip('127.0.0.2 is not there');
      const s = scope(t);
      const pull = s.open(zmq.Pull, { wssKeyPem: TEST_KEY, wssCertPem });
      await pull.bind('wss://0.0.0.0:0');
      const push = s.open(zmq.Push, { ...options, reconnectInterval: -1 });
      const log = watch(push);
      push.connect(`wss://${host}:${new URL(pull.lastEndpoint as string).port}`);
      if (refused === null) {
        await push.send('in');
        assert.deepEqual(text(await pull.receive()), ['in']);
      } else {
        const { error } = await log.next('peer:refused');
        assert.equal(error?.code, 'ERR_WEBSOCKET');
        assert.match(detailOf(error), refused);
      }
    });
  }

  it('a stranger who does not finish TLS is reported once', async (t) => {
    const s = scope(t);
    const refusal = async (handshakeInterval: number, first: Uint8Array | string): Promise<SeenEvent> => {
      const pull = s.open(zmq.Pull, {
        wssKeyPem: TEST_KEY,
        wssCertPem: TEST_CERTIFICATE,
        handshakeInterval,
      });
      const log = watch(pull);
      await pull.bind('wss://127.0.0.1:0');
      const peer = await raw(s, pull.lastEndpoint as string, first);
      await within(peer.closed, 'the end');
      const event = await log.next('peer:refused');
      await turn();
      assert.equal(log.count('peer:refused'), 1);
      return event;
    };
    const half = Buffer.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3);
    assert.equal((await refusal(50, half)).error?.code, 'ERR_ZMTP_HANDSHAKE_TIMEOUT');
    const noise = await refusal(30_000, 'GET / HTTP/1.1\r\n\r\n');
    assert.match(detailOf(noise.error), /no TLS connection/);
  });
});

describe('the package ws', () => {
  it('is the very version whose inside we know', () => {
    const require = createRequire(import.meta.url);
    const installed = JSON.parse(readFileSync(require.resolve('ws/package.json'), 'utf8')) as {
      version: string;
    };
    const ours = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      dependencies: { ws: string };
    };
    assert.equal(
      ours.dependencies.ws,
      installed.version,
      'transport/ws overrides WebSocket.setSocket of the package ws, which is not documented: pin the exact version, and read what is new in lib/websocket.js and lib/websocket-server.js before you raise it',
    );
    assert.equal(typeof (WebSocket.prototype as unknown as { setSocket: unknown }).setSocket, 'function');
  });
});
