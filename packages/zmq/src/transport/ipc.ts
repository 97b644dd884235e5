/**
 * ipc: Unix sockets, abstract ones on Linux, named pipes on Windows (`ipcPath` has the mapping).
 *
 * A socket file that a dead process left behind is replaced, but only after a connection to it was refused; what
 * answers is left alone (EADDRINUSE), and so is everything that is not a socket. Because the question takes a turn of
 * the event loop, a bind to a path where something is already is the one bind to a path that isn't complete when
 * `listen` returns. The file goes away with the listener.
 */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstatSync, statSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ZmqError } from '../errors.ts';
import { dialSocket } from './dial.ts';
import type { IpcEndpoint } from './endpoint.ts';
import { formatEndpoint, ipcPath, parseEndpoint } from './endpoint.ts';
import { StreamListener } from './listener.ts';
import { StreamConnection } from './stream.ts';
import { codeOf, systemError } from './system-error.ts';
import type { Connection, DialCallback, Listener, Transport, TransportOptions } from './transport.ts';

export const ipcTransport: Transport = { listen, dial };

function listen(
  text: string,
  options: TransportOptions,
  accept: (connection: Connection) => void,
  onError: (error: Error) => void,
): Listener {
  const endpoint = withPath(parseIpcEndpoint(text, 'bind'));
  const bound = formatEndpoint(endpoint);
  const path = ipcPath(endpoint);
  const listener = new StreamListener(
    addressOf(endpoint),
    (socket) => accept(new StreamConnection(socket, bound, bound)),
    onError,
  );
  const target = { host: path, port: -1, type: -1, backlog: Math.max(1, options.backlog) } as const;
  const isFile = endpoint.kind === 'path' && process.platform !== 'win32';
  let mayReplace = isFile;
  const bind = (): void => {
    listener.attempt({
      target,
      endpoint: () => bound,
      recover: (code) => {
        if (isFile && (code === 'EACCES' || code === 'ENOENT')) return explainFolder(listener, endpoint);
        if (code !== 'EADDRINUSE' || !mayReplace) return false;
        mayReplace = false;
        makeRoom(listener, endpoint, bind);
        return true;
      },
    });
  };
  bind();
  return listener;
}

function dial(text: string, options: TransportOptions, done: DialCallback): () => void {
  const endpoint = parseIpcEndpoint(text, 'connect');
  const name = formatEndpoint(endpoint);
  const socket = connect({ path: ipcPath(endpoint) });
  return dialSocket(
    socket,
    addressOf(endpoint),
    options,
    done,
    () => new StreamConnection(socket, name, name),
  );
}

function parseIpcEndpoint(text: string, use: 'bind' | 'connect'): IpcEndpoint {
  const endpoint = parseEndpoint(text, use);
  if (endpoint.transport !== 'ipc') throw new ZmqError('EPROTONOSUPPORT', { address: text });
  return endpoint;
}

/** A path of our own for `ipc://*`. */
function withPath(endpoint: IpcEndpoint): IpcEndpoint {
  if (endpoint.kind !== 'wildcard') return endpoint;
  const name = `zeroth-${randomBytes(8).toString('hex')}`;
  const path = process.platform === 'win32' ? name : join(tmpdir(), `${name}.sock`);
  return { transport: 'ipc', text: endpoint.text, kind: 'path', path };
}

/** What follows `ipc://`. */
function addressOf(endpoint: IpcEndpoint): string {
  return formatEndpoint(endpoint).slice('ipc://'.length);
}

/** libuv says EACCES for a missing folder too, as Windows does: say which it is. */
function explainFolder(listener: StreamListener, endpoint: IpcEndpoint): boolean {
  const folder = dirname(endpoint.path);
  try {
    if (statSync(folder).isDirectory()) return false;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') return false;
  }
  const detail = `the folder ${JSON.stringify(folder)} does not exist; create it first`;
  listener.fail(new ZmqError('ENOENT', { address: addressOf(endpoint), detail }));
  return true;
}

/** Removes a socket file that nobody listens on, then calls `bind`; else the listener fails. */
function makeRoom(listener: StreamListener, endpoint: IpcEndpoint, bind: () => void): void {
  const { path } = endpoint;
  const address = addressOf(endpoint);
  const inUse = (detail: string): void => listener.fail(new ZmqError('EADDRINUSE', { address, detail }));
  const before = lstat(path);
  if (before === null) {
    bind();
    return;
  }
  if (!before.isSocket()) {
    inUse(`${JSON.stringify(path)} exists and is not a socket; remove it, or choose another path`);
    return;
  }
  const probe = connect({ path });
  probe.once('connect', () => {
    probe.destroy();
    inUse(`another socket listens on ${JSON.stringify(path)}`);
  });
  probe.once('error', (error) => {
    if (listener.over) return;
    const code = codeOf(error);
    if (code !== 'ECONNREFUSED' && code !== 'ENOENT') {
      inUse(`${JSON.stringify(path)} is there and can't be asked whether it is in use: ${error.message}`);
      return;
    }
    try {
      // Another process may have replaced it by one that lives.
      const now = lstat(path);
      const same = now !== null && now.ino === before.ino && now.dev === before.dev;
      if (same && now.isSocket()) unlinkSync(path);
    } catch (failure) {
      listener.fail(systemError(failure, address));
      return;
    }
    bind();
  });
}

function lstat(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}
