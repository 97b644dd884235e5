/**
 * Which peers have series of their own, and under which name.
 *
 * Guarantees: at most `limit` peers of a route are named at one time, all others are one row with the name `other`; a
 * peer keeps its name while it is there; no two rows have the same name; counters of `other` never go back, although
 * peers come to it and leave. Memory is bounded by the number of peers.
 */
import type { PeerInfo } from '@zeroth/zmq';
import type { RoutePeer } from '../flow/status.ts';
import { routingIdOf } from '../health/peer.ts';
import type { PeerHealth, PeerState } from '../health/types.ts';

/** Figures of one named peer, or of all others of a side. */
export interface PeerRow {
  readonly route: string;
  readonly side: string;
  readonly peer: string;
  readonly counters: PeerCounters;
  readonly queuedIn: number;
  readonly queuedOut: number;
  /** Milliseconds. */
  readonly ageIn: number;
  readonly ageOut: number;
  readonly unanswered: number;
  /** Peers by their health, without those that are well. */
  readonly troubled: Readonly<Partial<Record<PeerState, number>>>;
}

export interface PeerCounters {
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly dropped: number;
  readonly highWaterMarkHits: number;
}

/** A peer with what else is known of it. */
export interface KnownPeer {
  readonly of: RoutePeer;
  readonly health: PeerHealth | undefined;
  readonly ageIn: number;
  readonly ageOut: number;
}

export const PEER_LIMIT = 100;
const OTHER = 'other';
/** Octets of a routing id that is shown as it is: RFC 37 allows 255, who reads a dashboard does not. */
const LONGEST = 64;

export class PeerTable {
  readonly #limit: number;
  readonly #routes: Map<string, RouteTable> = new Map();

  constructor(limit: number = PEER_LIMIT) {
    this.#limit = limit;
  }

  /** The rows of these peers, which are all that there are. */
  rows(peers: readonly KnownPeer[]): readonly PeerRow[] {
    const byRoute = new Map<string, KnownPeer[]>();
    for (const peer of peers) {
      const known = byRoute.get(peer.of.route);
      if (known === undefined) byRoute.set(peer.of.route, [peer]);
      else known.push(peer);
    }
    for (const route of this.#routes.keys()) if (!byRoute.has(route)) this.#routes.delete(route);
    return [...byRoute].flatMap(([route, all]) => {
      let table = this.#routes.get(route);
      if (table === undefined) {
        table = new RouteTable(this.#limit);
        this.#routes.set(route, table);
      }
      return table.rows(all);
    });
  }
}

class RouteTable {
  readonly #limit: number;
  readonly #named: Map<number, { readonly name: string; readonly key: string }> = new Map();
  /** `side/name` of each that is named. */
  readonly #taken: Set<string> = new Set();
  readonly #others: Map<string, Others> = new Map();

  constructor(limit: number) {
    this.#limit = limit;
  }

  rows(peers: readonly KnownPeer[]): PeerRow[] {
    const here = new Set(peers.map(({ of }) => of.info.id));
    for (const [id, { key }] of this.#named) {
      if (here.has(id)) continue;
      this.#named.delete(id);
      this.#taken.delete(key);
    }
    this.#nameMore(peers);
    const rows: PeerRow[] = [];
    const rest = new Map<string, KnownPeer[]>([...this.#others.keys()].map((side) => [side, []]));
    for (const peer of peers) {
      const named = this.#named.get(peer.of.info.id);
      if (named !== undefined) rows.push(rowOf(peer, named.name));
      else if (rest.has(peer.of.side)) rest.get(peer.of.side)?.push(peer);
      else rest.set(peer.of.side, [peer]);
    }
    const route = peers[0]?.of.route ?? '';
    for (const [side, all] of rest) {
      const others = this.#others.get(side) ?? new Others();
      this.#others.set(side, others);
      rows.push(others.row(route, side, all));
    }
    return rows;
  }

  /** Gives names to those without, as long as there are any left: to the troubled and busy first. */
  #nameMore(peers: readonly KnownPeer[]): void {
    const free = this.#limit - this.#named.size;
    if (free <= 0) return;
    const nameless = peers.filter(({ of }) => !this.#named.has(of.info.id));
    if (nameless.length > free) nameless.sort((a, b) => weight(b) - weight(a));
    for (const peer of nameless.slice(0, free)) {
      const { side, info } = peer.of;
      const name = namesFor(info).find((each) => !this.#taken.has(`${side}/${each}`));
      if (name === undefined) continue;
      this.#taken.add(`${side}/${name}`);
      this.#named.set(info.id, { name, key: `${side}/${name}` });
    }
  }
}

/** Trouble counts before traffic. */
function weight({ of: { info }, health }: KnownPeer): number {
  const troubled = health !== undefined && health.status !== 'healthy';
  return (troubled ? 1e15 : 0) + info.queuedOut + info.dropped + info.messagesIn + info.messagesOut;
}

/** Many peers may have one routing id, and many come from one ipc path: the last name is nobody else's. */
function namesFor(info: PeerInfo): string[] {
  const { id, remote } = info;
  const given = routingIdOf(info);
  const names = given === null || given.length > LONGEST ? [remote] : [given, remote];
  return [...names.filter((name) => name !== OTHER), `${remote}#${id}`];
}

/** The counters, in the order in which they are summed. */
const COUNTERS = [
  'messagesIn',
  'messagesOut',
  'bytesIn',
  'bytesOut',
  'dropped',
  'highWaterMarkHits',
] as const satisfies readonly (keyof PeerCounters)[];

/** The peers of a side without a name of their own. What one of them had counted stays counted when it leaves. */
class Others {
  readonly #sums: Record<keyof PeerCounters, number> = {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    dropped: 0,
    highWaterMarkHits: 0,
  };
  #seen: Map<number, PeerCounters> = new Map();

  row(route: string, side: string, peers: readonly KnownPeer[]): PeerRow {
    const seen = new Map<number, PeerCounters>();
    for (const { of } of peers) {
      const now = countersOf(of.info);
      const before = this.#seen.get(of.info.id);
      for (const each of COUNTERS) this.#sums[each] += Math.max(0, now[each] - (before?.[each] ?? 0));
      seen.set(of.info.id, now);
    }
    this.#seen = seen;
    const rows = peers.map((peer) => rowOf(peer, OTHER));
    const troubled: Partial<Record<PeerState, number>> = {};
    for (const { health } of peers) {
      if (health === undefined || health.status === 'healthy') continue;
      troubled[health.status] = (troubled[health.status] ?? 0) + 1;
    }
    return {
      route,
      side,
      peer: OTHER,
      counters: { ...this.#sums },
      queuedIn: sum(rows, 'queuedIn'),
      queuedOut: sum(rows, 'queuedOut'),
      ageIn: Math.max(0, ...rows.map(({ ageIn }) => ageIn)),
      ageOut: Math.max(0, ...rows.map(({ ageOut }) => ageOut)),
      unanswered: sum(rows, 'unanswered'),
      troubled,
    };
  }
}

function sum(rows: readonly PeerRow[], key: 'queuedIn' | 'queuedOut' | 'unanswered'): number {
  return rows.reduce((total, row) => total + row[key], 0);
}

function rowOf({ of, health, ageIn, ageOut }: KnownPeer, peer: string): PeerRow {
  const { route, side, info } = of;
  const { queuedIn, queuedOut, unanswered } = info;
  const troubled = health === undefined || health.status === 'healthy' ? {} : { [health.status]: 1 };
  const counters = countersOf(info);
  return { route, side, peer, counters, queuedIn, queuedOut, ageIn, ageOut, unanswered, troubled };
}

function countersOf(info: PeerInfo): PeerCounters {
  const { messagesIn, messagesOut, bytesIn, bytesOut, dropped, highWaterMarkHits } = info;
  return { messagesIn, messagesOut, bytesIn, bytesOut, dropped, highWaterMarkHits };
}
