/**
 * Where the figures come from: what metrics need of the node and of who runs it.
 *
 * Guarantees: types only. Everything is asked when somebody reads the metrics, and nothing is kept of it.
 */

import type { PeerEvent, RoutePeer } from '../flow/status.ts';
import type { LoopDelay } from '../health/loop.ts';
import type { HealthReport, PeerHealth, WatchedNode } from '../health/types.ts';
import type { Timings } from './measures.ts';

export interface NodeFigures
  extends Pick<WatchedNode, 'status' | 'streams' | 'sessionStatus' | 'pausedSince'> {
  peers(): readonly RoutePeer[];
  watch(listener: (event: Pick<PeerEvent, 'route' | 'side' | 'type'>) => void): () => void;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

export interface HealthFigures {
  report(): HealthReport;
  peers(): readonly PeerHealth[];
  loop(): LoopDelay;
}

/** Of the configuration that runs, and of where it comes from. */
export interface ConfigurationFigures {
  readonly version: number;
  readonly reloads: { readonly accepted: number; readonly refused: number };
  /** Keys that are set by hand. */
  readonly overrides: number;
  readonly sources: readonly { readonly name: string; readonly up: boolean }[];
}

/** What became of what was to be sent to a collector: log lines, spans, exports of metrics. */
export interface ExportFigures {
  exported: number;
  failed: number;
  /** Given up before an attempt, because too many waited. */
  dropped: number;
}

export const SIGNALS = ['metrics', 'logs', 'traces'] as const;
export type Signal = (typeof SIGNALS)[number];

export interface MetricSources {
  readonly node: NodeFigures;
  readonly health: HealthFigures;
  /** What `startNode` was given to measure with. */
  readonly timings: Timings;
  /** Of this program. */
  readonly version: string;
  readonly configuration?: () => ConfigurationFigures;
}
