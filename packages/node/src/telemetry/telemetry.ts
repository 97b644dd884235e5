/**
 * OpenTelemetry: metrics, log and traces go to a collector, if the configuration says so.
 *
 * Guarantees: without `telemetry` in the configuration nothing of OpenTelemetry is loaded, a log line costs one check and a
 * record with a trace context one call. With it, a collector that is slow or gone never holds anything up: what waits for it is
 * bounded, the rest is dropped and counted, and the log says so once a minute. `stop` sends what waits, ends within its
 * time, and can be called again.
 */
import type { Config } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import type { LogTap } from '../log/tap.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { SpanHook } from '../session/spans.ts';
import type { Pipeline } from './pipeline.ts';

export interface TelemetryOptions {
  readonly metrics: Metrics;
  /** The log's lines. */
  readonly tap: LogTap;
  readonly log: Log;
  /** Of this program. */
  readonly version: string;
}

export interface Telemetry {
  /** For the sessions. The same object whatever is configured. */
  readonly spans: SpanHook;
  /** Follows the configuration: at the start, and after each change. Never throws. */
  apply(config: Config): Promise<void>;
  /** Sends what waits, for `timeout` ms at most, and closes. */
  stop(timeout: number): Promise<void>;
}

/** Milliseconds that a pipeline has to send what waits when it is replaced. */
const REPLACED_WITHIN = 5000;

export function createTelemetry(options: TelemetryOptions): Telemetry {
  let current: { readonly pipeline: Pipeline; readonly key: string } | null = null;
  let turn: Promise<void> = Promise.resolve();
  let stopped = false;
  /** Replaced, and still sending. */
  const closing = new Set<Pipeline>();

  const retire = (): void => {
    if (current === null) return;
    const { pipeline } = current;
    current = null;
    closing.add(pipeline);
    void pipeline.close(REPLACED_WITHIN).then(() => closing.delete(pipeline));
  };

  const follow = async ({ node, telemetry }: Config): Promise<void> => {
    const key = JSON.stringify([node.name, telemetry]);
    if (stopped || current?.key === key) return;
    retire();
    if (telemetry === null) return;
    try {
      const { openPipeline } = await import('./pipeline.ts');
      const pipeline = openPipeline({ ...options, config: telemetry, nodeName: node.name });
      current = { pipeline, key };
    } catch (err) {
      options.log.event('telemetry:unavailable', { err });
    }
  };

  return {
    spans: {
      published: (stream, sequence, traceparent) =>
        current?.pipeline.spans?.published(stream, sequence, traceparent) ?? traceparent,
      delivered: (stream, group, sequence, traceparent) =>
        current?.pipeline.spans?.delivered(stream, group, sequence, traceparent),
    },
    apply: (config) => {
      turn = turn.then(() => follow(config));
      return turn;
    },
    stop: async (timeout) => {
      stopped = true;
      await turn;
      retire();
      await Promise.all([...closing].map((pipeline) => pipeline.close(timeout)));
    },
  };
}
