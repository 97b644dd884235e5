/**
 * Every endpoint that the configuration connects to: its name, its port, and whether ZMTP is spoken there.
 *
 * Guarantees: says nothing to the peer and parts at once; at most {@link MOST} peers are asked, side by side.
 */
import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import type { Endpoint } from '../config/endpoint.ts';
import { checkEndpoint, hasPort, parseBind, reaches } from '../config/endpoint.ts';
import type { Config } from '../config/types.ts';
import type { CheckResult, ConfiguredSurroundings } from './check.ts';
import { codeOf, failure, folded, millisecondWords, ok, plural, rounded, warning } from './check.ts';
import { localAddress } from './local-address.ts';
import { LATE, Names } from './names.ts';
import { patience } from './patience.ts';
import type { Place } from './ports.ts';

/** Names and greeting together stay within the time of a check. */
const WITHIN = 650;
const MOST = 256;

export interface Patience {
  /** Milliseconds for the greeting of a peer. */
  readonly greeting: number;
}

function connectsOf({ routes }: Config): readonly Place[] {
  return routes.flatMap(({ name, frontend, backend, ipv6 }) =>
    (['frontend', 'backend'] as const).flatMap((side) =>
      (side === 'frontend' ? frontend : backend).connect.map((endpoint) => {
        return { key: `routes.${name}.${side}.connect`, endpoint, ipv6 };
      }),
    ),
  );
}

export async function checkConnects(
  { opened, signal }: ConfiguredSurroundings,
  { greeting }: Patience = { greeting: WITHIN },
): Promise<readonly CheckResult[]> {
  const all = connectsOf(opened.config);
  if (all.length === 0) return [];
  const own = opened.config.routes.flatMap(({ frontend, backend, ipv6 }) =>
    [...frontend.bind, ...backend.bind].map((text) => ({ endpoint: parseBind(text), ipv6 })),
  );
  const names = new Names(greeting);
  const asked = await Promise.all(
    all.slice(0, MOST).map(async (place): Promise<Asked> => {
      const checked = checkEndpoint(place.endpoint, 'connect');
      if (!checked.ok || checked.endpoint.transport === 'inproc') return { place, found: 'own' };
      const { endpoint } = checked;
      const mine = own.some((each) => each.endpoint !== null && reaches(endpoint, each.endpoint, each.ipv6));
      if (mine) return { place, found: 'own' };
      return { place, ...(await ask(endpoint, place, { names, signal, within: greeting })) };
    }),
  );
  const good = asked.filter(({ found }) => found === 'zmtp');
  const troubles = asked.filter(({ found }) => found !== 'zmtp' && found !== 'own').map(trouble);
  const slowest = Math.max(0, ...good.map(({ milliseconds }) => milliseconds ?? 0));
  const figures = {
    endpoints: all.length,
    reached: good.length,
    slowest: rounded(slowest),
    troubled: troubles.length,
  };
  if (troubles.length > 0) return folded(troubles);
  const own2 = asked.length - good.length;
  const more = `${own2 === 0 ? '' : `, ${own2} of this node itself`}${all.length > MOST ? `, ${all.length - MOST} not asked` : ''}`;
  const message = `${plural(good.length, 'peer')} reached, each speaks ZMTP, the slowest after ${millisecondWords(slowest)}${more}`;
  return [ok('connect', message, figures)];
}

interface Found {
  readonly found: 'own' | 'zmtp' | 'stranger' | 'silent' | 'name' | 'unreachable';
  readonly code?: string;
  readonly milliseconds?: number;
}

interface Asked extends Found {
  readonly place: Place;
}

function trouble({ place, found, code, milliseconds }: Asked): CheckResult {
  const { key, endpoint } = place;
  const figures = { key, endpoint, found, code: code ?? null, milliseconds: rounded(milliseconds ?? 0) };
  const at = `${endpoint} (${key})`;
  const later = 'a node starts without it, and goes on trying';
  switch (found) {
    case 'name':
      // Nobody has said that there is no such name.
      return (code === LATE ? warning : failure)(
        'connect',
        `${at}: the name can't be resolved (${code})`,
        'check the name, DNS and /etc/hosts',
        figures,
      );
    case 'stranger': {
      const way = 'check the port: it is no ZeroMQ socket of version 4 or later (ZMTP 3)';
      return failure('connect', `${at}: what answers speaks no ZMTP (${code})`, way, figures);
    }
    case 'silent': {
      const way = 'check the port: a ZeroMQ socket greets at once; the program may hang';
      return warning(
        'connect',
        `${at}: connected, and nothing is said for ${millisecondWords(milliseconds ?? 0)}`,
        way,
        figures,
      );
    }
    default: {
      const reason = REASONS[code ?? ''] ?? "can't be reached";
      return warning(
        'connect',
        `${at}: ${reason} (${code})`,
        `start the peer, or check the way to it; ${later}`,
        figures,
      );
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ETIMEDOUT: 'no answer',
  ENOENT: 'there is no such socket',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  EACCES: 'this user may not open it',
};

interface Means {
  readonly names: Names;
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly within: number;
}

async function ask(
  endpoint: Exclude<Endpoint, { transport: 'inproc' }>,
  { ipv6 }: Place,
  { names, signal, within }: Means,
): Promise<Found> {
  const began = performance.now();
  if (!hasPort(endpoint))
    return greetingOf(connect({ path: localAddress(endpoint.path) }), began, { signal, within });
  const { host, port } = endpoint;
  const address = isIP(host) === 0 ? await names.resolve(host, ipv6) : { address: host };
  if ('code' in address)
    return { found: 'name', code: address.code, milliseconds: performance.now() - began };
  const upgrade = endpoint.transport === 'ws' ? upgradeTo(`${host}:${port}`, endpoint.path) : null;
  return greetingOf(connect({ host: address.address, port }), began, { signal, within }, upgrade);
}

/** The request of a WebSocket for ZMTP (RFC 45). The key stands for nothing: only the status of the answer is read. */
function upgradeTo(host: string, path: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
    'Sec-WebSocket-Protocol: ZWS2.0/NULL,ZWS2.0,ZWS2.0/PLAIN,ZWS2.0/CURVE',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The signature (RFC 37): FF, eight octets of padding, an octet whose lowest bit is 1; then the major version. */
function greetingOf(
  socket: Socket,
  began: number,
  { signal, within }: Omit<Means, 'names'>,
  upgrade: string | null = null,
): Promise<Found> {
  return new Promise((resolve) => {
    let connected = false;
    let seen = Buffer.alloc(0);
    const end = (found: Found['found'], code?: string): void => {
      stop();
      signal.removeEventListener('abort', late);
      socket.on('error', () => {});
      socket.destroy();
      resolve({ found, milliseconds: performance.now() - began, ...(code === undefined ? {} : { code }) });
    };
    const late = (): void => end(connected ? 'silent' : 'unreachable', 'ETIMEDOUT');
    const stop = patience(within, late);
    signal.addEventListener('abort', late, { once: true });
    socket.once('connect', () => {
      connected = true;
      if (upgrade !== null) socket.write(upgrade);
    });
    socket.once('error', (error) => end('unreachable', codeOf(error)));
    socket.once('end', () => end('stranger', 'it closes the connection'));
    socket.on('data', (chunk) => {
      seen = Buffer.concat([seen, chunk.subarray(0, 12)]);
      const verdict = upgrade === null ? signatureIn(seen) : switchingIn(seen);
      if (verdict === true) end('zmtp');
      else if (verdict === false) end('stranger', `it begins with 0x${seen.subarray(0, 4).toString('hex')}`);
    });
  });
}

/** The other side takes up WebSocket. Null: not enough of it is there. */
function switchingIn(octets: Buffer): boolean | null {
  const status = 'HTTP/1.1 101';
  const text = octets.toString('latin1', 0, status.length);
  return text === status ? true : status.startsWith(text) ? null : false;
}

/** Null: not enough of it is there. */
function signatureIn(octets: Buffer): boolean | null {
  if (octets.length > 0 && octets[0] !== 0xff) return false;
  return octets.length < 10 ? null : (octets[9]! & 1) === 1;
}
