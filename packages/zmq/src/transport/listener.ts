/**
 * A {@link Listener} over `net.Server`: what tcp and ipc share.
 *
 * A bind that needs no lookup is complete, or has failed, when the attempt returns. `net.Server.listen` cannot promise
 * that for a host (it goes through `dns.lookup` even for numbers and binds a tick later), so the binding itself is
 * done with the two entry points that `listen` uses underneath, where they exist (Node 20 to 24 have them); without
 * them the bind is complete a little later and `ready` tells.
 */

import type { Server, Socket } from 'node:net';
import * as net from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { ZmqError } from '../errors.ts';
import { systemError } from './system-error.ts';
import type { Listener } from './transport.ts';

/** `addressType` of node: 4, 6, or -1 with port -1 for a path. */
type AddressType = 4 | 6 | -1;

/** What `net.Server.listen` calls once it knows the numeric address, and keeps for those who wrap it. */
interface SynchronousServer extends Server {
  _listen2?: (
    address: string,
    port: number,
    type: AddressType,
    backlog: number,
    fd: undefined,
    flags: number,
  ) => void;
}

/** A handle of node's, as far as it is used here. */
interface ServerHandle {
  getsockname?: (out: object) => number;
  close(): void;
}

type CreateServerHandle = (
  address: string,
  port: number,
  type: AddressType,
  fd: undefined,
  flags: number,
) => unknown;

/** Where to bind: numbers or a path, nothing to look up. */
interface BindTarget {
  readonly host: string;
  readonly port: number;
  readonly type: AddressType;
  readonly backlog: number;
}

/** One try to bind. */
interface Attempt {
  readonly target: BindTarget;
  /** The endpoint that was bound. */
  endpoint(server: Server): string;
  /** May start another attempt instead of failing; then it returns true. */
  recover?(code: string): boolean;
}

export class StreamListener implements Listener {
  endpoint: string | null = null;
  error: Error | null = null;
  readonly ready: Promise<void>;
  readonly #address: string;
  readonly #accept: (socket: Socket, endpoint: string) => void;
  readonly #onError: (error: Error) => void;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};
  #server: Server | null = null;
  #closing: Promise<void> | null = null;

  /** `address` names the endpoint in errors. */
  constructor(
    address: string,
    accept: (socket: Socket, endpoint: string) => void,
    onError: (error: Error) => void,
  ) {
    this.#address = address;
    this.#accept = accept;
    this.#onError = onError;
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // `error` says the same: who reads that need not look at the promise.
    this.ready.catch(() => {});
  }

  /** True after `close` or a failure: an asynchronous step that comes back late has nothing to do. */
  get over(): boolean {
    return this.#closing !== null || this.error !== null;
  }

  attempt(how: Attempt): void {
    if (this.over) return;
    const server = net.createServer({ noDelay: true });
    this.#server = server;
    server.on('connection', (socket: Socket) => this.#accept(socket, this.endpoint ?? ''));
    server.on('listening', () => this.#opened(server, how));
    server.on('error', (error) => {
      if (this.endpoint !== null) this.#onError(systemError(error, this.#address));
      else if (this.#server === server) this.#failed(error, how);
    });
    bindTo(server, how.target);
    if (server.listening) {
      this.#opened(server, how);
      return;
    }
    const known = failureOf(server, how.target);
    if (known !== null) this.#failed(known, how);
  }

  /** Gives up for good. */
  fail(error: ZmqError): void {
    if (this.error !== null || this.endpoint !== null) return;
    this.error = error;
    this.#server = null;
    this.#reject(error);
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.fail(new ZmqError('EBADF', { address: this.#address, detail: 'closed before it was bound' }));
      // The port, or the path, is free as soon as this returns; the callback of `close` would wait for the accepted
      // connections. One turn later the handle itself is gone.
      this.#server?.close();
      setImmediate(resolve);
    });
    return this.#closing;
  }

  #opened(server: Server, how: Attempt): void {
    if (this.#server !== server) server.close();
    if (this.over || this.#server !== server || this.endpoint !== null) return;
    this.endpoint = how.endpoint(server);
    // Listening alone does not hold the process.
    server.unref();
    this.#resolve();
  }

  #failed(error: Error, how: Attempt): void {
    if (this.over) return;
    this.#server = null;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (how.recover?.(code) === true) return;
    this.fail(systemError(error, this.#address));
  }
}

function bindTo(server: SynchronousServer, target: BindTarget): void {
  const { host, port, type, backlog } = target;
  if (typeof server._listen2 === 'function') {
    server._listen2(host, port, type, backlog, undefined, 0);
  } else if (type === -1) {
    server.listen({ path: host, backlog, exclusive: true });
  } else {
    server.listen({ host, port, backlog, exclusive: true });
  }
}

/**
 * Why a synchronous bind failed. Node knows, but tells a tick later; asking the system again tells now, and leaves
 * nothing behind. Null when it can't be known yet.
 */
function failureOf(server: SynchronousServer, target: BindTarget): Error | null {
  const create = (net as { _createServerHandle?: CreateServerHandle })._createServerHandle;
  if (typeof server._listen2 !== 'function' || typeof create !== 'function') return null;
  const result = create(target.host, target.port, target.type, undefined, 0);
  if (typeof result === 'number') return errnoError(result, target);
  const handle = result as ServerHandle;
  // libuv holds EADDRINUSE back until the first use of the handle. Asking for the name is a use.
  const errno = handle.getsockname?.({}) ?? 0;
  handle.close();
  return errno < 0 ? errnoError(errno, target) : null;
}

function errnoError(errno: number, target: BindTarget): Error {
  const [code, text] = getSystemErrorMap().get(errno) ?? ['EIO', `unknown error ${errno}`];
  const where = target.type === -1 ? target.host : `${target.host}:${target.port}`;
  return Object.assign(new Error(`listen ${code}: ${text} ${where}`), { code, errno, syscall: 'listen' });
}
