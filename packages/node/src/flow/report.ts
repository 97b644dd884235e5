/** What became of the messages of a route that was drained. */
import type { Log } from '../log/log.ts';
import type { Route } from './route.ts';

export interface RouteReport {
  readonly route: string;
  /** Messages that were accepted and not delivered by the end. */
  readonly undelivered: number;
  /** Messages that were accepted, are not delivered, and stay in the route's stream. */
  readonly kept: number;
  /** Messages handed to the operating system since the route was made, for each peer of its own. */
  readonly forwarded: number;
  /** Messages dropped since then, as ZeroMQ's rules ask, without those of `undelivered`. */
  readonly dropped: number;
}

export async function drainRoute(
  route: Route,
  drain: { timeout: number; signal?: AbortSignal },
): Promise<RouteReport> {
  const left = await route.drain(drain);
  return { route: route.name, ...left, ...route.totals() };
}

export function logReport(log: Log, report: RouteReport): void {
  log.event(report.undelivered > 0 ? 'route:undelivered' : 'route:stopped', { ...report });
}
