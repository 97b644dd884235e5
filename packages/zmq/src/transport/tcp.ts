/**
 * tcp: `node:net` sockets. TCP_NODELAY always on; bind to a number, `*` or an interface is complete when `listen`
 * returns; names are looked up (IPv4 only, unless the option `ipv6` is on; an address written in brackets is IPv6 in
 * any case).
 */
import { lookup } from 'node:dns';
import type { Server, Socket, TcpNetConnectOpts } from 'node:net';
import { connect, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ZmqError } from '../errors.ts';
import { dialSocket } from './dial.ts';
import type { TcpAddress, TcpEndpoint } from './endpoint.ts';
import { formatAddress, formatEndpoint, formatTcp, parseEndpoint } from './endpoint.ts';
import { StreamListener } from './listener.ts';
import { StreamConnection } from './stream.ts';
import { codeOf } from './system-error.ts';
import type { Connection, DialCallback, Listener, Transport, TransportOptions } from './transport.ts';

export const tcpTransport: Transport = { listen, dial };

function listen(
  text: string,
  options: TransportOptions,
  accept: (connection: Connection) => void,
  onError: (error: Error) => void,
): Listener {
  return listenOn(
    parseTcpEndpoint(text, 'bind'),
    options,
    (address) => `tcp://${address}`,
    (socket, bound) => {
      applyKeepalive(socket, options);
      accept(new StreamConnection(socket, remoteOf(socket) ?? bound, bound));
    },
    onError,
  );
}

/** Binds a TCP port. `textOf` makes the endpoint of the address that was bound. */
export function listenOn(
  { host: asked, port }: TcpAddress,
  options: TransportOptions,
  textOf: (address: string) => string,
  accept: (socket: Socket, bound: string) => void,
  onError: (error: Error) => void,
): StreamListener {
  const address = formatAddress(asked, port);
  const listener = new StreamListener(address, accept, onError);
  const wildcard = asked === '*';
  const host = wildcard ? (options.ipv6 ? '::' : '0.0.0.0') : numericHost(asked, options);
  const backlog = Math.max(1, options.backlog);
  const bindTo = (numeric: string): void => {
    listener.attempt({
      target: { host: numeric, port, type: isIP(bare(numeric)) === 6 ? 6 : 4, backlog },
      endpoint: (server) => textOf(boundAddress(server, numeric)),
      recover: (code) => {
        // `*` on a system without IPv6: all there is.
        if (!wildcard || numeric !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL'))
          return false;
        bindTo('0.0.0.0');
        return true;
      },
    });
  };
  if (host !== null) {
    bindTo(host);
    return listener;
  }
  lookup(asked, { family: options.ipv6 ? 0 : 4 }, (error, found) => {
    if (listener.over) return;
    if (error === null) bindTo(found);
    else listener.fail(noSuchInterface(asked, address, error));
  });
  return listener;
}

function dial(text: string, options: TransportOptions, done: DialCallback): () => void {
  const endpoint = parseTcpEndpoint(text, 'connect');
  const address = formatAddress(endpoint.host, endpoint.port);
  const connectOptions: TcpNetConnectOpts = {
    host: endpoint.host,
    port: endpoint.port,
    family: options.ipv6 ? 0 : 4,
    noDelay: true,
  };
  if (endpoint.source !== null) {
    const { host, port } = endpoint.source;
    const numeric = host === '*' ? null : numericHost(host, options);
    if (host !== '*' && numeric === null) return failLater(noSuchInterface(host, address, null), done);
    if (numeric !== null) {
      connectOptions.localAddress = numeric;
      connectOptions.family = isIP(bare(numeric)) === 6 ? 6 : 4;
    }
    if (port !== 0) connectOptions.localPort = port;
  }
  return dialSocket(connect(connectOptions), address, options, done, (socket) => {
    applyKeepalive(socket, options);
    const local = formatTcp(socket.localAddress ?? '0.0.0.0', socket.localPort ?? 0);
    return new StreamConnection(socket, remoteOf(socket) ?? formatEndpoint(endpoint), local);
  });
}

function failLater(error: Error, done: DialCallback): () => void {
  const pending = setImmediate(() => done(error, null));
  return () => clearImmediate(pending);
}

function parseTcpEndpoint(text: string, use: 'bind' | 'connect'): TcpEndpoint {
  const endpoint = parseEndpoint(text, use);
  if (endpoint.transport !== 'tcp') throw new ZmqError('EPROTONOSUPPORT', { address: text });
  return endpoint;
}

/** An address as it is, the address of an interface by its name, or null: a name to look up. */
function numericHost(host: string, options: TransportOptions): string | null {
  if (isIP(bare(host)) !== 0) return host;
  // Interfaces go before host names, as in libzmq.
  const known = networkInterfaces();
  const addresses = Object.hasOwn(known, host) ? (known[host] ?? []) : [];
  const family = options.ipv6 ? 'IPv6' : 'IPv4';
  const found = addresses.find((each) => each.family === family) ?? addresses[0];
  if (found === undefined) return null;
  // A link-local address means nothing without its interface.
  return found.family === 'IPv6' && found.scopeid !== 0 ? `${found.address}%${host}` : found.address;
}

function bare(host: string): string {
  const percent = host.indexOf('%');
  return percent < 0 ? host : host.slice(0, percent);
}

/** What libzmq says (ENODEV) when the host of a bind is neither an address nor an interface nor a known name. */
function noSuchInterface(host: string, address: string, error: Error | null): ZmqError {
  const why = error === null ? '' : ` (${codeOf(error)})`;
  const detail = `${JSON.stringify(host)} is not an address or interface of this machine, or a name of one${why}`;
  return new ZmqError('ENODEV', error === null ? { address, detail } : { address, detail, cause: error });
}

function boundAddress(server: Server, host: string): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return '';
  // The system leaves out the zone of a link-local address.
  return formatAddress(host.includes('%') ? host : bound.address, bound.port);
}

/** Null when the peer was gone again before anyone asked. */
function remoteOf(socket: Socket): string | null {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined || remotePort === undefined
    ? null
    : formatTcp(remoteAddress, remotePort);
}

/** Only on a connected socket: before, it fails on some systems (Wine). */
export function applyKeepalive(socket: Socket, options: TransportOptions): void {
  if (options.tcpKeepalive < 0) return;
  const idle = Math.max(0, options.tcpKeepaliveIdle) * 1000;
  socket.setKeepAlive(options.tcpKeepalive !== 0, idle);
}
