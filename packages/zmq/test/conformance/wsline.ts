/**
 * A WebSocket made by hand (RFC 6455), because libraries refuse subprotocols with a slash, which ZWS has. Whole frames
 * only, of up to 64 KiB and more; who connects masks with zeros.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { until } from '../support/deadline.ts';
import type { Scope } from '../support/scope.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** One end of a connection after the upgrade. */
export class Line {
  /** Messages that came, whole. */
  readonly heard: Buffer[] = [];
  /** What kinds of messages these were: 1 text, 2 binary. */
  readonly kinds: number[] = [];
  pings = 0;
  ended = false;
  readonly #socket: Duplex;
  readonly #masks: boolean;
  #bytes: Buffer;
  #read = 0;

  constructor(socket: Duplex, head: Buffer, masks: boolean) {
    this.#socket = socket;
    this.#masks = masks;
    this.#bytes = head;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      while (this.#take());
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
    });
    while (this.#take());
  }

  /** A ZWS message: flags octet and body. */
  say(flags: number, body: Uint8Array | string = ''): void {
    this.#frame(BINARY, Buffer.concat([Buffer.of(flags), Buffer.from(body)]));
  }

  sayText(text: string): void {
    this.#frame(TEXT, Buffer.from(text));
  }

  /** The next message. */
  async next(): Promise<Buffer> {
    const at = this.#read;
    await until(() => this.heard.length > at, `message ${at + 1}`);
    this.#read += 1;
    return this.heard[at] as Buffer;
  }

  async gone(): Promise<void> {
    await until(() => this.ended, 'the end');
  }

  #frame(opcode: number, body: Buffer): void {
    const head = Buffer.alloc(10);
    head[0] = 0x80 | opcode;
    let size = 2;
    if (body.length < 126) head[1] = body.length;
    else if (body.length < 0x1_0000) {
      head[1] = 126;
      head.writeUInt16BE(body.length, 2);
      size = 4;
    } else {
      head[1] = 127;
      head.writeBigUInt64BE(BigInt(body.length), 2);
      size = 10;
    }
    if (this.#masks) head[1] = (head[1] as number) | 0x80;
    const mask = Buffer.alloc(this.#masks ? 4 : 0);
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat([head.subarray(0, size), mask, body]));
  }

  /** Takes one whole frame off what arrived. */
  #take(): boolean {
    const bytes = this.#bytes;
    if (bytes.length < 2) return false;
    const short = (bytes[1] as number) & 0x7f;
    const masked = ((bytes[1] as number) & 0x80) !== 0;
    const sizeEnd = short < 126 ? 2 : short === 126 ? 4 : 10;
    const start = sizeEnd + (masked ? 4 : 0);
    if (bytes.length < start) return false;
    const size =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + size) return false;
    const body = Buffer.from(bytes.subarray(start, start + size));
    if (masked) for (let i = 0; i < size; i += 1) body[i] = body[i]! ^ bytes[sizeEnd + (i % 4)]!;
    this.#bytes = bytes.subarray(start + size);
    const opcode = (bytes[0] as number) & 15;
    if (opcode === PING) {
      this.pings += 1;
      this.#frame(PONG, body);
    } else if (opcode === CLOSE) this.#socket.end();
    else if (opcode === TEXT || opcode === BINARY) {
      this.heard.push(body);
      this.kinds.push(opcode);
    }
    return true;
  }
}

/** Asks a `ws:` endpoint for an upgrade: the line and the subprotocol that was chosen, or null when it was refused. */
export async function dialWebSocket(
  s: Scope,
  endpoint: string,
  protocols: readonly string[],
): Promise<{ line: Line; protocol: string | undefined } | null> {
  const key = Buffer.alloc(16, 7).toString('base64');
  const headers: Record<string, string> = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': key,
    'sec-websocket-version': '13',
  };
  if (protocols.length > 0) headers['sec-websocket-protocol'] = protocols.join(',');
  const asked = request(endpoint.replace(/^ws:/, 'http:'), { headers });
  let answer: { line: Line; protocol: string | undefined } | null | undefined;
  asked.on('upgrade', (response, socket, head) => {
    s.after(() => socket.destroy());
    answer = {
      line: new Line(socket, head, true),
      protocol: response.headers['sec-websocket-protocol'],
    };
  });
  asked.on('response', (response) => {
    response.resume();
    answer = null;
  });
  asked.on('error', () => {
    answer ??= null;
  });
  asked.end();
  await until(() => answer !== undefined, 'an answer to the request for an upgrade');
  return answer ?? null;
}

/** A server that takes whoever comes. */
export class LineServer {
  readonly requests: IncomingMessage[] = [];
  readonly lines: Line[] = [];
  readonly #server: ReturnType<typeof createServer> = createServer();

  /** The subprotocol that it chooses: the first, if none is given. */
  constructor(s: Scope, protocol?: string) {
    this.#server.on('upgrade', (asked, socket, head) => {
      s.after(() => socket.destroy());
      this.requests.push(asked);
      const chosen = protocol ?? this.offered(this.requests.length - 1)[0];
      const accept = createHash('sha1')
        .update(`${asked.headers['sec-websocket-key']}${GUID}`)
        .digest('base64');
      const lines = [
        'HTTP/1.1 101 Switching Protocols',
        'Connection: Upgrade',
        'Upgrade: websocket',
        `Sec-WebSocket-Accept: ${accept}`,
        `Sec-WebSocket-Protocol: ${chosen}`,
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      this.lines.push(new Line(socket, head, false));
    });
    s.after(() => this.#server.close());
  }

  /** The subprotocols that a client has offered. */
  offered(index: number): string[] {
    const header = this.requests[index]?.headers['sec-websocket-protocol'] ?? '';
    return header.split(',').map((name) => name.trim());
  }

  /** Resolves with the port. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await until(() => this.#server.listening, 'the server to listen');
    return (this.#server.address() as { port: number }).port;
  }
}
