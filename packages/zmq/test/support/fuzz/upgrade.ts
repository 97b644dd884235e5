/**
 * Damaged WebSocket upgrades, and damaged frames behind good ones: to a bound ws endpoint, and as answers to a connecting
 * one. Nothing may escape (an exception in the process), nobody but who did it may suffer (a good peer gets through in
 * between), and nothing may be left of those who are gone.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import * as zmq from '../../../src/index.ts';
import { until, within } from '../deadline.ts';
import { type EventLog, watch } from '../events.ts';
import { command, property } from '../wire.ts';
import { Decisions } from './decisions.ts';

export const UPGRADES = ['ws-server', 'ws-client'] as const;
export type Upgrade = (typeof UPGRADES)[number];

export interface Target {
  run(input: Uint8Array): Promise<string>;
  close(): Promise<void>;
}

const KEY = Buffer.alloc(16, 1).toString('base64');
const GOOD_EVERY = 100;

/** A WebSocket frame; the mask of zeros leaves the body as it is. */
function webSocketFrame(body: Buffer, masked: boolean, head = 0x82): Buffer {
  const length =
    body.length < 126
      ? Buffer.of(body.length | (masked ? 0x80 : 0))
      : Buffer.of(126 | (masked ? 0x80 : 0), body.length >> 8, body.length & 255);
  return Buffer.concat([Buffer.of(head), length, Buffer.alloc(masked ? 4 : 0), body]);
}

const COMMAND = Buffer.of(2);
/** READY in ZWS 2.0, which has flags and body only. */
const readyOf = (type: string): Buffer =>
  Buffer.concat([COMMAND, command('READY', property('Socket-Type', type)).subarray(2)]);

const LINES: readonly string[] = [
  'Content-Length: 5',
  'Content-Length: -1',
  'Transfer-Encoding: chunked',
  'Upgrade: h2c',
  'Connection: close',
  'Connection: keep-alive, Upgrade',
  'Expect: 100-continue',
  'Origin: https://evil.example',
  'Host: evil.example',
  'Sec-WebSocket-Version: 8',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: short',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  'Sec-WebSocket-Protocol: ZWS2.0/CURVE',
  'Sec-WebSocket-Protocol: ZWS2.0/NULL',
  'Sec-WebSocket-Protocol: ,,ZWS2.0,\x00',
  'Sec-WebSocket-Protocol:',
  'Sec-WebSocket-Accept: AAAA',
  `X: ${'x'.repeat(20_000)}`,
  ': no name',
  'no colon',
  ' folded',
  '\x00',
];

function damagedLines(next: Decisions, good: readonly string[]): Buffer {
  const lines = [...good];
  for (let count = next.below(5); count > 0; count--) {
    const at = next.below(lines.length + 1);
    switch (next.below(5)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(at, 0, next.pick(LINES));
        break;
      case 2:
        lines.splice(at, 1, next.pick(LINES));
        break;
      case 3:
        lines.splice(at, 0, lines[at] ?? '');
        break;
      default:
        lines[at] = `${lines[at] ?? ''}${next.noise(next.below(9)).toString('latin1')}`;
    }
  }
  const end = next.pick(['\r\n', '\r\n', '\r\n', '\n', '\r']);
  return Buffer.from(`${lines.join(end)}${end}${end}`, 'latin1');
}

function damagedFrames(next: Decisions, type: string, masked: boolean): Buffer {
  const frames = [
    webSocketFrame(readyOf(type), masked),
    webSocketFrame(Buffer.from('\x00hello', 'latin1'), masked),
  ];
  for (let count = next.below(4); count > 0; count--) {
    const head = next.pick([0x82, 0x02, 0x80, 0x00, 0x81, 0x88, 0x89, 0x8a, 0x83, 0xc2, 0xff]);
    const body = next.pick([
      next.noise(next.below(9)),
      Buffer.alloc(200),
      readyOf('PUB'),
      Buffer.of(1, 65),
      COMMAND,
    ]);
    frames.splice(
      next.below(frames.length + 1),
      0,
      webSocketFrame(body, next.octet() < 200 ? masked : !masked, head),
    );
  }
  const bytes = Buffer.concat(frames);
  for (let count = next.below(3); count > 0; count--) bytes[next.below(bytes.length)] = next.octet();
  return bytes;
}

/** What escaped into the process since the last look. */
const escaped: unknown[] = [];
const onEscape = (error: unknown): void => void escaped.push(error);

/** Writes in pieces, then ends; resolves with what came back when the other side has ended too. */
async function talk(socket: Socket, bytes: Buffer, next: Decisions): Promise<Buffer> {
  const heard: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => heard.push(chunk));
  socket.on('error', () => {});
  const size = next.pick([bytes.length, bytes.length, 64, 7]) || 1;
  for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
    socket.write(bytes.subarray(at, at + size));
    if (size < bytes.length && at < 40 * size) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  if (!socket.closed) await within(once(socket, 'close'), 'the other side to close');
  return Buffer.concat(heard);
}

/** What was wrong, without what differs from run to run. */
function detailOf(error: Error | undefined): string {
  const detail = error instanceof zmq.ZmqError ? (error.detail ?? '') : '';
  return detail
    .replace(/[0-9]+/g, 'N')
    .replace(/"[^"]*"/g, '')
    .replace(/[^ -~]/g, '')
    .slice(0, 60);
}

function placesIn(log: EventLog): string {
  const seen = log.all.flatMap(({ type, error }) =>
    /^(?:bind|connect|accept$|close$|peer:gone|disconnect)/.test(type)
      ? []
      : [`${type} ${error?.code ?? ''} ${detailOf(error)}`.trim()],
  );
  log.all.length = 0;
  return [...new Set(seen)].join(', ');
}

export async function openUpgrade(target: Upgrade): Promise<Target> {
  process.on('uncaughtException', onEscape);
  process.on('unhandledRejection', onEscape);
  const made = await (target === 'ws-server' ? openServer() : openClient());
  return {
    async run(input) {
      const signature = await made.run(input);
      assert.deepEqual(escaped.splice(0), [], 'an exception escaped');
      return signature;
    },
    async close() {
      await made.close();
      process.off('uncaughtException', onEscape);
      process.off('unhandledRejection', onEscape);
    },
  };
}

async function openServer(): Promise<Target> {
  const server = new zmq.Pull({ handshakeInterval: 2000, linger: 0, maxMessageSize: 4096 });
  const log = watch(server);
  await server.bind('ws://127.0.0.1:0/a');
  const port = Number(/:(\d+)/.exec((server.lastEndpoint as string).slice(3))![1]);
  let good = 0;
  const receiving = (async () => {
    for await (const [message] of server) if (String(message) === 'good') good++;
  })();
  let runs = 0;
  const check = async (): Promise<void> => {
    const before = good;
    const client = new zmq.Push({ linger: 0 });
    client.connect(server.lastEndpoint as string);
    await client.send('good');
    await until(() => good > before, 'a good peer to get through');
    client.close();
    await until(() => server.peers().length === 0, 'nothing to be left');
  };
  return {
    async run(input) {
      const next = new Decisions(input);
      const request = damagedLines(next, [
        `${next.pick(['GET', 'GET', 'GET', 'POST', 'get', 'PRI'])} ${next.pick(['/a', '/a', '/a', '/b', '*', ''])} HTTP/1.${next.pick(['1', '1', '0', '9'])}`,
        `Host: 127.0.0.1:${port}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Key: ${KEY}`,
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Protocol: ZWS2.0/NULL,ZWS2.0',
      ]);
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      const heard = await talk(socket, Buffer.concat([request, damagedFrames(next, 'PUSH', true)]), next);
      if (++runs % GOOD_EVERY === 0) await check();
      const [line = ''] = heard.toString('latin1', 0, 60).split('\r\n');
      await until(() => server.peers().length === 0, 'nothing to be left');
      return `${line}; ${placesIn(log)}`;
    },
    async close() {
      await check();
      server.close();
      await receiving;
    },
  };
}

async function openClient(): Promise<Target> {
  let answer: (socket: Socket, request: string) => Promise<void> = () => Promise.resolve();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let request = '';
    socket.on('error', () => {});
    const onData = (chunk: Buffer): void => {
      request += chunk.toString('latin1');
      if (!request.includes('\r\n\r\n')) return;
      socket.off('data', onData);
      void answer(socket, request);
    };
    socket.on('data', onData);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    async run(input) {
      const next = new Decisions(input);
      const client = new zmq.Pull({
        linger: 0,
        reconnectInterval: -1,
        handshakeInterval: 2000,
        maxMessageSize: 4096,
      });
      const log = watch(client);
      const answered = new Promise<void>((resolve, reject) => {
        answer = async (socket, request) => {
          const key = /^Sec-WebSocket-Key: (.*)\r$/im.exec(request)?.[1] ?? '';
          const accept = createHash('sha1')
            .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
            .digest('base64');
          const head = damagedLines(next, [
            `HTTP/1.1 ${next.pick(['101', '101', '101', '200', '301', '100', '999', 'x'])} Switching Protocols`,
            'Upgrade: websocket',
            'Connection: Upgrade',
            `Sec-WebSocket-Accept: ${accept}`,
            'Sec-WebSocket-Protocol: ZWS2.0/NULL',
          ]);
          await talk(socket, Buffer.concat([head, damagedFrames(next, 'PUSH', false)]), next).then(
            () => resolve(),
            reject,
          );
        };
      });
      client.connect(`ws://127.0.0.1:${port}/`);
      await answered;
      await until(() => client.peers().length === 0, 'the client to give up');
      client.close();
      return placesIn(log);
    },
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}
