/**
 * One endpoint that the control API listens on.
 *
 * Guarantees: `open` resolves with the real address, or rejects and leaves nothing; a sender that is slow, idle or one
 * too many is cut off; `close` ends every connection. A file for a Unix socket can be opened by the user of the node only.
 */
import { chmodSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseBind } from '../config/endpoint.ts';
import { ZerothError } from '../errors.ts';
import { hintFor, reasonOf } from '../flow/errors.ts';
import { removeUnanswered } from './local.ts';

/** What a connection may take; milliseconds. A test has less patience. */
export interface Limits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly checkInterval: number;
  readonly idleTimeout: number;
  readonly connections: number;
}

export const LIMITS: Limits = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  checkInterval: 1000,
  idleTimeout: 30_000,
  connections: 100,
};

const MAX_HEADERS = 16 * 1024;

/** Where a request came in. */
export interface Entrance {
  /** The permissions of a file or pipe say who may. */
  readonly local: boolean;
}

export type Serve = (request: IncomingMessage, response: ServerResponse, entrance: Entrance) => void;

export class AdminEndpoint {
  readonly #serve: Serve;
  readonly #limits: Limits;
  readonly #text: string;
  #server: Server | null = null;
  /** That are open. */
  connections = 0;

  /** `text` is an endpoint of the configuration, or a path (local). */
  constructor(text: string, serve: Serve, limits: Limits) {
    this.#text = text;
    this.#serve = serve;
    this.#limits = limits;
  }

  /** The real address: `http://127.0.0.1:5580`, or a path. @throws ZerothError BIND_FAILED. */
  async open(): Promise<string> {
    const endpoint = this.#text.includes('://')
      ? parseBind(this.#text)
      : { transport: 'ipc' as const, path: this.#text };
    if (endpoint === null || endpoint.transport === 'inproc' || endpoint.transport === 'ws')
      throw new ZerothError('BIND_FAILED', `admin: cannot bind to ${this.#text}: use tcp or ipc`);
    if (endpoint.transport === 'tcp') return await this.#tcp(endpoint.host, endpoint.port);
    return await this.#local(endpoint.path);
  }

  /** `grace`: milliseconds for answers that are under way. */
  async close(grace: number): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), grace);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  async #tcp(host: string, port: number): Promise<string> {
    const device = networkInterfaces()[host]?.find(({ family }) => family === 'IPv4')?.address;
    const options = host === '*' ? { port } : { port, host: device ?? host };
    const server = await this.#listen({ local: false }, options);
    const { address, port: real, family } = server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${real}`;
  }

  async #local(path: string): Promise<string> {
    // An abstract socket has no permissions: everybody on the machine can open it.
    if (path.startsWith('@') && process.platform === 'linux') {
      await this.#listen({ local: false }, { path: `\0${path.slice(1)}` });
      return path;
    }
    if (process.platform !== 'win32') await removeUnanswered(path);
    // Made for its owner alone: who comes between the bind and the chmod is accepted as well.
    const mask = process.umask(0o077);
    const listening = this.#listen({ local: true }, { path });
    process.umask(mask);
    await listening;
    if (process.platform !== 'win32') chmodSync(path, 0o600);
    return path;
  }

  async #listen(
    entrance: Entrance,
    where: { port: number; host?: string } | { path: string },
  ): Promise<Server> {
    const { headersTimeout, requestTimeout, checkInterval, idleTimeout, connections } = this.#limits;
    const server = createServer({
      maxHeaderSize: MAX_HEADERS,
      headersTimeout,
      requestTimeout,
      connectionsCheckingInterval: checkInterval,
      keepAliveTimeout: 5000,
      insecureHTTPParser: false,
      // A reader of a tap whose machine is gone says nothing.
      keepAlive: true,
      keepAliveInitialDelay: idleTimeout,
    });
    server.maxConnections = connections;
    // Without a limit of its own, MAX_HEADERS counts: node would drop what comes after the thousandth unseen.
    server.maxHeadersCount = 0;
    server.setTimeout(idleTimeout);
    server.on('connection', (socket) => {
      this.connections++;
      socket.once('close', () => this.connections--);
    });
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      this.#serve(request, response, entrance);
    server.on('request', serve);
    // What asks before it sends its body is looked at first.
    server.on('checkContinue', serve);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => resolve());
    }).catch((cause: unknown) => {
      throw Object.assign(
        new ZerothError('BIND_FAILED', `admin: cannot bind to ${this.#text}: ${reasonOf(cause)}`, { cause }),
        { hint: hintFor(cause, this.#text) },
      );
    });
    // Out of file descriptors, for one: the node goes on, and connections are accepted again when there are some.
    server.on('error', () => {});
    this.#server = server;
    return server;
  }
}
