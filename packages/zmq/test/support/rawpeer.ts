/**
 * A ZMTP peer made by hand, byte by byte, for what no library would send. It reads exactly what a test asks for and
 * knows when the other side has closed. Framing per RFC 37: flags octet (1 MORE, 2 LONG, 4 COMMAND), then size, body.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { until } from './deadline.ts';

export interface RawFrame {
  readonly more: boolean;
  readonly command: boolean;
  readonly body: Buffer;
}

export interface HandshakeOptions {
  /** Socket-Type of the READY; undefined leaves it out. */
  readonly socketType?: string | undefined;
  readonly identity?: string;
  readonly minor?: number;
  readonly mechanism?: string;
}

/** The 64 octets of a ZMTP 3 greeting. */
export function greeting(options: { major?: number; minor?: number; mechanism?: string } = {}): Buffer {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = options.major ?? 3;
  bytes[11] = options.minor ?? 1;
  bytes.write(options.mechanism ?? 'NULL', 12, 'latin1');
  return bytes;
}

/** One frame; the long form when the body needs it or `long` asks for it. */
export function frame(
  body: Uint8Array | string,
  options: { more?: boolean; command?: boolean; long?: boolean } = {},
): Buffer {
  const bytes = Buffer.from(body);
  const long = options.long ?? bytes.length > 255;
  const flags = (options.more ? 1 : 0) | (long ? 2 : 0) | (options.command ? 4 : 0);
  const head = Buffer.alloc(long ? 9 : 2);
  head[0] = flags;
  if (long) head.writeBigUInt64BE(BigInt(bytes.length), 1);
  else head[1] = bytes.length;
  return Buffer.concat([head, bytes]);
}

/** A command frame: name with its length, then the data. */
export function command(name: string, data: Uint8Array = Buffer.alloc(0)): Buffer {
  return frame(Buffer.concat([Buffer.from([name.length]), Buffer.from(name), data]), { command: true });
}

/** Metadata as in READY: name with one octet of length, value with four. */
export function metadata(pairs: readonly (readonly [name: string, value: string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of pairs) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(value));
    parts.push(Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value));
  }
  return Buffer.concat(parts);
}

export function ready(options: HandshakeOptions): Buffer {
  const pairs: [string, string][] = [];
  if (options.socketType !== undefined) pairs.push(['Socket-Type', options.socketType]);
  pairs.push(['Identity', options.identity ?? '']);
  return command('READY', metadata(pairs));
}

export class RawPeer {
  readonly socket: Socket;
  /** The other side has closed, or the connection broke. */
  ended = false;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
    });
    socket.on('error', () => undefined);
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.ended = true;
    });
  }

  /** Connects to a `tcp://host:port` endpoint. */
  static async connect(endpoint: string, options: { allowHalfOpen?: boolean } = {}): Promise<RawPeer> {
    const { hostname, port } = new URL(endpoint.replace('tcp:', 'http:'));
    const socket = connect({ port: Number(port), host: hostname.replace(/[[\]]/g, ''), ...options });
    const peer = new RawPeer(socket);
    let failed: Error | undefined;
    socket.once('error', (error) => {
      failed = error;
    });
    await until(() => !socket.connecting || failed !== undefined, `a connection to ${endpoint}`);
    if (failed !== undefined) throw failed;
    return peer;
  }

  /** Bytes that arrived and were not read yet. */
  get available(): number {
    return this.#buffer.length;
  }

  write(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Exactly `size` bytes. */
  async read(size: number): Promise<Buffer> {
    await until(() => this.#buffer.length >= size || this.ended, `${size} bytes`);
    if (this.#buffer.length < size) {
      throw new Error(`the other side closed after ${this.#buffer.length} of ${size} bytes`);
    }
    const bytes = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    return bytes;
  }

  async readFrame(): Promise<RawFrame> {
    const flags = (await this.read(1))[0] as number;
    const long = (flags & 2) !== 0;
    const size = long ? Number((await this.read(8)).readBigUInt64BE()) : ((await this.read(1))[0] as number);
    return { more: (flags & 1) !== 0, command: (flags & 4) !== 0, body: await this.read(size) };
  }

  /** The next command's name and data; throws when a message comes instead. */
  async readCommand(): Promise<{ name: string; data: Buffer }> {
    const next = await this.readFrame();
    if (!next.command) throw new Error(`expected a command, got a message of ${next.body.length} bytes`);
    const end = 1 + (next.body[0] as number);
    return { name: next.body.subarray(1, end).toString('latin1'), data: next.body.subarray(end) };
  }

  /** All frames up to one without MORE. */
  async readMessage(): Promise<Buffer[]> {
    const parts: Buffer[] = [];
    for (;;) {
      const next = await this.readFrame();
      if (next.command) throw new Error('expected a message, got a command');
      parts.push(next.body);
      if (!next.more) return parts;
    }
  }

  /** Sends a message as plain frames. */
  send(...parts: (Uint8Array | string)[]): void {
    this.write(Buffer.concat(parts.map((part, index) => frame(part, { more: index < parts.length - 1 }))));
  }

  /** Greeting and READY in both directions. Resolves with what the other side said. */
  async handshake(
    options: HandshakeOptions,
  ): Promise<{ greeting: Buffer; ready: { name: string; data: Buffer } }> {
    this.write(greeting(options));
    const theirs = await this.read(64);
    this.write(ready(options));
    return { greeting: theirs, ready: await this.readCommand() };
  }

  /** Resolves when the other side has closed. */
  async gone(): Promise<void> {
    await until(() => this.ended, 'the other side to close');
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Accepts connections and hands them out as raw peers. */
export class RawServer {
  readonly peers: RawPeer[] = [];
  readonly #server: Server;
  #taken = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.peers.push(new RawPeer(socket)));
  }

  static async listen(port: number = 0): Promise<RawServer> {
    const server = createServer();
    const raw = new RawServer(server);
    server.listen(port, '127.0.0.1');
    await until(() => server.listening, 'the raw server to listen');
    return raw;
  }

  get endpoint(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** The next connection that was not handed out yet. */
  async accept(): Promise<RawPeer> {
    const index = this.#taken;
    await until(() => this.peers.length > index, `connection number ${index + 1}`);
    this.#taken += 1;
    return this.peers[index] as RawPeer;
  }

  async close(): Promise<void> {
    for (const peer of this.peers) peer.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
