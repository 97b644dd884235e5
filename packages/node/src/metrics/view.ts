/**
 * Everything that the metrics are read from, at one moment.
 *
 * Guarantees: each source is asked once for all families together; nothing of it is kept.
 */

import type { RouteStatus } from '../flow/status.ts';
import type { LoopDelay } from '../health/loop.ts';
import type { HealthReport, PeerHealth } from '../health/types.ts';
import type { SessionsStatus } from '../session/server.ts';
import type { Stream } from '../store/store.ts';
import type { Ages } from './ages.ts';
import type { GroupRow } from './groups.ts';
import { groupRows } from './groups.ts';
import type { Timings } from './measures.ts';
import type { KnownPeer, PeerRow, PeerTable } from './peers.ts';
import type { ProcessFigures, ProcessMonitor } from './process.ts';
import type { Refusals } from './refusals.ts';
import type { ConfigurationFigures, ExportFigures, MetricSources, Signal } from './sources.ts';

export interface View {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly routes: readonly RouteStatus[];
  readonly peers: readonly PeerRow[];
  readonly peerHealth: readonly PeerHealth[];
  /** Milliseconds by `route/side`, of the oldest that waits there. */
  readonly ages: ReadonlyMap<string, { readonly in: number; readonly out: number }>;
  readonly streams: readonly Stream[];
  readonly paused: boolean;
  readonly groups: readonly GroupRow[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly sessions: SessionsStatus | null;
  readonly timings: Timings;
  readonly refusals: Refusals;
  readonly health: HealthReport;
  readonly loop: LoopDelay;
  readonly configuration: ConfigurationFigures | null;
  readonly exports: ReadonlyMap<Signal, ExportFigures>;
  readonly process: ProcessFigures;
}

/** What is kept from one moment to the next. */
export interface Keepers {
  readonly timings: Timings;
  readonly ages: Ages;
  readonly refusals: Refusals;
  readonly peers: PeerTable;
  readonly process: ProcessMonitor;
  readonly exports: ReadonlyMap<Signal, ExportFigures>;
}

export async function takeView(sources: MetricSources, keepers: Keepers): Promise<View> {
  const process = await keepers.process.figures();
  const { node, health, version } = sources;
  const routes = node.status();
  const streams = node.streams();
  const sessions = node.sessionStatus();
  const peerHealth = health.peers();
  const known = knownPeers(sources, peerHealth, keepers.ages);
  const routeNames = new Set(routes.map(({ name }) => name));
  keepers.timings.keep(routeNames, new Set(streams.map(({ name }) => name)));
  keepers.refusals.keep(routeNames);
  const now = Date.now();
  return {
    version,
    startedAt: node.startedAt,
    routes,
    peers: keepers.peers.rows(known),
    peerHealth,
    ages: sideAges(known),
    streams,
    paused: node.pausedSince !== null,
    groups: groupRows(sessions?.groups ?? [], now),
    now,
    sessions,
    timings: keepers.timings,
    refusals: keepers.refusals,
    health: health.report(),
    loop: health.loop(),
    configuration: sources.configuration?.() ?? null,
    exports: keepers.exports,
    process,
  };
}

function knownPeers({ node }: MetricSources, all: readonly PeerHealth[], ages: Ages): KnownPeer[] {
  const health = new Map(all.map((each) => [each.id, each]));
  return node.peers().map((of) => {
    const { in: ageIn, out: ageOut } = ages.of(of.info);
    return { of, health: health.get(of.info.id), ageIn, ageOut };
  });
}

function sideAges(peers: readonly KnownPeer[]): View['ages'] {
  const ages = new Map<string, { in: number; out: number }>();
  for (const { of, ageIn, ageOut } of peers) {
    if (ageIn + ageOut === 0) continue;
    const key = `${of.route}/${of.side}`;
    const age = ages.get(key) ?? { in: 0, out: 0 };
    ages.set(key, { in: Math.max(age.in, ageIn), out: Math.max(age.out, ageOut) });
  }
  return ages;
}
