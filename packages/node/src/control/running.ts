/**
 * What runs: the texts that count, the keys set by hand above them, and the snapshot of both that everybody reads.
 *
 * Guarantees: the snapshot is replaced as a whole, after the node has taken the configuration over; whatever is wrong
 * before that changes nothing; a listener that throws holds nobody up.
 */

import { diffConfig } from '../config/diff.ts';
import type { LayersResult } from '../config/layers.ts';
import { loadLayers } from '../config/layers.ts';
import type { Problem } from '../config/problem.ts';
import type { Config, LogLevel } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import type { Audit } from './audit.ts';
import type { Texts } from './history.ts';
import { digestOf } from './history.ts';
import type { OpenedConfig } from './open.ts';
import { invalid, refusedBy } from './open.ts';
import type { Held } from './overrides.ts';
import { Overrides } from './overrides.ts';
import type { Actor, Applied, Listener, Override, Reloadable, ReloadReport, Snapshot } from './types.ts';

/** What counts below the keys set by hand. It is right without them, so that they can end at any time. */
export interface Base {
  readonly texts: Texts;
  readonly config: Config;
  readonly warnings: readonly Problem[];
  readonly digest: string;
  readonly origin: string;
}

export interface RunningOptions<A extends Applied> {
  readonly opened: OpenedConfig;
  /** It runs with `opened.config`. */
  readonly node: Reloadable<A>;
  readonly log: Log;
  readonly audit: Audit;
  readonly setLevel: (level: LogLevel) => void;
  /** The time of a key is over. */
  readonly expired: (override: Override) => void;
  readonly version: number;
  readonly by: Actor;
}

/** What is found in a base alone, once more. */
const NOTHING: Pick<LayersResult, 'problems' | 'orphans'> = { problems: [], orphans: [] };

export class Running<A extends Applied> {
  readonly overrides: Overrides;
  readonly #options: RunningOptions<A>;
  readonly #listeners: Set<Listener> = new Set();
  #snapshot: Snapshot;
  #base: Base;

  constructor(options: RunningOptions<A>) {
    const { opened, version, by } = options;
    const { texts, config, warnings } = opened;
    this.#options = options;
    this.overrides = new Overrides(options.expired);
    const origin = originOf(texts);
    this.#base = { texts, config, warnings, digest: digestOf(texts), origin };
    const rest = { overrides: [], restart: [] };
    this.#snapshot = freeze({ version, config, appliedAt: Date.now(), origin, by, ...rest });
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get base(): Base {
    return this.#base;
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Who is told of changes. */
  get listening(): number {
    return this.#listeners.size;
  }

  close(): void {
    this.overrides.close();
    this.#listeners.clear();
  }

  /** These texts, and above them these keys. */
  read(texts: Texts, all: readonly Held[]): LayersResult {
    const { nodeName, context } = this.#options.opened;
    return loadLayers({ ...texts, sets: all.map(({ set }) => set) }, nodeName, context);
  }

  /** Has the node take it over, and replaces the snapshot. `version`: of a base that is a new one. */
  async apply(
    by: Actor,
    base: Base,
    all: readonly Held[],
    version: number | null = null,
  ): Promise<ReloadReport<A>> {
    const before = this.#snapshot;
    const loaded = all.length === 0 ? { ...base, ...NOTHING } : this.read(base.texts, all);
    const { config, problems, orphans } = loaded;
    if (config === null) return invalid(problems);
    const changes = diffConfig(before.config, config);
    let applied: A | null = null;
    if (changes.length > 0) {
      try {
        applied = await this.#options.node.apply(config);
      } catch (error) {
        return refusedBy(error, 'RELOAD_FAILED');
      }
    }
    this.#base = base;
    const left = all.filter(({ set }) => !orphans.includes(set));
    const overrides = left.map(({ override }) => override);
    const restart = this.#late(config, applied);
    const warnings = loaded.warnings.map(({ key, message }) => (key === '' ? message : `${key}: ${message}`));
    warnings.push(...restart.map((key) => `${key}: counts from the next start`));
    for (const { override, set } of all) {
      if (!orphans.includes(set)) continue;
      warnings.push(`${override.key}: is not set any more, because what it was set of is gone`);
      this.#options.audit.orphaned(override.key, by);
    }
    const same = sameOverrides(overrides, before.overrides);
    // Of other texts only comments, or the order, may differ.
    if (!same || version !== null || changes.length > 0) {
      this.overrides.replace(left);
      const now = { version: version ?? before.version, appliedAt: Date.now(), origin: base.origin };
      this.#snapshot = freeze({ ...now, config, by, overrides, restart });
      if (config.log.level !== before.config.log.level) this.#options.setLevel(config.log.level);
      for (const listener of this.#listeners) this.#tell(listener, changes);
    }
    return { ok: true, version: this.#snapshot.version, changes, applied, warnings };
  }

  /** Keys that have another value now than the one that the node was started with, and keeps. */
  #late(config: Config, applied: A | null): readonly string[] {
    const differ = diffConfig(this.#options.opened.config, config).filter(({ reloadable }) => !reloadable);
    return [...new Set([...differ.map(({ key }) => key), ...(applied?.restart ?? [])])];
  }

  #tell(listener: Listener, changes: Parameters<Listener>[1]): void {
    try {
      listener(this.#snapshot, changes);
    } catch (err) {
      this.#options.log.event('config:listener', { err });
    }
  }
}

export function originOf({ centre, file }: Texts): string {
  return centre === null ? file.name : `${centre.name} + ${file.name}`;
}

function sameOverrides(a: Snapshot['overrides'], b: Snapshot['overrides']): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}

function freeze(snapshot: Snapshot): Snapshot {
  Object.freeze(snapshot.overrides);
  Object.freeze(snapshot.restart);
  return Object.freeze(snapshot);
}
