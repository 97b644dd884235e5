/**
 * What comes and what goes in a change, each with how to do it and how to take it back (change.ts says when).
 *
 * Guarantees: listing changes nothing.
 */
import type { RouteConfig, SessionsConfig, SideConfig } from '../config/types.ts';
import { notBound } from '../session/listening.ts';
import type { SessionServer } from '../session/server.ts';
import type { StreamStore } from '../store/store.ts';
import { type Bound, pinned, without } from './endpoints.ts';
import { RouteError, type Side } from './errors.ts';
import { type Maker, type Running, sessionsFailed } from './parts.ts';
import type { Plan } from './plan.ts';
import { drainRoute, logReport, type RouteReport } from './report.ts';
import type { Former, Route } from './route.ts';
import type { EndpointStatus } from './status.ts';

const SIDES: readonly Side[] = ['backend', 'frontend'];
const NOTHING: Former = { frontend: [], backend: [] };
/** Clients of sessions send again what is lost with a connection: nobody has to wait long for them. */
const CLIENTS_MS = 1000;

/** Something that goes. */
export interface Leaver {
  /** The route, or `sessions`. */
  readonly name: string;
  /** Where it is bound. */
  readonly bound: readonly Bound[];
  /** What of the same goes one after the other: a socket takes one bind or unbind at a time. */
  readonly on: object;
  go(): Promise<void>;
  /** Puts it back, also when it has gone in part. */
  back(): Promise<void>;
}

/** An endpoint that is to be bound. */
export interface Want {
  readonly endpoint: string;
  readonly ipv6: boolean;
  /** The error to tell when it can't be. */
  refused(cause: unknown): unknown;
}

/** Something that comes. */
export interface Comer {
  /** What it binds. */
  readonly wants: readonly Want[];
  /** It can't be there before this one is gone. */
  readonly after: Leaver | null;
  come(): Promise<void>;
}

/** What a change works on. */
export interface Work {
  readonly maker: Maker;
  /** Null: nothing runs. */
  readonly before: Running | null;
  readonly plan: Plan;
  /** Aborted: what goes is given no more time. */
  readonly signal: AbortSignal;
  /** How to take back what was done so far. */
  readonly undo: (() => Promise<void>)[];
  readonly leavers: Leaver[];
  readonly comers: Comer[];
  /** What takes no time, and is done when all else is sure. */
  readonly last: (() => void)[];
  /** Routes that are made, by name. */
  readonly made: Map<string, Route>;
  readonly drained: RouteReport[];
  store: StreamStore | null;
  sessions: SessionServer | null;
}

function drainOf({ plan, signal }: Work): { timeout: number; signal: AbortSignal } {
  return { timeout: plan.config.node.stopTimeout, signal };
}

export function listRoutes(work: Work): void {
  const { before: running, plan, leavers, comers } = work;
  const routeOf = ({ name }: RouteConfig): Route => running!.routes.get(name)!;
  for (const step of plan.routes) {
    if (step.how === 'changed') {
      listChanged(work, routeOf(step.before), step.after);
      continue;
    }
    const old = step.how === 'added' ? null : routeOf(step.before);
    const leaver = old === null ? null : leavingRoute(work, old);
    if (leaver !== null) leavers.push(leaver);
    if (step.how === 'removed') continue;
    const { after } = step;
    const former = old === null ? NOTHING : endpointsOf(old);
    // Two of them would forward the same stream.
    const shares = step.how === 'replaced' && step.before.stream !== null && after.stream !== null;
    comers.push({
      wants: wantsOf(after, former),
      after: shares ? leaver : null,
      come: () => makeRoute(work, after, former, old !== null && goesOn(old.config, after)),
    });
  }
}

/** `follows`: it goes on where the former one has ended. */
async function makeRoute(work: Work, config: RouteConfig, former: Former, follows: boolean): Promise<void> {
  const route = work.maker.route(config, work.store);
  work.made.set(config.name, route);
  work.maker.tell(`binding ${config.name}`);
  work.undo.push(async () => {
    // Producers that waited for it have found it already, and sent.
    if (work.before !== null && route.state === 'opening' && route.frontend.peers().length > 0) route.start();
    await route.drain(drainOf(work));
    // Its stream may be there without it; but what the former one comes back for stays.
    if (!follows) route.forget();
  });
  await route.bind(former);
}

/** Whether the route after goes on in the stream where the one before has ended. */
export function goesOn(before: RouteConfig, after: RouteConfig): boolean {
  return [before, after].every(({ pattern, stream }) => pattern === 'pipeline' && stream !== null);
}

function leavingRoute(work: Work, route: Route): Leaver {
  const { name, config } = route;
  const former = endpointsOf(route);
  return {
    name,
    bound: [...former.backend, ...former.frontend].filter(({ how }) => how === 'bind'),
    on: route,
    go: async () => {
      const report = await drainRoute(route, drainOf(work));
      work.drained.push(report);
      logReport(work.maker.log, report);
    },
    back: async () => {
      const again = work.maker.route(config, work.store);
      try {
        await again.bind(former);
        again.start();
      } catch (error) {
        again.close();
        throw error;
      }
      work.before!.routes.set(name, again);
    },
  };
}

/** A route that keeps its sockets: endpoints come and go. */
function listChanged(work: Work, route: Route, after: RouteConfig): void {
  const { leavers, comers, last, undo } = work;
  const before = route.config;
  last.push(() => {
    undo.push(async () => route.configure(before));
    route.configure(after);
  });
  for (const name of SIDES) {
    const side = route[name];
    const retires = (): void => {
      const made = side.endpoints.at(-1)!;
      undo.push(async () => {
        await route.retire(name, made, drainOf(work));
      });
    };
    for (const how of ['bind', 'connect'] as const) {
      const gone = without(before[name][how], after[name][how]);
      for (const endpoint of side.endpoints) {
        const at = endpoint.how === how ? gone.indexOf(endpoint.configured) : -1;
        if (at < 0) continue;
        gone.splice(at, 1);
        leavers.push(leavingEndpoint(work, route, name, endpoint));
      }
    }
    const added = (how: 'bind' | 'connect'): string[] => without(after[name][how], before[name][how]);
    for (const endpoint of added('bind')) {
      const come = async (): Promise<void> => {
        await side.bind(endpoint);
        retires();
      };
      comers.push({ wants: [wantOf(after, name, endpoint)], after: null, come });
    }
    // Messages may be queued to it at once: it must be there to stay.
    for (const endpoint of added('connect'))
      last.push(() => {
        side.connect(endpoint);
        retires();
      });
  }
}

function leavingEndpoint(work: Work, route: Route, name: Side, endpoint: EndpointStatus): Leaver {
  const side = route[name];
  return {
    name: route.name,
    bound: endpoint.how === 'bind' ? [endpoint] : [],
    on: side,
    go: async () => {
      const undelivered = await route.retire(name, endpoint, drainOf(work));
      // The sockets go on counting.
      work.drained.push({ route: route.name, undelivered, kept: 0, forwarded: 0, dropped: 0 });
    },
    back: async () => {
      if (endpoint.how === 'connect') side.connect(endpoint.configured);
      else await side.bind(endpoint.configured, pinned(endpoint));
    },
  };
}

export function listSessions(work: Work): void {
  const { before: running, plan, sessions: server, maker, leavers, comers, undo } = work;
  const before = running?.config.sessions ?? null;
  const after = plan.config.sessions;
  if (before === null || server === null) {
    const wants = after?.bind.map((endpoint) => wantOfSessions(endpoint, after)) ?? [];
    if (after !== null) comers.push({ wants, after: null, come: () => makeSessions(work) });
    return;
  }
  const { listening } = server;
  const { bound } = listening;
  if (after === null) {
    leavers.push({
      name: 'sessions',
      bound,
      on: server,
      go: () => server.stop(drainOf(work)),
      back: async () => {
        const again = await maker.sessions(running!.config, work.store!, bound);
        work.sessions = again;
        running!.sessions = again;
      },
    });
    return;
  }
  const drain = { ...drainOf(work), timeout: CLIENTS_MS };
  const gone = without(before.bind, after.bind);
  for (const known of bound) {
    const at = gone.indexOf(known.configured);
    if (at < 0) continue;
    gone.splice(at, 1);
    leavers.push({
      name: 'sessions',
      bound: [known],
      on: server,
      go: () => listening.retire(known, drain),
      back: () => listening.bind(known.configured, pinned(known)),
    });
  }
  for (const endpoint of without(after.bind, before.bind)) {
    const come = async (): Promise<void> => {
      try {
        await listening.bind(endpoint);
      } catch (error) {
        throw sessionsFailed(error);
      }
      const made = listening.bound.at(-1)!;
      undo.push(() => listening.retire(made, { timeout: CLIENTS_MS }));
    };
    comers.push({ wants: [wantOfSessions(endpoint, after)], after: null, come });
  }
}

async function makeSessions(work: Work): Promise<void> {
  const made = await work.maker.sessions(work.plan.config, work.store!, []);
  work.sessions = made;
  work.undo.push(async () => {
    work.sessions = null;
    await made?.stop({ timeout: CLIENTS_MS });
  });
}

function endpointsOf({ frontend, backend }: Route): Former {
  return { frontend: frontend.endpoints, backend: backend.endpoints };
}

/** What a route binds: as it is configured, and the ports that its wildcards had. */
function wantsOf(config: RouteConfig, former: Former): Want[] {
  return SIDES.flatMap((side) => {
    const { bind }: SideConfig = config[side];
    const known = former[side].filter(({ how, configured }) => how === 'bind' && bind.includes(configured));
    return [...bind, ...known.map(pinned)].map((endpoint) => wantOf(config, side, endpoint));
  });
}

function wantOf({ name: route, ipv6 }: RouteConfig, side: Side, endpoint: string): Want {
  const refused = (cause: unknown): unknown =>
    new RouteError('BIND_FAILED', { route, side, endpoint }, cause);
  return { endpoint, ipv6, refused };
}

function wantOfSessions(endpoint: string, { ipv6 }: SessionsConfig): Want {
  return { endpoint, ipv6, refused: (cause) => sessionsFailed(notBound(endpoint, cause)) };
}
