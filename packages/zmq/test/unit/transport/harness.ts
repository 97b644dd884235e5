/** Pairs of connected connections over every transport, and a handler that remembers what happened. */

import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { createInproc } from '../../../src/transport/inproc.ts';
import { ipcTransport } from '../../../src/transport/ipc.ts';
import { tcpTransport } from '../../../src/transport/tcp.ts';
import type {
  Connection,
  ConnectionHandler,
  Listener,
  Transport,
  TransportOptions,
} from '../../../src/transport/transport.ts';
import { wsTransport } from '../../../src/transport/ws/transport.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts';
import { framed } from '../../support/framed.ts';
import { freePort } from '../../support/port.ts';

// Transports don't hold the process, and here nobody else waits.
const alive = setInterval(() => {}, 60_000);
after(() => clearInterval(alive));

export const OPTIONS: TransportOptions = {
  backlog: 100,
  connectTimeout: 0,
  ipv6: false,
  tcpKeepalive: -1,
  tcpKeepaliveIdle: -1,
  maxMessageSize: -1,
  handshakeInterval: 30_000,
  mechanism: 'NULL',
  wssKeyPem: null,
  wssCertPem: null,
  wssTrustPem: null,
  wssHostname: null,
  wssTrustSystem: true,
  wsOrigins: null,
};

/** Remembers everything; `until` waits for it without a clock. */
export class Recorder implements ConnectionHandler {
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  drains = 0;
  ends = 0;
  closes = 0;
  error: Error | null = null;
  /** Runs for each chunk, after it was noted. */
  onChunk: (chunk: Uint8Array) => void = () => {};
  #waiting: { readonly met: () => boolean; readonly resolve: () => void }[] = [];

  onData(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    this.onChunk(chunk);
    this.#check();
  }

  onDrain(): void {
    this.drains++;
    this.#check();
  }

  onEnd(): void {
    this.ends++;
    this.#check();
  }

  onClose(error: Error | null): void {
    this.closes++;
    this.error = error;
    this.#check();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ met, resolve }));
  }

  received(bytes: number): Promise<void> {
    return this.until(() => this.bytes >= bytes);
  }

  closed(): Promise<void> {
    return this.until(() => this.closes > 0);
  }

  #check(): void {
    this.#waiting = this.#waiting.filter((each) => {
      if (!each.met()) return true;
      each.resolve();
      return false;
    });
  }
}

/** A transport under test, with endpoints to bind. */
export interface Subject {
  readonly name: string;
  readonly skip: string | false;
  readonly transport: Transport;
  /** A new endpoint for each call. */
  endpoint(): string;
  /** One that nobody takes while it is not bound. */
  fixed(): Promise<string>;
  /** The codes that a dial to an endpoint where nobody listens may give; null: it waits. */
  readonly refused: readonly string[] | null;
}

const folder: string = mkdtempSync(join(tmpdir(), 'zeroth-transport-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

let serial = 0;

/** A new path for a Unix socket, or a pipe's name on Windows. */
export function newPath(): string {
  serial++;
  return process.platform === 'win32' ? `zeroth-test-${process.pid}-${serial}` : join(folder, `s${serial}`);
}

export const HAS_IPV6: boolean = Object.values(networkInterfaces()).some((list) =>
  list?.some((each) => each.address === '::1'),
);

const TCP: Subject = {
  name: 'tcp',
  skip: false,
  transport: tcpTransport,
  endpoint: () => 'tcp://127.0.0.1:*',
  fixed: async () => `tcp://127.0.0.1:${await freePort('127.0.0.1')}`,
  refused: ['ECONNREFUSED'],
};

/** Connections that read into memory that is used again; each chunk is gone when the call with it returns. */
function lending(transport: Transport): Transport {
  const lend = (connection: Connection): Connection => {
    const start = connection.start.bind(connection);
    connection.start = (handler) => {
      const onData = (chunk: Uint8Array): void => {
        connection.lend?.();
        handler.onData(Uint8Array.from(chunk));
        chunk.fill(0xff);
      };
      start({
        onData,
        onDrain: () => handler.onDrain(),
        onEnd: () => handler.onEnd(),
        onClose: (error) => handler.onClose(error),
      });
      connection.lend?.();
    };
    return connection;
  };
  return {
    listen: (endpoint, options, accept, onError) =>
      transport.listen(endpoint, options, (connection) => accept(lend(connection)), onError),
    dial: (endpoint, options, done) =>
      transport.dial(endpoint, options, (error, connection) =>
        done(error, connection === null ? null : lend(connection)),
      ),
  };
}

export function subjects(): Subject[] {
  return [
    TCP,
    { ...TCP, name: 'tcp, in memory that is lent', transport: lending(tcpTransport) },
    {
      name: 'tcp IPv6',
      skip: HAS_IPV6 ? false : 'no IPv6 here',
      transport: tcpTransport,
      endpoint: () => 'tcp://[::1]:*',
      fixed: async () => `tcp://[::1]:${await freePort('::1')}`,
      refused: ['ECONNREFUSED'],
    },
    {
      name: 'ipc',
      skip: false,
      transport: ipcTransport,
      endpoint: () => `ipc://${newPath()}`,
      fixed: async () => `ipc://${newPath()}`,
      refused: ['ENOENT', 'ECONNREFUSED'],
    },
    {
      name: 'ipc abstract',
      skip: process.platform === 'linux' ? false : 'Linux only',
      transport: ipcTransport,
      endpoint: () => `ipc://@zeroth-test-${process.pid}-${++serial}`,
      fixed: async () => `ipc://@zeroth-test-${process.pid}-${++serial}`,
      refused: ['ECONNREFUSED'],
    },
    {
      name: 'ws',
      skip: false,
      transport: framed(wsTransport, {}),
      endpoint: () => 'ws://127.0.0.1:*',
      fixed: async () => `ws://127.0.0.1:${await freePort('127.0.0.1')}`,
      refused: ['ECONNREFUSED'],
    },
    {
      name: 'wss',
      skip: false,
      transport: framed(wsTransport, {
        wssKeyPem: TEST_KEY,
        wssCertPem: TEST_CERTIFICATE,
        wssTrustPem: TEST_CERTIFICATE,
        wssTrustSystem: false,
      }),
      endpoint: () => 'wss://127.0.0.1:*',
      fixed: async () => `wss://127.0.0.1:${await freePort('127.0.0.1')}`,
      refused: ['ECONNREFUSED'],
    },
    {
      name: 'inproc',
      skip: false,
      transport: createInproc(),
      endpoint: () => `inproc://name-${++serial}`,
      fixed: async () => `inproc://name-${++serial}`,
      refused: null,
    },
  ];
}

export function dial(
  transport: Transport,
  endpoint: string,
  options: Partial<TransportOptions> = {},
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    transport.dial(endpoint, { ...OPTIONS, ...options }, (error, connection) => {
      if (connection === null) reject(error);
      else resolve(connection);
    });
  });
}

/** A listener whose accepted connections are waited for in order. */
export class Server {
  readonly listener: Listener;
  readonly errors: Error[] = [];
  accepted = 0;
  #queue: Connection[] = [];
  #waiting: ((connection: Connection) => void)[] = [];

  constructor(transport: Transport, endpoint: string, options: Partial<TransportOptions> = {}) {
    this.listener = transport.listen(
      endpoint,
      { ...OPTIONS, ...options },
      (connection) => {
        this.accepted++;
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#queue.push(connection);
        else waiting(connection);
      },
      (error) => this.errors.push(error),
    );
  }

  get endpoint(): string {
    const endpoint = this.listener.endpoint;
    if (endpoint === null) throw this.listener.error ?? new Error('not bound yet');
    return endpoint;
  }

  accept(): Promise<Connection> {
    const connection = this.#queue.shift();
    if (connection !== undefined) return Promise.resolve(connection);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Closes the listener, and what was accepted and not asked for. */
  async close(): Promise<void> {
    for (const connection of this.#queue) connection.destroy();
    await this.listener.close();
  }
}

export interface Pair extends AsyncDisposable {
  readonly server: Server;
  readonly near: Connection;
  readonly far: Connection;
  readonly nearSide: Recorder;
  readonly farSide: Recorder;
}

/** `near` dialled, `far` was accepted. Started unless told otherwise. */
export async function connectPair(
  subject: Subject,
  start = true,
  endpoint: string = subject.endpoint(),
): Promise<Pair> {
  const server = new Server(subject.transport, endpoint);
  const [near, far] = await Promise.all([dial(subject.transport, server.endpoint), server.accept()]);
  const nearSide = new Recorder();
  const farSide = new Recorder();
  if (start) {
    near.start(nearSide);
    far.start(farSide);
  }
  return {
    server,
    near,
    far,
    nearSide,
    farSide,
    [Symbol.asyncDispose]: async () => {
      near.destroy();
      far.destroy();
      await server.close();
    },
  };
}
