/**
 * Endpoint texts, such as `tcp://127.0.0.1:5555`, to a checked value and back.
 *
 * What is malformed fails here, with the codes that libzmq has: no `://` EINVAL, an unknown transport
 * EPROTONOSUPPORT, an address that its transport cannot have EINVAL. Nothing is looked up: whether a host, interface
 * or path exists is found out by bind or connect.
 *
 *     tcp://HOST:PORT            HOST: IPv4, [IPv6], [IPv6%zone], a name; for bind also `*` or an interface name
 *                                PORT: 1 to 65535; for bind also `*` or 0, the system chooses
 *     tcp://SOURCE:PORT;HOST:PORT  connect from SOURCE; its port may be `*` or 0
 *     ipc://PATH                 Unix socket, absolute or relative; on Windows a named pipe, see `ipcPath`
 *     ipc://@NAME                abstract Unix socket, Linux only
 *     ipc://*                    bind only: a new path in the folder for temporary files
 *     inproc://NAME              any text of 1 to 256 characters, known within one Context
 *     ws://HOST:PORT/PATH        HOST and PORT as for tcp; PATH may be left out, and for connect the port, too: 80
 *     udp://HOST:PORT            HOST as for tcp, without interfaces, or an IPv4 multicast group; RADIO, DISH and DGRAM alone
 *     wss://HOST:PORT/PATH       the same over TLS; 443
 */
import { ZmqError } from '../errors.ts';
import { isIPv4, isIPv6 } from './ip.ts';

/** A host with a port. `host` has no brackets; `*` is every address. `port` 0 leaves the choice to the system. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

export interface TcpEndpoint extends TcpAddress {
  readonly transport: 'tcp';
  /** As the caller wrote it. */
  readonly text: string;
  /** The address to connect from, where one was given. */
  readonly source: TcpAddress | null;
}

export interface IpcEndpoint {
  readonly transport: 'ipc';
  readonly text: string;
  readonly kind: 'path' | 'abstract' | 'wildcard';
  /** The path, or the abstract name without its `@`; empty for the wildcard. */
  readonly path: string;
}

export interface InprocEndpoint {
  readonly transport: 'inproc';
  readonly text: string;
  readonly name: string;
}

export interface WsEndpoint extends TcpAddress {
  readonly transport: 'ws' | 'wss';
  readonly text: string;
  /** With its `/` in front; `/` where none was given. */
  readonly path: string;
}

export interface UdpEndpoint extends TcpAddress {
  readonly transport: 'udp';
  readonly text: string;
}

/** A checked endpoint; `transport` tells which. */
export type Endpoint = TcpEndpoint | UdpEndpoint | IpcEndpoint | InprocEndpoint | WsEndpoint;

/** What an endpoint is for: the wildcards are for bind alone, a source address for connect alone. */
export type EndpointUse = 'bind' | 'connect';

const MAX_INPROC_NAME = 256;
/** Of the path of a WebSocket endpoint; servers take 8 KiB of head at most. */
const MAX_PATH = 2048;
/** All of `\\.\pipe\NAME`; a limit of Windows. */
const MAX_PIPE_NAME = 256;

/** Names of hosts and interfaces. Letters of any script: the resolver turns them to ASCII. */
const HOST_NAME = /^[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}._-]*[\p{L}\p{N}\p{M}_.])?$/u;
const ALL_NUMERIC = /^[0-9.]+$/;
const PORT = /^[0-9]{1,5}$/;
/** What may stand in a path as it is (RFC 3986, 3.3 and 3.4). Browsers refuse a fragment. */
const PATH = /^\/[A-Za-z0-9/?._~!$&'()*+,;=:@%-]*$/;
const ZONE = /^[\p{L}\p{N}._-]+$/u;

/**
 * Reads an endpoint. With `use`, also refuses what is only good for the other use.
 *
 * @throws ZmqError EINVAL or EPROTONOSUPPORT, with `address` as given and the reason in `detail`.
 */
export function parseEndpoint(text: string, use?: EndpointUse): Endpoint {
  if (typeof text !== 'string') throw new TypeError('Address must be a string');
  const split = text.indexOf('://');
  if (split < 0) throw invalid(text, 'an endpoint has the form transport://address');
  const transport = text.slice(0, split);
  const address = text.slice(split + 3);
  if (transport === '') throw invalid(text, 'the transport in front of :// is missing');
  if (address === '') throw invalid(text, 'the address behind :// is missing');
  switch (transport) {
    case 'tcp':
      return parseTcp(text, address, use);
    case 'ipc':
      return parseIpc(text, address, use);
    case 'inproc':
      return parseInproc(text, address);
    case 'udp': {
      const target = parseAddress(text, address);
      checkTarget(text, target, use);
      return { transport: 'udp', text, ...target };
    }
    case 'ws':
    case 'wss':
      return parseWs(transport, text, address, use);
    default:
      throw new ZmqError('EPROTONOSUPPORT', {
        address: text,
        detail: `unknown transport ${JSON.stringify(transport)}; there is tcp, ipc, inproc, udp, ws and wss`,
      });
  }
}

/** The canonical text: what `lastEndpoint` shows. */
export function formatEndpoint(endpoint: Endpoint): string {
  switch (endpoint.transport) {
    case 'tcp': {
      const target = formatAddress(endpoint.host, endpoint.port);
      const source = endpoint.source;
      return source === null
        ? `tcp://${target}`
        : `tcp://${formatAddress(source.host, source.port)};${target}`;
    }
    case 'ipc':
      if (endpoint.kind === 'wildcard') return 'ipc://*';
      return endpoint.kind === 'abstract' ? `ipc://@${endpoint.path}` : `ipc://${endpoint.path}`;
    case 'inproc':
      return `inproc://${endpoint.name}`;
    case 'udp':
      return `udp://${formatAddress(endpoint.host, endpoint.port)}`;
    case 'ws':
    case 'wss':
      return `${endpoint.transport}://${formatAddress(endpoint.host, endpoint.port)}${endpoint.path}`;
  }
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `tcp://host:port`. An IPv4 address that a dual-stack socket shows as IPv6 is written as IPv4. */
export function formatTcp(host: string, port: number): string {
  return `tcp://${formatMapped(host, port)}`;
}

/** `host:port`, with an IPv4 address for its IPv6 form. */
export function formatMapped(host: string, port: number): string {
  const mapped = host.startsWith('::ffff:') && isIPv4(host.slice(7)) ? host.slice(7) : host;
  return formatAddress(mapped, port);
}

/**
 * The path that `node:net` takes for an ipc endpoint.
 *
 * On Windows `ipc://NAME` is the pipe `\\.\pipe\NAME`. The text is the name: nothing is resolved against the current
 * folder, so that two programs meet wherever they were started. `\` counts as `/`, and because a pipe's name cannot
 * have slashes, `%` becomes `%25` and `/` becomes `%2F`: different endpoints stay different pipes (up to case, which
 * Windows ignores). A name that is a pipe path already (`\\.\pipe\...`) is taken as it is.
 *
 * @throws ZmqError EINVAL for an abstract name outside Linux, or a path over the system's limit.
 */
export function ipcPath(endpoint: IpcEndpoint, platform: NodeJS.Platform = process.platform): string {
  const { text, path } = endpoint;
  if (endpoint.kind === 'abstract') {
    if (platform !== 'linux' && platform !== 'android') {
      throw invalid(text, 'abstract names (ipc://@name) exist on Linux only; use a path');
    }
    checkLength(text, Buffer.byteLength(path) + 1, 107, 'an abstract name with its @');
    return `\0${path}`;
  }
  if (platform === 'win32') {
    const pipe = /^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(path)
      ? `\\\\.\\pipe\\${path.slice(9)}`
      : `\\\\.\\pipe\\${path.replaceAll('\\', '/').replaceAll('%', '%25').replaceAll('/', '%2F')}`;
    checkLength(text, pipe.length, MAX_PIPE_NAME, 'a pipe name on Windows');
    return pipe;
  }
  // sun_path, less its terminating zero.
  const limit = platform === 'linux' || platform === 'android' ? 107 : 103;
  checkLength(text, Buffer.byteLength(path), limit, 'the path of a Unix socket');
  return path;
}

function parseTcp(text: string, address: string, use: EndpointUse | undefined): TcpEndpoint {
  const split = address.lastIndexOf(';');
  const source = split < 0 ? null : parseAddress(text, address.slice(0, split));
  if (source !== null && use === 'bind')
    throw invalid(text, 'a source address (before ;) is for connect only');
  const target = parseAddress(text, address.slice(split + 1));
  checkTarget(text, target, use);
  return { transport: 'tcp', text, host: target.host, port: target.port, source };
}

function checkTarget(text: string, target: TcpAddress, use: EndpointUse | undefined): void {
  if (use !== 'connect') return;
  if (target.host === '*') throw invalid(text, 'connect needs a host; * is for bind only');
  if (target.port === 0) throw invalid(text, 'connect needs a port; 0 and * are for bind only');
}

function parseAddress(text: string, address: string): TcpAddress {
  // The last colon, as in libzmq: IPv6 addresses have colons of their own.
  const colon = address.lastIndexOf(':');
  if (colon < 0) throw invalid(text, 'the port is missing: host:port');
  return { host: parseHost(text, address.slice(0, colon)), port: parsePort(text, address.slice(colon + 1)) };
}

function parsePort(text: string, port: string): number {
  if (port === '*') return 0;
  const value = PORT.test(port) ? Number(port) : Number.NaN;
  if (!(value <= 65535))
    throw invalid(text, `the port is ${JSON.stringify(port)}; it is a number to 65535, or *`);
  return value;
}

function parseHost(text: string, host: string): string {
  if (host === '*') return host;
  if (host === '') throw invalid(text, 'the host in front of the port is missing');
  if (host.startsWith('[') || host.includes(':')) {
    const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
    const percent = bare.indexOf('%');
    const number = percent < 0 ? bare : bare.slice(0, percent);
    const zoneOk = percent < 0 || ZONE.test(bare.slice(percent + 1));
    if (zoneOk && isIPv6(number)) return bare;
    // [*] and [127.0.0.1]: libzmq takes the brackets off whatever is inside.
    if (bare !== host && (bare === '*' || isIPv4(bare))) return bare;
    throw invalid(text, `${JSON.stringify(host)} is not an IPv6 address`);
  }
  if (ALL_NUMERIC.test(host)) {
    if (isIPv4(host)) return host;
    throw invalid(text, `${JSON.stringify(host)} is not an IPv4 address`);
  }
  if (!HOST_NAME.test(host)) throw invalid(text, `${JSON.stringify(host)} is not a host name or address`);
  return host;
}

function parseIpc(text: string, address: string, use: EndpointUse | undefined): IpcEndpoint {
  if (address.includes('\0')) throw invalid(text, 'a path cannot have a NUL character');
  if (address === '*') {
    if (use === 'connect') throw invalid(text, 'connect needs a path; * is for bind only');
    return { transport: 'ipc', text, kind: 'wildcard', path: '' };
  }
  const abstract = address.startsWith('@');
  const path = abstract ? address.slice(1) : address;
  if (path === '') throw invalid(text, 'the name behind @ is missing');
  const endpoint: IpcEndpoint = { transport: 'ipc', text, kind: abstract ? 'abstract' : 'path', path };
  ipcPath(endpoint); // for its checks
  return endpoint;
}

function parseInproc(text: string, name: string): InprocEndpoint {
  checkLength(text, name.length, MAX_INPROC_NAME, 'an inproc name');
  return { transport: 'inproc', text, name };
}

function parseWs(
  transport: 'ws' | 'wss',
  text: string,
  address: string,
  use: EndpointUse | undefined,
): WsEndpoint {
  const slash = address.indexOf('/');
  const authority = slash < 0 ? address : address.slice(0, slash);
  const path = slash < 0 ? '/' : address.slice(slash);
  checkLength(text, path.length, MAX_PATH, 'the path of a WebSocket endpoint');
  if (!PATH.test(path)) throw invalid(text, `the path is ${JSON.stringify(path)}: write others as %XX`);
  const withPort = use === 'bind' || /:[^\]]*$/.test(authority);
  const target = parseAddress(text, withPort ? authority : `${authority}:${transport === 'ws' ? 80 : 443}`);
  checkTarget(text, target, use);
  return { transport, text, host: target.host, port: target.port, path };
}

function checkLength(text: string, length: number, limit: number, what: string): void {
  if (length > limit) throw invalid(text, `${what} has at most ${limit} octets; this one has ${length}`);
}

function invalid(text: string, detail: string): ZmqError {
  return new ZmqError('EINVAL', { address: text, detail });
}
