/**
 * The configuration of a running node.
 *
 * Guarantees: readers see one immutable {@link Snapshot}, replaced as a whole.
 */

import type {
  Actor,
  Applied,
  DiffReport,
  HistoryEntry,
  Listener,
  ReloadOutcome,
  ReloadReport,
  SetOptions,
  Snapshot,
  SourceStatus,
} from './types.ts';

export interface Control<A extends Applied = Applied> {
  readonly snapshot: Snapshot;
  /** Reads the file and the centre, and applies what they say. */
  reload(by: Actor): Promise<ReloadReport<A>>;
  /** `value` is a scalar or a flow of YAML. */
  set(key: string, value: string, options: SetOptions): Promise<ReloadReport<A>>;
  unset(key: string, by: Actor): Promise<ReloadReport<A>>;
  /** Null: the version before the one that runs. */
  rollback(version: number | null, by: Actor): Promise<ReloadReport<A>>;
  /** What a reload would change. */
  diff(): Promise<DiffReport>;
  /** The newest last. */
  history(): readonly HistoryEntry[];
  sources(): readonly SourceStatus[];
  /** Null: there was none yet. */
  lastReload(): ReloadOutcome | null;
  /** Reloads that were applied and refused, for metrics. */
  readonly reloads: { readonly accepted: number; readonly refused: number };
  listen(listener: Listener): () => void;
  /** Who listens. */
  readonly listening: number;
  close(): Promise<void>;
}
