/**
 * The components of the health, and the verdict over all of them.
 *
 * Guarantees: `reportOf` is pure; the disk is asked without blocking, and never twice at a time. Down: a route has failed
 * or its stream accepts nothing. Degraded: it works, and somebody should look.
 */
import { statfs } from 'node:fs/promises';
import { streamsOf } from '../config/streams.ts';
import type { Config } from '../config/types.ts';
import { formatDuration, formatSize } from '../config/units.ts';
import { wordsOf } from '../flow/errors.ts';
import type { RouteStatus } from '../flow/status.ts';
import type { SessionsStatus } from '../session/server.ts';
import type { Stream } from '../store/store.ts';
import type { LoopDelay } from './loop.ts';
import type { Registry } from './registry.ts';
import type {
  Component,
  ComponentStatus,
  HealthReport,
  PeerHealth,
  ReloadHealth,
  SourceHealth,
} from './types.ts';

/** Names in a message. */
const NAMES_MOST = 5;

/** What the verdict is made of, all of one moment. */
export interface Findings {
  readonly config: Config;
  readonly routes: readonly RouteStatus[];
  readonly streams: readonly Stream[];
  /** Null: there are none. */
  readonly sessions: SessionsStatus | null;
  readonly peers: readonly PeerHealth[];
  readonly registry: Pick<Registry, 'list'>;
  /** Null: nothing is kept on a disk. */
  readonly disk: DiskFigures | null;
  readonly loop: LoopDelay;
  readonly sources: readonly SourceHealth[];
  readonly reload: ReloadHealth | null;
  /** Since when the node takes nothing in, because somebody wants so; null: it does. */
  readonly pausedSince: number | null;
  readonly stopping: boolean;
}

export function reportOf(findings: Findings): HealthReport {
  const { config, disk, sessions } = findings;
  const components: Record<string, Component> = {
    routes: routes(findings),
    peers: peers(findings),
    eventLoop: eventLoop(findings),
    configuration: configuration(findings),
  };
  if (findings.pausedSince !== null) components.intake = intake(findings.pausedSince);
  if (findings.streams.length > 0) components.streams = streams(findings);
  if (sessions !== null) components.sessions = sessionsOf(sessions);
  if (disk !== null) components.disk = diskOf(disk, config.health.diskFree);
  if (findings.sources.length > 0) components.source = source(findings);
  const services = findings.registry.list();
  if (services.length > 0) components.services = servicesOf(services);
  const status = worst(Object.values(components).map((component) => component.status));
  const live = !findings.routes.some(({ state }) => state === 'failed');
  const running = findings.routes.every(({ state }) => state === 'running');
  const takes = running && status !== 'down' && !findings.stopping && findings.pausedSince === null;
  return { status, live, ready: live && takes, components };
}

function worst(all: readonly ComponentStatus[]): ComponentStatus {
  if (all.includes('down')) return 'down';
  return all.includes('degraded') ? 'degraded' : 'up';
}

function routes({ routes: all }: Findings): Component {
  const failed = all.filter(({ state }) => state === 'failed').map(({ name }) => name);
  const held = all.filter(({ stream }) => (stream?.trouble ?? null) !== null);
  const figures = { routes: all.length, failed: failed.length, held: held.length };
  if (failed.length > 0) return { status: 'down', message: `failed: ${some(failed)}`, ...figures };
  const [first] = held;
  if (first === undefined) return { status: 'up', ...figures };
  const names = some(held.map(({ name }) => name));
  return { status: 'down', message: `take nothing: ${names}. ${first.stream?.trouble ?? ''}`, ...figures };
}

function intake(since: number): Component {
  const message = 'paused: nothing is taken in, what is here is delivered';
  return { status: 'degraded', message, pausedSince: new Date(since).toISOString() };
}

function streams({ streams: all }: Findings): Component {
  const troubled = all.filter(({ trouble }) => trouble !== null);
  const full = all.filter(({ trouble, hasRoom }) => trouble === null && !hasRoom).map(({ name }) => name);
  const figures = { streams: all.length, troubled: troubled.length, full: full.length };
  const [first] = troubled;
  if (first !== undefined) {
    const names = some(troubled.map(({ name }) => name));
    return {
      status: 'degraded',
      message: `accept no records: ${names}. ${first.trouble!.message}`,
      ...figures,
    };
  }
  // Producers wait: for the disk, or for a consumer. That is what a stream is for, but somebody may like to know.
  if (full.length > 0) return { status: 'up', message: `full at the moment: ${some(full)}`, ...figures };
  return { status: 'up', ...figures };
}

function peers({ peers: all, routes: routesNow }: Findings): Component {
  const figures = { healthy: 0, slow: 0, silent: 0, gone: 0, isolated: 0 };
  /** Sides that give messages to one of several, and none is left. */
  const sides = new Map<string, { well: number; isolated: number }>();
  let unwell = 0;
  for (const { route, side, status, verdict, isolated } of all) {
    figures[status]++;
    if (isolated) figures.isolated++;
    if (status === 'gone') continue;
    if (verdict === 'unhealthy') unwell++;
    const counts = sides.get(`${route} ${side}`) ?? { well: 0, isolated: 0 };
    counts[isolated ? 'isolated' : 'well']++;
    sides.set(`${route} ${side}`, counts);
  }
  const waiting = routesNow
    .map(({ name }) => name)
    .filter((name) => {
      const counts = sides.get(`${name} backend`);
      return counts !== undefined && counts.isolated > 0 && counts.well === 0;
    });
  if (unwell === 0 && waiting.length === 0) return { status: 'up', ...figures };
  const told = `${unwell} unhealthy: ${some(unwellOf(all))}`;
  if (waiting.length === 0) return { status: 'degraded', message: told, ...figures };
  const message = `${told}; nobody is left at ${some(waiting)}: its messages wait, and its producers are held up`;
  return { status: 'degraded', message, ...figures };
}

function unwellOf(all: readonly PeerHealth[]): string[] {
  const unwell = all.filter(({ status, verdict }) => status !== 'gone' && verdict === 'unhealthy');
  return unwell.map(({ route, side, routingId, remote }) => `${route}/${side} ${routingId ?? remote}`);
}

function eventLoop({ config, loop }: Findings): Component {
  const { recent, sinceStart, utilization } = loop;
  const figures = {
    maxMs: round(recent.max),
    p99Ms: round(recent.p99),
    meanMs: round(recent.mean),
    maxSinceStartMs: round(sinceStart.max),
    utilization: Math.round(utilization * 1000) / 1000,
  };
  const limit = config.health.loopDelay;
  if (recent.max <= limit) return { status: 'up', ...figures };
  const held = `held up for ${formatDuration(Math.round(recent.max))} within the last ten seconds`;
  return { status: 'degraded', message: `${held}; health.loopDelay is ${formatDuration(limit)}`, ...figures };
}

function configuration({ reload }: Findings): Component {
  if (reload === null) return { status: 'up' };
  const figures = { reloadedAt: new Date(reload.at).toISOString() };
  if (reload.ok) return { status: 'up', ...figures };
  const why = reload.message ?? 'see the log';
  return { status: 'degraded', message: `the last reload was refused: ${why}`, ...figures };
}

function sessionsOf({ sessions, connected, consumers }: SessionsStatus): Component {
  return { status: 'up', sessions, connected, suspended: sessions - connected, consumers };
}

function source({ sources }: Findings): Component {
  const down = sources.filter(({ status }) => status === 'down');
  const figures = { sources: sources.length, down: down.length };
  const [first] = down;
  if (first === undefined) return { status: 'up', ...figures };
  const why = first.message === null ? '' : `: ${first.message}`;
  return { status: 'degraded', message: `${some(down.map(({ name }) => name))}${why}`, ...figures };
}

function servicesOf(all: readonly { service: string; instance: string; status: string }[]): Component {
  const figures = { instances: all.length, healthy: 0, degraded: 0, unhealthy: 0 };
  for (const { status } of all) figures[status as 'healthy' | 'degraded' | 'unhealthy']++;
  if (figures.unhealthy === 0) return { status: 'up', ...figures };
  const names = all.filter(({ status }) => status === 'unhealthy');
  const message = `unhealthy: ${some(names.map(({ service, instance }) => `${service}/${instance}`))}`;
  return { status: 'degraded', message, ...figures };
}

function diskOf({ free, size, trouble }: DiskFigures, wanted: number): Component {
  if (trouble !== null) return { status: 'degraded', message: trouble };
  if (free === null || size === null) return { status: 'up' };
  const figures = { freeBytes: free, sizeBytes: size };
  if (free >= wanted) return { status: 'up', ...figures };
  const message = `${formatSize(floorMib(free))} free; health.diskFree is ${formatSize(wanted)}`;
  return { status: 'degraded', message, ...figures };
}

export interface DiskFigures {
  /** Octets; null: not known yet. */
  readonly free: number | null;
  readonly size: number | null;
  readonly trouble: string | null;
}

/** The disk of the streams. */
export class Disk {
  #figures: DiskFigures | null = null;
  #asking = false;

  /** Null: nothing is kept on a disk. */
  get figures(): DiskFigures | null {
    return this.#figures;
  }

  async look(config: Config): Promise<void> {
    if (config.sessions === null && streamsOf(config).length === 0) {
      this.#figures = null;
      return;
    }
    const { dataDir } = config.node;
    this.#figures ??= { free: null, size: null, trouble: null };
    if (this.#asking) {
      // A network disk that is gone holds the call for as long as it likes.
      this.#figures = { ...this.#figures, trouble: `the disk of ${dataDir} does not answer` };
      return;
    }
    this.#asking = true;
    try {
      const { bavail, blocks, bsize } = await statfs(dataDir);
      this.#figures = { free: bavail * bsize, size: blocks * bsize, trouble: null };
    } catch (error) {
      this.#figures = {
        free: null,
        size: null,
        trouble: `cannot look at the disk of ${dataDir}: ${wordsOf(error)}`,
      };
    } finally {
      this.#asking = false;
    }
  }
}

function some(names: readonly string[]): string {
  const more = names.length - NAMES_MOST;
  return names.slice(0, NAMES_MOST).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

function floorMib(octets: number): number {
  return Math.floor(octets / 1048576) * 1048576;
}
