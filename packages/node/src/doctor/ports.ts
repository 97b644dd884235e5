/**
 * Every endpoint that the configuration binds: free, or taken and by whom.
 *
 * Guarantees: a port is bound for a moment and let go at once; a file is looked at and never replaced.
 */
import { constants } from 'node:fs';
import { access, lstat } from 'node:fs/promises';
import type { ListenOptions } from 'node:net';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { hasPort, parseBind } from '../config/endpoint.ts';
import type { Config } from '../config/types.ts';
import type { CheckResult, ConfiguredSurroundings } from './check.ts';
import { codeOf, failure, folded, ok, plural, some, warning } from './check.ts';
import type { Holder } from './holders.ts';
import { fileIn, holderOf, holderWords } from './holders.ts';
import { kernelText } from './kernel.ts';
import { addressLimit, isAnswered, localAddress } from './local-address.ts';
import { runnersOf } from './running.ts';

/** What a configuration binds, and the key that says so. */
export interface Place {
  readonly key: string;
  readonly endpoint: string;
  readonly ipv6: boolean;
}

function bindsOf({ routes, sessions, admin }: Config): readonly Place[] {
  const places: Place[] = [];
  const add = (key: string, endpoints: readonly string[], ipv6: boolean): void => {
    for (const endpoint of endpoints) places.push({ key, endpoint, ipv6 });
  };
  for (const { name, frontend, backend, ipv6 } of routes) {
    add(`routes.${name}.frontend.bind`, frontend.bind, ipv6);
    add(`routes.${name}.backend.bind`, backend.bind, ipv6);
  }
  if (sessions !== null) add('sessions.bind', sessions.bind, sessions.ipv6);
  add('admin.bind', admin.bind, true);
  return places;
}

/** So many processes are looked for. */
const MOST_NAMED = 4;

export async function checkPorts(surroundings: ConfiguredSurroundings): Promise<readonly CheckResult[]> {
  const { opened, signal } = surroundings;
  const { config } = opened;
  const places = bindsOf(config);
  const first = unprivileged(await kernelText('/proc/sys/net/ipv4/ip_unprivileged_port_start'));
  const troubles: CheckResult[] = [];
  const low: string[] = [];
  let [free, own] = [0, 0];
  let runners: ReadonlySet<string> | null = null;
  for (const place of places) {
    if (signal.aborted) break;
    const obstacle = await obstacleOf(place);
    const port = portOf(place.endpoint);
    if (obstacle === null) {
      free++;
      if (port > 0 && port < first) low.push(place.endpoint);
      continue;
    }
    const taken = obstacle === 'EADDRINUSE';
    if (taken) runners ??= await runnersOf(surroundings);
    if (taken && runners?.has(place.key) === true) own++;
    else {
      // Who it is of those that are folded away nobody is told.
      const known = taken && troubles.length <= MOST_NAMED;
      troubles.push(trouble(place, obstacle, known ? await holderAt(place, signal) : null));
    }
  }
  const figures = { endpoints: places.length, free, own, troubled: troubles.length };
  const mine = own === 0 ? '' : `${own} of the running node ${config.node.name}`;
  const parts = [free === 0 && own > 0 ? '' : `${plural(free, 'endpoint')} free`, mine].filter(
    (part) => part !== '',
  );
  const summary = ok('ports', places.length === 0 ? 'nothing to bind' : parts.join(', '), figures);
  const results = troubles.length > 0 ? folded(troubles) : [summary];
  const notes = low.length === 0 ? [] : [privileged(low)];
  return [...results, ...notes, ...(await outgoing(places))];
}

function trouble({ key, endpoint }: Place, code: string, holder: Holder | null): CheckResult {
  const figures = { key, endpoint, code, pid: holder?.pid ?? null, program: holder?.program ?? null };
  const at = `${endpoint} (${key})`;
  switch (code) {
    case 'EADDRINUSE': {
      const who = holder === null ? 'another process' : holderWords(holder);
      const seen =
        holder?.pid == null && process.platform !== 'win32' ? '; root can see which process it is' : '';
      return failure(
        'ports',
        `${at} is taken by ${who}`,
        `stop that program, or choose another endpoint${seen}`,
        figures,
      );
    }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN': {
      const names = some(addresses(), 6);
      const way = `use an address of this machine (${names}), or * for all`;
      return failure('ports', `${at}: no interface here has that address (${code})`, way, figures);
    }
    case 'EACCES':
    case 'EPERM':
      return failure(
        'ports',
        `${at}: this user may not bind it (${code})`,
        permissionHint(endpoint),
        figures,
      );
    case 'EAFNOSUPPORT':
      return failure('ports', `${at}: no IPv6 here`, 'use an IPv4 address, or turn IPv6 on', figures);
    case 'ENOENT':
    case 'ENOTDIR':
      return failure(
        'ports',
        `${at}: its folder does not exist`,
        'make the folder, or choose another path',
        figures,
      );
    case 'ENOTSOCK':
      return failure(
        'ports',
        `${at}: a file that is no socket is there`,
        'remove it, or choose another path',
        figures,
      );
    case 'ENAMETOOLONG':
    case 'EINVAL': {
      const way = `use a path of at most ${addressLimit()} octets`;
      return failure('ports', `${at}: the path is too long for a socket, or not of its form`, way, figures);
    }
    default:
      return failure(
        'ports',
        `${at} can't be bound: ${code}`,
        'check the endpoint in the configuration',
        figures,
      );
  }
}

function permissionHint(endpoint: string): string {
  if (endpoint.startsWith('ipc:')) return 'choose a folder that this user can write into';
  if (process.platform === 'win32')
    return 'Windows may have reserved it: netsh int ipv4 show excludedportrange protocol=tcp; choose another port';
  return 'choose a port of 1024 or more, or give the node the right: AmbientCapabilities=CAP_NET_BIND_SERVICE in its unit';
}

function privileged(endpoints: readonly string[]): CheckResult {
  const way = 'zeroth service install gives its account the right; otherwise choose ports of 1024 or more';
  const message = `${some(endpoints)}: this user may bind it, others may not`;
  return warning('ports', message, way, { privileged: endpoints.length });
}

/** The code of what stands in the way of a bind; null: it could be bound now. */
async function obstacleOf({ endpoint: text, ipv6 }: Place): Promise<string | null> {
  const endpoint = parseBind(text);
  if (endpoint === null || endpoint.transport === 'inproc') return null;
  if (hasPort(endpoint)) {
    const { host, port } = endpoint;
    return host === '*' && port === 0 ? null : await listenError({ port, ...addressFor(host, ipv6) });
  }
  const { path } = endpoint;
  if (path === '*') return null;
  const address = localAddress(path);
  if (Buffer.byteLength(address) > addressLimit()) return 'ENAMETOOLONG';
  const isFile = process.platform !== 'win32' && !address.startsWith('\0');
  const facts = isFile ? await lstat(path).catch(() => null) : null;
  if (facts !== null && !facts.isSocket()) return 'ENOTSOCK';
  if (await isListening(path, address)) return 'EADDRINUSE';
  // A file that nobody answers at is replaced by the node.
  return isFile ? folderError(dirname(path)) : null;
}

async function isListening(path: string, address: string): Promise<boolean> {
  // Where a look does, nobody is disturbed.
  const table = await kernelText('/proc/net/unix');
  return (table !== '' && fileIn(table, path) !== null) || (await isAnswered(address));
}

async function folderError(folder: string): Promise<string | null> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

async function holderAt({ endpoint: text, ipv6 }: Place, signal: AbortSignal): Promise<Holder | null> {
  const endpoint = parseBind(text);
  if (endpoint === null || endpoint.transport === 'inproc') return null;
  if (!hasPort(endpoint)) return holderOf(endpoint.path, '', signal);
  return holderOf(endpoint.port, addressFor(endpoint.host, ipv6).host, signal);
}

/** What to hand to `listen`. */
function addressFor(host: string, ipv6: boolean): { host: string } {
  if (host === '*') return { host: ipv6 && hasIpv6() ? '::' : '0.0.0.0' };
  const device = networkInterfaces()[host]?.find(({ family }) => family === 'IPv4')?.address;
  return { host: device ?? host };
}

function listenError(options: ListenOptions): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => resolve(codeOf(error)));
    server.listen({ ...options, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Ports that the system gives to outgoing connections: one of those may be gone when the node starts. */
async function outgoing(places: readonly Place[]): Promise<readonly CheckResult[]> {
  const range = await kernelText('/proc/sys/net/ipv4/ip_local_port_range');
  const reserved = await kernelText('/proc/sys/net/ipv4/ip_local_reserved_ports');
  const inside = portsWithin(
    places.map(({ endpoint }) => portOf(endpoint)),
    range,
    reserved,
  );
  if (inside.length === 0) return [];
  const way = `choose a port outside, or reserve it: sysctl net.ipv4.ip_local_reserved_ports=${inside.slice(0, 8).join(',')}`;
  const [low, high] = range.trim().split(/\s+/);
  const message = `${some(inside.map((port) => `port ${port}`))}: among those that outgoing connections get (${low} to ${high})`;
  return [warning('ports', message, way, { outgoing: inside.length })];
}

export function portsWithin(ports: readonly number[], range: string, reserved: string): readonly number[] {
  const [low = Number.NaN, high = Number.NaN] = range.trim().split(/\s+/).map(Number);
  const kept = reserved
    .trim()
    .split(',')
    .map((part) => part.split('-').map(Number));
  const isKept = (port: number): boolean =>
    kept.some(([from = Number.NaN, to = from]) => port >= from && port <= to);
  return [...new Set(ports)].filter((port) => port >= low && port <= high && !isKept(port));
}

/** 0: none, or any. */
function portOf(text: string): number {
  const endpoint = parseBind(text);
  return endpoint !== null && hasPort(endpoint) ? endpoint.port : 0;
}

function unprivileged(text: string): number {
  if (text !== '') return Number(text);
  return process.platform === 'win32' ? 0 : 1024;
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ family }) => family === 'IPv6'));
}

function addresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}
