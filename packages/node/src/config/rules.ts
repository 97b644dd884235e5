/**
 * Rules over the whole configuration: who listens where, and whether a route talks to itself.
 *
 * Guarantees: linear in the number of endpoints but for the two sides of one route, which are compared pair by pair.
 */

import type { PlacedEndpoint } from './check.ts';
import { endpointKey, isIpv6Address, listening, reaches } from './endpoint.ts';
import { keyText } from './problem.ts';
import type { Report } from './report.ts';
import type { RouteConfig } from './types.ts';

type PartialRoute = Pick<RouteConfig, 'name'> & Partial<RouteConfig>;

/** Endpoints by what they occupy. */
class Claims {
  readonly #owners = new Map<string, PlacedEndpoint>();

  /** Who has it already, or `null`: then it is `placed`'s from now on. */
  take(placed: PlacedEndpoint, ipv6: boolean): PlacedEndpoint | null {
    const { endpoint } = placed;
    if (endpoint.transport !== 'tcp') {
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
  const line = other.at === null ? '' : `, line ${report.line(other.at)}`;
  const message = `${placed.text} ${text} ${keyText(other.path)} (${other.text}${line})`;
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

export function checkRules(
  routes: readonly PartialRoute[],
  endpoints: readonly PlacedEndpoint[],
  report: Report,
): void {
  // A route whose `ipv6` is wrong has one problem already.
  const ipv6 = new Map(routes.map((route) => [route.name, route.ipv6 ?? true]));
  const ipv6Of = (placed: PlacedEndpoint): boolean => ipv6.get(String(placed.path[1])) ?? true;
  checkListeners(endpoints, ipv6Of, report);

  const byRoute = new Map<string, PlacedEndpoint[]>();
  for (const placed of endpoints) {
    const name = String(placed.path[1]);
    const mine = byRoute.get(name);
    if (mine === undefined) byRoute.set(name, [placed]);
    else mine.push(placed);
    if (!ipv6Of(placed) && isIpv6Address(placed.endpoint)) {
      const message = 'an IPv6 address needs "ipv6: true" on the route';
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
  if (routes.length === 0) {
    const message = 'there are no routes: the node would forward nothing';
    report.warning({ code: 'CONFIG_NO_ROUTES', at: null, path: ['routes'], message });
  }
}
