/**
 * What the control API shows of a running node.
 *
 * Guarantees: everything is read when it is asked for, and nothing is kept; times are ISO 8601, durations milliseconds
 * with the unit in the name.
 */
import type { Override, ReloadReport, Snapshot, SourceStatus } from '../control/types.ts';
import type { Census } from '../health/census.ts';
import type { PeerHealth } from '../health/types.ts';
import type { Stream } from '../store/store.ts';
import type { AdminParts } from './operation.ts';

/** Troubled peers in a status: more don't help. */
const MAX_TROUBLED = 100;

export function iso(time: number): string;
export function iso(time: number | null): string | null;
export function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

export function statusView(parts: AdminParts): object {
  const { node, control, health } = parts;
  const peers = health.peers();
  const sessions = node.sessionStatus();
  return {
    time: iso(Date.now()),
    node: nodeView(parts),
    health: health.report(),
    config: configurationView(control.snapshot, control.sources()),
    routes: routeViews(parts),
    streams: streamViews(parts),
    sessions:
      sessions === null
        ? null
        : {
            sessions: sessions.sessions,
            connected: sessions.connected,
            consumers: sessions.consumers,
            malformed: sessions.malformed,
          },
    peers: {
      total: peers.length,
      troubled: peers
        .filter(({ verdict }) => verdict !== 'healthy')
        .slice(0, MAX_TROUBLED)
        .map(peerView),
    },
  };
}

export function censusView({ baseAt, at, sections }: Census): object {
  return { baseAt: iso(baseAt), at: iso(at), ...sections };
}

export function nodeView({ node, version, startedAt }: AdminParts): object {
  return {
    name: node.name,
    version,
    pid: process.pid,
    runtime: `node ${process.version}`,
    startedAt: iso(startedAt),
    uptimeMs: Math.round(process.uptime() * 1000),
    pausedSince: iso(node.pausedSince),
    sessions: node.sessions,
  };
}

export function configurationView(snapshot: Snapshot, sources: readonly SourceStatus[]): object {
  const { version, origin, appliedAt, by, overrides, restart } = snapshot;
  return {
    version,
    origin,
    appliedAt: iso(appliedAt),
    by,
    overrides: overrides.map(overrideView),
    restart,
    sources: sources.map(({ name, state, since, revision, error }) => ({
      name,
      state,
      since: iso(since),
      revision,
      error,
    })),
  };
}

function overrideView({ key, value, by, at, expiresAt }: Override): object {
  return { key, value, by, at: iso(at), expiresAt: iso(expiresAt) };
}

export function routeViews({ node }: AdminParts): readonly object[] {
  return node.status().map((route) => ({
    ...route,
    stream: route.stream === null ? null : { ...route.stream, waitingSince: iso(route.stream.waitingSince) },
  }));
}

export function streamViews({ node }: AdminParts): readonly object[] {
  const groups = node.sessionStatus()?.groups ?? [];
  return node.streams().map((stream) => streamView(stream, groups));
}

type Group = NonNullable<ReturnType<AdminParts['node']['sessionStatus']>>['groups'][number];

function streamView(stream: Stream, all: readonly Group[]): object {
  const { name, first, committed, stats, trouble } = stream;
  const groups = all
    .filter((one) => one.stream === name)
    .map(({ group, consumers, inFlight, lag }) => ({ group, consumers, inFlight, lag }));
  const { bytes, pending } = stats;
  return { name, first, next: committed, bytes, pending, trouble: trouble?.message ?? null, groups };
}

export function peerView({ since, ...peer }: PeerHealth): object {
  return { ...peer, since: iso(since) };
}

/** What a change of the configuration did. */
export function reloadView(report: ReloadReport & { readonly ok: true }): object {
  const { version, changes, applied, warnings } = report;
  if (applied === null) return { version, changes, applied, warnings };
  const { added, removed, changed, kept, restart, elapsed } = applied;
  return {
    version,
    changes,
    applied: { added, removed, changed, kept, restart, elapsedMs: elapsed },
    warnings,
  };
}
