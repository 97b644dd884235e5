/**
 * Metrics and telemetry of a daemon, each loaded when somebody looks; durations are noted from the start.
 *
 * Guarantees: what nobody looks at costs a check where it would be told; a collector that does not answer holds nothing up.
 */
import { streamsOf } from '../config/streams.ts';
import type { Config } from '../config/types.ts';
import type { Control } from '../control/control.ts';
import type { Node, StartOptions } from '../flow/topology.ts';
import type { Health } from '../health/health.ts';
import type { LevelLog } from '../log/create.ts';
import type { LogTap } from '../log/tap.ts';
import { Timings } from '../metrics/measures.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** What there is to be measured. */
interface Measured {
  readonly node: Node;
  readonly health: Health;
  readonly control: Control;
  readonly config: Config;
}

export class Instruments {
  readonly #options: { readonly log: LevelLog; readonly tap: LogTap; readonly version: string };
  /** From the start: what was not measured can't be looked up later. */
  readonly #timings: Timings = new Timings();
  #measured: Measured | null = null;
  #metrics: Promise<Metrics> | null = null;
  #telemetry: Telemetry | null = null;

  constructor(options: { readonly log: LevelLog; readonly tap: LogTap; readonly version: string }) {
    this.#options = options;
  }

  /** For `startNode`. */
  get hooks(): Pick<StartOptions, 'measures' | 'spans'> {
    return {
      measures: this.#timings,
      spans: {
        published: (...record) => this.#telemetry?.spans.published(...record) ?? record[2],
        delivered: (...record) => this.#telemetry?.spans.delivered(...record),
      },
    };
  }

  async start(measured: Measured): Promise<void> {
    this.#measured = measured;
    await this.apply(measured.config);
  }

  /** Follows the configuration. */
  async apply(config: Config): Promise<void> {
    const names = (all: readonly { readonly name: string }[]): Set<string> =>
      new Set(all.map(({ name }) => name));
    this.#timings.keep(names(config.routes), names(streamsOf(config)));
    if (config.telemetry === null && this.#telemetry === null) return;
    if (this.#telemetry === null) {
      const { createTelemetry } = await import('../telemetry/telemetry.ts');
      const { log, tap, version } = this.#options;
      this.#telemetry = createTelemetry({ metrics: await this.#load(), log, tap, version });
    }
    await this.#telemetry.apply(config);
  }

  /** For Prometheus. */
  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    const metrics = await this.#load();
    return { contentType: metrics.contentType, text: await metrics.text() };
  }

  /** `timeout`: milliseconds to send what waits for a collector. */
  async close(timeout: number): Promise<void> {
    await this.#telemetry?.stop(timeout);
    (await this.#metrics)?.close();
  }

  #load(): Promise<Metrics> {
    this.#metrics ??= this.#make().catch((error: unknown) => {
      // Who asks next tries again, and a stop has nothing to close.
      this.#metrics = null;
      throw error;
    });
    return this.#metrics;
  }

  async #make(): Promise<Metrics> {
    const { createMetrics } = await import('../metrics/metrics.ts');
    const { node, health, control } = this.#measured as Measured;
    const configuration = () => ({
      version: control.snapshot.version,
      reloads: control.reloads,
      overrides: control.snapshot.overrides.length,
      sources: control.sources().map(({ name, state }) => ({ name, up: state === 'up' })),
    });
    const { version } = this.#options;
    return createMetrics({ node, health, timings: this.#timings, version, configuration });
  }
}
