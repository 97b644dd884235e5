/**
 * HTTP spoken by hand, so that a test can also say what a client would not.
 *
 * Guarantees: resolves when the answer is complete or the other side closes; every connection is gone with its test.
 */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';

export interface HttpAnswer {
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into
  readonly json: any;
}

/** `http://127.0.0.1:5580`, or the path of a socket. */
export function dial(t: TestContext, address: string): Socket {
  const url = address.startsWith('http') ? new URL(address) : null;
  const socket =
    url === null
      ? connect({ path: address })
      : connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  return socket;
}

/** Sends these bytes, and reads one answer. */
export async function raw(t: TestContext, address: string, text: string | Buffer): Promise<HttpAnswer> {
  const socket = dial(t, address);
  socket.write(text);
  const answer = await answerOf(socket, String(text).startsWith('HEAD'));
  socket.destroy();
  return answer;
}

/** Reads one answer. */
export async function answerOf(socket: Socket, isHead = false): Promise<HttpAnswer> {
  let text = '';
  for (;;) {
    const parsed = parse(text, isHead);
    if (parsed !== null) return parsed;
    const chunk = await next(socket);
    if (chunk === null) return parse(text, true) ?? { status: 0, headers: new Map(), body: '', json: null };
    text += chunk.toString('latin1');
  }
}

/** Null: it is closed, in good order or not. */
function next(socket: Socket): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const data = (chunk: Buffer): void => done(chunk);
    const close = (): void => done(null);
    const done = (chunk: Buffer | null): void => {
      socket.off('data', data).off('close', close).pause();
      resolve(chunk);
    };
    if (socket.closed) done(null);
    else socket.on('data', data).on('close', close).resume();
  });
}

/** Resolves when the other side has ended the connection. */
export async function closed(socket: Socket): Promise<void> {
  while ((await next(socket)) !== null);
}

function parse(text: string, isHead: boolean): HttpAnswer | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [first, ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const body = text.slice(end + 4);
  const length = isHead ? 0 : Number(headers.get('content-length') ?? 0);
  if (body.length < length) return null;
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first as string)?.[1]);
  // 100: the answer is still to come.
  if (status === 100) return parse(text.slice(end + 4), isHead);
  let json: unknown = null;
  try {
    json = JSON.parse(body);
  } catch {
    // It is none.
  }
  return { status, headers, body, json };
}

export interface RequestParts {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request as a good client would send it, but for what is given. */
export function request(
  t: TestContext,
  address: string,
  path: string,
  { method = 'GET', headers = {}, body }: RequestParts = {},
): Promise<HttpAnswer> {
  const host = address.startsWith('http') ? new URL(address).host : 'localhost';
  const all = {
    Host: host,
    ...(body === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return raw(t, address, `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`);
}
