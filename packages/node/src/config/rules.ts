/**
 * Rules over the whole configuration: who listens where, whether a route talks to itself, and who uses which stream.
 *
 * Guarantees: linear in the number of endpoints but for the two sides of one route, which are compared pair by pair.
 */

import type { PlacedEndpoint } from './check.ts';
import { endpointKey, hasPort, isIpv6Address, listening, reaches } from './endpoint.ts';
import type { ProblemCode } from './problem.ts';
import { keyText } from './problem.ts';
import type { ReadValues } from './read.ts';
import type { KeyPath, Report } from './report.ts';
import { NAME_PATTERN } from './spec/kinds.ts';
import { isStreamName, keyOfName } from './stream-name.ts';
import type { RouteConfig, SessionsConfig, StreamConfig } from './types.ts';

const NO_FOLDER = 'not every system can have a folder of that name';

type PartialRoute = Pick<RouteConfig, 'name'> & Partial<RouteConfig>;

/** What was read of a configuration: what is wrong, or above something wrong, is missing. */
export interface PartialConfig {
  readonly routes?: readonly PartialRoute[];
  readonly streams?: readonly (Pick<StreamConfig, 'name'> & Partial<StreamConfig>)[];
  readonly sessions?: Partial<SessionsConfig> | null;
}

/** Endpoints by what they occupy. */
class Claims {
  readonly #owners = new Map<string, PlacedEndpoint>();

  /** Who has it already, or `null`: then it is `placed`'s from now on. */
  take(placed: PlacedEndpoint, ipv6: boolean): PlacedEndpoint | null {
    const { endpoint } = placed;
    if (!hasPort(endpoint)) {
      const key = endpointKey(endpoint);
      return endpoint.transport === 'ipc' && endpoint.path === '*' ? null : this.#claim([key], [key], placed);
    }
    if (endpoint.port === 0) return null;
    const { v4, v6 } = listening(endpoint.host, ipv6);
    let other: PlacedEndpoint | null = null;
    for (const [family, address] of [['4', v4] as const, ['6', v6] as const]) {
      if (address === null) continue;
      const port = `${family}:${endpoint.port}`;
      // `*` collides with every address of the port, an address with itself and with `*`.
      const asked = address === '*' ? [`${port}:any`] : [`${port}:*`, `${port}:${address}`];
      other ??= this.#claim(asked, [`${port}:any`, `${port}:${address}`], placed);
    }
    return other;
  }

  #claim(asked: readonly string[], taken: readonly string[], placed: PlacedEndpoint): PlacedEndpoint | null {
    for (const key of asked) {
      const owner = this.#owners.get(key);
      if (owner !== undefined) return owner;
    }
    for (const key of taken) if (!this.#owners.has(key)) this.#owners.set(key, placed);
    return null;
  }
}

function tell(
  report: Report,
  placed: PlacedEndpoint,
  other: PlacedEndpoint,
  code: 'CONFIG_ENDPOINT_TWICE' | 'CONFIG_ROUTE_LOOP',
  text: string,
): void {
  const where = other.at === null ? '' : `, ${report.where(other.at, placed.at)}`;
  const message = `${placed.text} ${text} ${keyText(other.path)} (${other.text}${where})`;
  report.error({ code, at: placed.at, path: placed.path, value: placed.text, message });
}

function checkListeners(
  endpoints: readonly PlacedEndpoint[],
  ipv6Of: (placed: PlacedEndpoint) => boolean,
  report: Report,
): void {
  const claims = new Claims();
  const connects = new Set<string>();
  for (const placed of endpoints) {
    if (placed.role === 'bind') {
      const other = claims.take(placed, ipv6Of(placed));
      if (other !== null) tell(report, placed, other, 'CONFIG_ENDPOINT_TWICE', 'is already taken by');
      continue;
    }
    const key = `${keyText(placed.path.slice(0, 4))} ${endpointKey(placed.endpoint)} ${placed.text}`;
    if (connects.has(key)) {
      const message = `${placed.text} stands here twice: each message would travel twice`;
      report.error({
        code: 'CONFIG_ENDPOINT_TWICE',
        at: placed.at,
        path: placed.path,
        value: placed.text,
        message,
      });
    }
    connects.add(key);
  }
}

/** Two binds on one address are a problem of their own, and two connects on one side are no loop. */
function meet(a: PlacedEndpoint, b: PlacedEndpoint, ipv6: boolean): boolean {
  if (a.role === 'connect' && b.role === 'connect') {
    return a.path[2] !== b.path[2] && endpointKey(a.endpoint) === endpointKey(b.endpoint);
  }
  if (a.role === b.role) return false;
  const [connect, bind] = a.role === 'connect' ? [a, b] : [b, a];
  return reaches(connect.endpoint, bind.endpoint, ipv6);
}

function checkLoops(mine: readonly PlacedEndpoint[], ipv6: boolean, report: Report): void {
  const seen: PlacedEndpoint[] = [];
  for (const placed of mine) {
    const other = seen.find((one) => meet(one, placed, ipv6));
    if (other === undefined) seen.push(placed);
    else tell(report, placed, other, 'CONFIG_ROUTE_LOOP', 'makes the route talk to itself: see');
  }
}

/** The stream of a route has the route's name. A stream's folder has its name, on every system. */
function checkStreams(
  { routes = [], streams = [] }: PartialConfig,
  names: ReadValues['names'],
  report: Report,
): void {
  const kept = new Map<string, KeyPath>();
  const refuse = (path: KeyPath, message: string): void =>
    report.error({ code: 'CONFIG_CONFLICT', at: names.get(keyText(path)) ?? null, path, message });
  const keep = (path: KeyPath, name: string): void => {
    const other = kept.get(keyOfName(name));
    if (!new RegExp(NAME_PATTERN.source).test(name)) return;
    if (!isStreamName(name)) refuse(path, `a stream can't have this name: ${NO_FOLDER}`);
    else if (other === undefined) kept.set(keyOfName(name), path);
    else if (other.at(-1) !== name)
      refuse(path, `a stream can't have this name: it differs from ${keyText(other)} in case alone`);
    else refuse(path, `the stream of ${keyText(other)} has this name: its settings stand there`);
  };
  for (const { name, stream = null } of routes) if (stream !== null) keep(['routes', name], name);
  for (const { name } of streams) keep(['streams', name], name);
}

/** Streams need somebody who can reach them, and sessions a stream. */
function checkUse({ routes, streams, sessions }: PartialConfig, report: Report): void {
  // Wrong as a whole, so nobody knows what is in it.
  if (routes === undefined || streams === undefined || sessions === undefined) return;
  const warn = (code: ProblemCode, path: KeyPath, message: string): void =>
    report.warning({ code, at: null, path, message });
  if (streams.length > 0 && sessions === null) {
    const message = 'nobody can reach these streams: they belong to no route, and there are no sessions';
    warn('CONFIG_NO_SESSIONS', ['streams'], message);
  } else if (sessions !== null && streams.length === 0 && routes.every(({ stream }) => stream === null)) {
    warn('CONFIG_NO_STREAMS', ['sessions'], 'there are no streams: clients would find nothing to use');
  } else if (routes.length === 0 && sessions === null) {
    warn('CONFIG_NO_ROUTES', ['routes'], 'there are no routes: the node would forward nothing');
  }
}

export function checkRules(
  config: PartialConfig,
  { endpoints, names }: Pick<ReadValues, 'endpoints' | 'names'>,
  report: Report,
): void {
  // A route whose `ipv6` is wrong has one problem already.
  const ipv6 = new Map(config.routes?.map((route) => [route.name, route.ipv6 ?? true]));
  const ipv6Of = ({ path }: PlacedEndpoint): boolean => {
    if (path[0] === 'routes') return ipv6.get(String(path[1])) ?? true;
    return path[0] === 'sessions' ? (config.sessions?.ipv6 ?? true) : true;
  };
  checkListeners(endpoints, ipv6Of, report);
  checkStreams(config, names, report);

  const byRoute = new Map<string, PlacedEndpoint[]>();
  for (const placed of endpoints) {
    const [section, key] = placed.path;
    const name = String(key);
    const mine = byRoute.get(name);
    if (section === 'routes' && mine === undefined) byRoute.set(name, [placed]);
    else if (section === 'routes') mine?.push(placed);
    if (!ipv6Of(placed) && isIpv6Address(placed.endpoint)) {
      const message = `an IPv6 address needs "ipv6: true" ${section === 'routes' ? 'on the route' : `in ${section}`}`;
      report.error({
        code: 'CONFIG_CONFLICT',
        at: placed.at,
        path: placed.path,
        value: placed.text,
        message,
      });
    }
  }
  for (const [name, mine] of byRoute) checkLoops(mine, ipv6.get(name) ?? true, report);

  const bound = new Set(
    endpoints.filter((placed) => placed.role === 'bind').map(({ endpoint }) => endpointKey(endpoint)),
  );
  for (const placed of endpoints) {
    if (
      placed.role === 'bind' ||
      placed.endpoint.transport !== 'inproc' ||
      bound.has(endpointKey(placed.endpoint))
    )
      continue;
    const message = 'no route binds this inproc endpoint, and nothing outside of the node can';
    report.warning({
      code: 'CONFIG_INPROC_UNBOUND',
      at: placed.at,
      path: placed.path,
      value: placed.text,
      message,
    });
  }
  checkUse(config, report);
}
