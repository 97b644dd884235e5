/**
 * The form of endpoints, and which of them meet. Looks at the text only: whether an address exists on this
 * machine is known when it is bound.
 *
 * Guarantees: pure; an endpoint that passes has one of the four transports and all parts that its role needs.
 */

import { isIPv4, isIPv6 as parseIPv6 } from 'node:net';
import { nearest } from './nearest.ts';

export type Endpoint =
  /** `host` is lower case and without brackets; port 0 stands for "any free port". */
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
  /** WebSocket, for web pages; `path` with its slash in front. */
  | { readonly transport: 'ws'; readonly host: string; readonly port: number; readonly path: string }
  | { readonly transport: 'ipc'; readonly path: string }
  | { readonly transport: 'inproc'; readonly name: string };

export type EndpointRole = 'bind' | 'connect';

export type EndpointCheck =
  | { readonly ok: true; readonly endpoint: Endpoint }
  | { readonly ok: false; readonly message: string; readonly suggestion: string | null };

export const ENDPOINT_FORMS: Readonly<Record<EndpointRole, readonly string[]>> = {
  bind: ['tcp://*:PORT', 'tcp://ADDRESS:PORT', 'ws://ADDRESS:PORT/PATH', 'ipc://PATH', 'inproc://NAME'],
  connect: [
    'tcp://HOST:PORT',
    'tcp://SOURCE;HOST:PORT',
    'ws://HOST:PORT/PATH',
    'ipc://PATH',
    'inproc://NAME',
  ],
};

const TRANSPORTS = ['tcp', 'ws', 'ipc', 'inproc'];
const MAX_LENGTH = 1024;
/** What may stand in a path as it is (RFC 3986). */
const PATH = /^\/[A-Za-z0-9/?._~!$&'()*+,;=:@%-]*$/;
const MAX_INPROC_NAME = 256;
/** Names of hosts and of network interfaces. */
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_.])?$/;

function fail(message: string, suggestion: string | null = null): EndpointCheck {
  return { ok: false, message, suggestion };
}

export function checkEndpoint(text: string, role: EndpointRole): EndpointCheck {
  if (text.length > MAX_LENGTH) return fail(`an endpoint has at most ${MAX_LENGTH} characters`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\s\u0000-\u001f\u007f]/.test(text)) {
    const trimmed = text.trim();
    const suggestion = trimmed === text ? null : onlyIfValid(trimmed, role);
    return fail('an endpoint has no spaces or control characters', suggestion);
  }
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text);
  if (scheme === null)
    return fail('an endpoint begins with its transport', onlyIfValid(withTransport(text), role));
  const [, transport, rest] = scheme as unknown as [string, string, string];
  switch (transport) {
    case 'tcp':
      return checkTcp(rest, role);
    case 'ws':
      return checkWs(rest, role);
    case 'wss':
      return fail('a node has no certificates: let a proxy end TLS, and have it pass on to ws');
    case 'ipc':
      return checkIpc(rest, role);
    case 'inproc':
      if (rest.length === 0) return fail('the name after inproc:// is missing');
      if (rest.length > MAX_INPROC_NAME)
        return fail(`an inproc name has at most ${MAX_INPROC_NAME} characters`);
      return { ok: true, endpoint: { transport: 'inproc', name: rest } };
    default: {
      const meant = nearest(transport, TRANSPORTS);
      return fail(
        `unknown transport "${transport}"`,
        meant === null ? null : onlyIfValid(`${meant}://${rest}`, role),
      );
    }
  }
}

/** A suggestion that would be refused is worse than none. */
function onlyIfValid(text: string, role: EndpointRole): string | null {
  return checkEndpoint(text, role).ok ? text : null;
}

/** `*:5555`, `tcp:5555`, `tcp:/host:5555` */
function withTransport(text: string): string {
  const known = /^(tcp|ws|ipc|inproc):\/?(?!\/)(.*)$/is.exec(text);
  return known === null ? `tcp://${text}` : `${(known[1] as string).toLowerCase()}://${known[2]}`;
}

function checkIpc(path: string, role: EndpointRole): EndpointCheck {
  if (path.length === 0 || path === '@') return fail('the path after ipc:// is missing');
  if (path === '*' && role === 'connect')
    return fail('ipc://* makes a new path: nothing can connect to it by that');
  return { ok: true, endpoint: { transport: 'ipc', path } };
}

/** The first time that Node is asked it takes 10 ms of the start: it is asked about texts with two colons only. */
function isIPv6(text: string): boolean {
  return text.indexOf(':') !== text.lastIndexOf(':') && parseIPv6(text);
}

function checkTcp(rest: string, role: EndpointRole): EndpointCheck {
  const semicolon = rest.indexOf(';');
  if (semicolon !== -1) {
    if (role === 'bind') return fail('a source address (before the ";") is for connect only');
    const source = checkSource(rest.slice(0, semicolon));
    if (source !== null) return fail(source);
    if (rest.includes(';', semicolon + 1)) return fail('there is more than one ";"');
    return checkTcp(rest.slice(semicolon + 1), role);
  }
  const slash = rest.indexOf('/');
  if (slash !== -1) {
    return fail(
      'nothing follows the port of a tcp endpoint',
      onlyIfValid(`tcp://${rest.slice(0, slash)}`, role),
    );
  }
  const colon = rest.lastIndexOf(':');
  if (isIPv6(rest)) return fail('an IPv6 address stands in brackets, followed by a port');
  if (colon === -1 || rest.endsWith(']')) return fail('the port is missing');
  const host = rest.slice(0, colon);
  const portText = rest.slice(colon + 1);
  const hostProblem = checkHost(host, portText, role);
  if (hostProblem !== null) return hostProblem;

  if (portText === '*' || /^0{1,5}$/.test(portText)) {
    if (role === 'connect') return fail('connect needs the port of the peer, not "any"');
    return { ok: true, endpoint: { transport: 'tcp', host: bare(host), port: 0 } };
  }
  if (portText.length === 0) return fail('the port is missing');
  if (!/^\d{1,5}$/.test(portText) || Number(portText) > 65535) {
    return fail(`"${portText}" is not a port: 1 to 65535${role === 'bind' ? ', or * for any free one' : ''}`);
  }
  return { ok: true, endpoint: { transport: 'tcp', host: bare(host), port: Number(portText) } };
}

function checkWs(rest: string, role: EndpointRole): EndpointCheck {
  const slash = rest.indexOf('/');
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const path = slash === -1 ? '/' : rest.slice(slash);
  if (!PATH.test(path)) return fail(`the path is ${path}: write other characters as %XX`);
  if (authority.includes(';')) return fail('a source address is for tcp only');
  const checked = checkTcp(authority, role);
  if (!checked.ok) return fail(checked.message, checked.suggestion?.replace(/^tcp:/, 'ws:') ?? null);
  if (checked.endpoint.transport !== 'tcp') return checked;
  const { host, port } = checked.endpoint;
  return { ok: true, endpoint: { transport: 'ws', host, port, path } };
}

function bare(host: string): string {
  return (host.startsWith('[') ? host.slice(1, -1) : host).toLowerCase();
}

function checkHost(host: string, port: string, role: EndpointRole): EndpointCheck | null {
  if (host.length === 0) {
    return fail('the host is missing', role === 'bind' ? onlyIfValid(`tcp://*:${port}`, role) : null);
  }
  if (host === '*') {
    return role === 'bind'
      ? null
      : fail('connect needs the host of the peer, not "*"', onlyIfValid(`tcp://127.0.0.1:${port}`, role));
  }
  if (host.startsWith('[')) {
    return host.endsWith(']') && isIPv6(host.slice(1, -1)) ? null : fail(`"${host}" is not an IPv6 address`);
  }
  if (isIPv6(host))
    return fail('an IPv6 address stands in brackets', onlyIfValid(`tcp://[${host}]:${port}`, role));
  if (/^[\d.]+$/.test(host)) return isIPv4(host) ? null : fail(`"${host}" is not an IPv4 address`);
  return HOST_NAME.test(host) ? null : fail(`"${host}" is not a host`);
}

/** `eth0`, `192.168.0.5`, `192.168.0.5:0`, `*:6000`, `[::1]:0` */
function checkSource(source: string): string | null {
  const match = /^(.*?)(?::(\*|\d{1,5}))?$/.exec(isIPv6(source) ? `[${source}]` : source);
  const host = match?.[1] ?? '';
  const portFits = match?.[2] === undefined || match[2] === '*' || Number(match[2]) <= 65535;
  if (portFits && (host === '*' || checkHost(host, '1', 'connect') === null)) return null;
  return `"${source}" is not a source address`;
}

/** Which families an address listens on, and whether on all addresses of the family. */
export function listening(host: string, ipv6: boolean): { v4: string | null; v6: string | null } {
  if (host === '*') return { v4: '*', v6: ipv6 ? '*' : null };
  if (host === '0.0.0.0') return { v4: '*', v6: null };
  // A socket on :: takes the IPv4 port too on every system that Node runs on, unless told otherwise.
  if (host === '::') return { v4: '*', v6: '*' };
  if (host === 'localhost') return { v4: '127.0.0.1', v6: ipv6 ? '::1' : null };
  return isIPv6(host) ? { v4: null, v6: host } : { v4: host, v6: null };
}

/** Equal for endpoints that mean the same. */
export function endpointKey(endpoint: Endpoint): string {
  switch (endpoint.transport) {
    case 'tcp':
      return `tcp:${endpoint.host}:${endpoint.port}`;
    case 'ws':
      return `ws:${endpoint.host}:${endpoint.port}${endpoint.path}`;
    case 'ipc':
      return `ipc:${endpoint.path}`;
    case 'inproc':
      return `inproc:${endpoint.name}`;
  }
}

/** It takes a port of TCP. */
export function hasPort(endpoint: Endpoint): endpoint is Extract<Endpoint, { port: number }> {
  return endpoint.transport === 'tcp' || endpoint.transport === 'ws';
}

/** Addresses by which a machine reaches itself, whatever its own addresses are. */
const SELF: ReadonlyMap<string, string> = new Map([
  ['localhost', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/** Whether a connection to `connect` is sure to arrive at `bind` of the same machine. */
export function reaches(connect: Endpoint, bind: Endpoint, ipv6: boolean): boolean {
  if (!hasPort(connect) || !hasPort(bind)) {
    return endpointKey(connect) === endpointKey(bind) && endpointKey(bind) !== 'ipc:*';
  }
  if (connect.transport !== bind.transport || bind.port === 0 || connect.port !== bind.port) return false;
  const host = SELF.get(connect.host) ?? connect.host;
  const { v4, v6 } = listening(bind.host, ipv6);
  // `*` stands for all addresses of this machine, and only some are known to be its own.
  return (
    host === v4 || host === v6 || (v4 === '*' && host.startsWith('127.')) || (v6 === '*' && host === '::1')
  );
}

export function isIpv6Address(endpoint: Endpoint): boolean {
  return hasPort(endpoint) && isIPv6(endpoint.host);
}

/** A host that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** The endpoint to bind to, or null for what is none. */
export function parseBind(text: string): Endpoint | null {
  const checked = checkEndpoint(text, 'bind');
  return checked.ok ? checked.endpoint : null;
}
