/**
 * A node with everything around it: what `zeroth run` runs, and a service of the system.
 *
 * Guarantees: resolves when everything is bound and forwarding has begun, or rejects and leaves nothing open; a new
 * configuration is taken over by all parts or by none; `stop` takes everything apart in the reverse order, can be called
 * again, and leaves no handle or timer. What is not needed for the first message is loaded after the routes are up.
 */

import type { LocalEnvironment } from '../admin/local.ts';
import type { Admin } from '../admin/server.ts';
import type { Config } from '../config/types.ts';
import type { Control } from '../control/control.ts';
import type { OpenedConfig } from '../control/open.ts';
import type { Actor, ReloadReport } from '../control/types.ts';
import type { Applied, Node, StopOptions, StopReport } from '../flow/topology.ts';
import { startNode } from '../flow/topology.ts';
import type { Census, CensusOptions, CensusParts } from '../health/census.ts';
import { CensusTaker } from '../health/census.ts';
import type { Health } from '../health/health.ts';
import type { LevelLog } from '../log/create.ts';
import type { LogTap } from '../log/tap.ts';
import { Instruments } from './instruments.ts';

export interface DaemonOptions {
  readonly opened: OpenedConfig;
  readonly log: LevelLog;
  /** Of `log`: who reads along comes and goes with the configuration. */
  readonly tap: LogTap;
  readonly version: string;
  /** Where the local socket may be. */
  readonly environment: LocalEnvironment;
  /** Told what the start is doing, as often as it gets on with it: `recovering events, segment 2 of 9, 412 MiB read`. */
  readonly progress?: (text: string) => void;
}

/** Milliseconds that the last spans and lines have to reach their collector. */
const TELEMETRY_WITHIN = 2000;

/** @throws what `startNode` throws, and ZerothError BIND_FAILED, ADMIN_TOKEN_FILE. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const daemon = new Daemon(options);
  try {
    await daemon.start();
  } catch (error) {
    await daemon.stop({ timeout: 0 });
    throw error;
  }
  return daemon;
}

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #instruments: Instruments;
  readonly #startedAt: number = Date.now();
  #node: Node | null = null;
  #health: Health | null = null;
  #control: Control<Applied> | null = null;
  #admin: Admin | null = null;
  #census: CensusTaker | null = null;
  #stopping: Promise<StopReport> | null = null;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#instruments = new Instruments(options);
  }

  async start(): Promise<void> {
    const { opened, log, version, environment, progress = () => {} } = this.#options;
    const { config } = opened;
    const node = await startNode(config, { log, progress, ...this.#instruments.hooks });
    this.#node = node;
    const { startHealth } = await import('../health/health.ts');
    const health = startHealth({
      node,
      config: node.config,
      log,
      sources: () =>
        (this.#control?.sources() ?? []).map(({ name, state, error }) => ({
          name,
          status: state === 'up' ? 'up' : 'down',
          message: error,
        })),
      reload: () => this.#control?.lastReload() ?? null,
    });
    this.#health = health;
    progress('opening configuration');
    const { startControl } = await import('../control/start.ts');
    const control = await startControl({
      opened,
      node: { apply: (next: Config) => this.#apply(next) },
      log,
      setLevel: (level) => log.setLevel(level),
    });
    this.#control = control;
    await this.#instruments.start({ node, health, control, config: node.config });
    progress('binding control');
    const { startAdmin } = await import('../admin/server.ts');
    this.#admin = await startAdmin({
      parts: {
        node,
        control,
        health,
        metrics: () => this.#instruments.text(),
        census: (options) => this.census(options),
        version,
        startedAt: this.#startedAt,
      },
      config: node.config,
      log,
      environment,
    });
    this.#census = new CensusTaker(() => this.#parts());
  }

  get node(): Node {
    return started(this.#node);
  }

  get control(): Control<Applied> {
    return started(this.#control);
  }

  /** Where the control API is, over TCP and ipc. */
  get addresses(): readonly string[] {
    return this.#admin?.addresses ?? [];
  }

  /** The local socket; null: there is none. */
  get local(): string | null {
    return this.#admin?.local ?? null;
  }

  reload(by: Actor): Promise<ReloadReport<Applied>> {
    return this.control.reload(by);
  }

  /** Takes nothing in any more, goes on delivering; resolves when nothing more is taken. See {@link Node.pause}. */
  pause(reason?: string): Promise<void> {
    return this.node.pause(reason);
  }

  /** Takes in again. */
  resume(reason?: string): Promise<void> {
    return this.node.resume(reason);
  }

  /** Whether it does its work: what a watchdog asks. */
  get live(): boolean {
    return this.#health?.report().live ?? true;
  }

  get paused(): boolean {
    return this.node.pausedSince !== null;
  }

  /** What the process has open, when it was ready and now. */
  census(options: CensusOptions = {}): Census {
    return started(this.#census).take(options);
  }

  #parts(): CensusParts {
    const { node, listeners } = this.node.census();
    const { lines, records } = this.#options.tap;
    const ofLog = { 'log lines': lines.size, 'log records': records.size };
    return {
      node: { ...node, ...this.#admin?.census() },
      listeners: { ...listeners, configuration: this.control.listening, ...ofLog },
    };
  }

  /** Resolves with the first route that fails on its own; with null when the node was stopped. */
  failed(): ReturnType<Node['failed']> {
    return this.node.failed();
  }

  /** A second call gets the same report. */
  stop(options: StopOptions = {}): Promise<StopReport> {
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  async #stop(options: StopOptions): Promise<StopReport> {
    // From now on it says that it is not ready, to whoever asks, until it has delivered.
    this.#health?.stop();
    // It waits for a change that is under way, and that for what drains: the time of the stop counts for both.
    const closed = this.#control?.close();
    try {
      return (await this.#node?.stop(options)) ?? { routes: [], undelivered: 0, elapsed: 0 };
    } finally {
      await closed;
      await this.#admin?.close();
      // What is folded reaches the collector, too.
      this.#options.log.flush();
      await this.#instruments.close(TELEMETRY_WITHIN);
    }
  }

  /** The control API first: it can be put back without a trace. */
  async #apply(next: Config): Promise<Applied> {
    const { node } = this;
    const before = node.config;
    await this.#admin?.apply(next);
    let applied: Applied;
    try {
      applied = await node.apply(next);
    } catch (error) {
      await this.#admin?.apply(before);
      throw error;
    }
    this.#health?.apply(node.config);
    await this.#instruments.apply(node.config);
    return applied;
  }
}

function started<T>(part: T | null): T {
  if (part === null) throw new Error('the daemon was not started');
  return part;
}
