/**
 * The official SDK of OpenTelemetry, put together: loaded by telemetry.ts only when it is configured.
 *
 * Guarantees: see telemetry.ts. Nothing is registered globally, so that several nodes of one process are apart.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { Resource } from '@opentelemetry/resources';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { TelemetryConfig } from '../config/types.ts';
import type { Signal } from '../metrics/sources.ts';
import type { SpanHook } from '../session/spans.ts';
import { Backlog } from './backlog.ts';
import type { Done } from './exporter.ts';
import { EXPORT_WITHIN, Exports } from './exporter.ts';
import { parseHeaders } from './headers.ts';
import { metricData } from './points.ts';
import { logRecord } from './records.ts';
import { spanHook } from './spans.ts';
import type { TelemetryOptions } from './telemetry.ts';

export interface PipelineOptions extends TelemetryOptions {
  readonly config: TelemetryConfig;
  readonly nodeName: string;
}

export interface Pipeline {
  /** Null: traces are off. */
  readonly spans: SpanHook | null;
  /** A second call has its own time: the shorter one counts. */
  close(timeout: number): Promise<void>;
}

/** Log lines, and spans, that may wait for the collector. */
const WAITING = 2048;
/** Of one request. */
const BATCH = 512;
/** Milliseconds that a log line or span waits for others. */
const DELAY = 1000;
/** Milliseconds that a collector which fails has for what waits at the end. */
const PATIENCE = 200;

export function openPipeline(options: PipelineOptions): Pipeline {
  const { config, nodeName, version, log } = options;
  let flushed: Promise<unknown> | null = null;
  /** What still comes to an end is no news. */
  let closed = false;
  const failing = new Set<Signal>();
  const told = (signal: Signal, error: Error | null): void => {
    if (closed) return;
    if (error !== null) {
      failing.add(signal);
      log.event('telemetry:failed', { signal, reason: reasonOf(error) });
    } else if (failing.delete(signal)) {
      log.event('telemetry:recovered', { signal });
    }
  };
  const agents: HttpAgent[] = [];
  const exports = new Exports();
  const parts: Parts = {
    options,
    exports,
    told,
    resource: resourceFromAttributes({
      'service.name': 'zeroth',
      'service.instance.id': nodeName,
      'service.version': version,
    }),
    to: (path) => ({
      url: new URL(`${config.endpoint.replace(/\/+$/, '')}${path}`).href,
      headers: parseHeaders(config.headers),
      timeoutMillis: EXPORT_WITHIN,
      concurrencyLimit: 2,
      httpAgentOptions: (protocol) => {
        const agent =
          protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
        agents.push(agent);
        return agent;
      },
    }),
  };
  const metrics = config.metrics ? openMetrics(parts) : null;
  const logs = config.logs ? openLogs(parts) : null;
  const traces = config.traces ? openTraces(parts) : null;
  return {
    spans: traces?.spans ?? null,
    close: async (timeout) => {
      logs?.detach();
      flushed ??= Promise.allSettled([metrics?.shutdown(), logs?.shutdown(), traces?.shutdown()]);
      // A collector that took nothing lately is not waited for.
      await within(failing.size > 0 ? Math.min(timeout, PATIENCE) : timeout, flushed);
      exports.end();
      for (const agent of agents) end(agent);
      closed = true;
    },
  };
}

interface Parts {
  readonly options: PipelineOptions;
  readonly exports: Exports;
  readonly resource: Resource;
  readonly told: (signal: Signal, error: Error | null) => void;
  readonly to: (path: string) => {
    readonly url: string;
    readonly headers: Record<string, string>;
    readonly timeoutMillis: number;
    readonly concurrencyLimit: number;
    readonly httpAgentOptions: (protocol: string) => HttpAgent;
  };
}

interface Sender {
  shutdown(): Promise<void>;
}

function openMetrics({ options, exports, resource, told, to }: Parts): Sender {
  const { config, metrics, version } = options;
  const figures = metrics.exports('metrics');
  const inner = new OTLPMetricExporter(to('/v1/metrics'));
  const send = inner.export.bind(inner);
  const exporter = Object.assign(inner, {
    export: (items: Parameters<typeof send>[0], done: Done) =>
      exports.watch(
        (settle) => send(items, settle),
        done,
        (error) => {
          if (error === null) figures.exported++;
          else figures.failed++;
          told('metrics', error);
        },
      ),
  });
  const producer = {
    collect: async () => {
      const data = metricData(await metrics.collect(), metrics.startedAt, Date.now());
      const scopeMetrics = [{ scope: { name: 'zeroth', version }, metrics: data }];
      return { resourceMetrics: { resource, scopeMetrics }, errors: [] };
    },
  };
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: config.interval,
    exportTimeoutMillis: Math.min(config.interval, EXPORT_WITHIN + 1000),
    metricProducers: [producer],
  });
  return new MeterProvider({ resource, readers: [reader] });
}

/** An exporter whose calls are watched; what it has sent or given up does not wait any more. */
function counted<T, E extends { export(items: T[], done: Done): void }>(
  inner: E & { export(items: T[], done: Done): void },
  signal: 'logs' | 'traces',
  backlog: Backlog,
  { exports, told }: Parts,
): E {
  const send = inner.export.bind(inner);
  return Object.assign(inner, {
    export: (items: T[], done: Done) =>
      exports.watch(
        (settle) => send(items, settle),
        done,
        (error) => {
          backlog.leave(items.length, error === null);
          told(signal, error);
        },
      ),
  });
}

function openLogs(parts: Parts): Sender & { detach(): void } {
  const { options, resource, to } = parts;
  const { metrics, tap, version } = options;
  const backlog = new Backlog(WAITING, metrics.exports('logs'));
  const exporter = counted(new OTLPLogExporter(to('/v1/logs')), 'logs', backlog, parts);
  const provider = new LoggerProvider({
    resource,
    processors: [
      new BatchLogRecordProcessor({
        exporter,
        maxQueueSize: WAITING,
        maxExportBatchSize: BATCH,
        scheduledDelayMillis: DELAY,
        exportTimeoutMillis: EXPORT_WITHIN + 1000,
      }),
    ],
  });
  const logger = provider.getLogger('zeroth', version);
  const listener = (line: string): void => {
    if (!backlog.hasRoom) {
      backlog.drop();
      return;
    }
    backlog.enter();
    logger.emit(logRecord(line));
  };
  tap.lines.add(listener);
  return {
    detach: () => {
      tap.lines.delete(listener);
    },
    shutdown: () => provider.shutdown(),
  };
}

function openTraces(parts: Parts): Sender & { readonly spans: SpanHook } {
  const { options, resource, to } = parts;
  const { config, metrics, version } = options;
  const backlog = new Backlog(WAITING, metrics.exports('traces'));
  const exporter = counted(new OTLPTraceExporter(to('/v1/traces')), 'traces', backlog, parts);
  const provider = new BasicTracerProvider({
    resource,
    sampler: new ParentBasedSampler({
      root: new AlwaysOffSampler(),
      remoteParentSampled: new TraceIdRatioBasedSampler(config.traceSample / 100),
    }),
    spanProcessors: [
      new BatchSpanProcessor(exporter, {
        maxQueueSize: WAITING,
        maxExportBatchSize: BATCH,
        scheduledDelayMillis: DELAY,
        exportTimeoutMillis: EXPORT_WITHIN + 1000,
      }),
    ],
  });
  const spans = spanHook(provider.getTracer('zeroth', version), backlog);
  return { spans, shutdown: () => provider.shutdown() };
}

/** An exporter that is about to try again finds no connection any more. */
function end(agent: HttpAgent): void {
  agent.createConnection = () => {
    throw new Error('telemetry ends');
  };
  agent.destroy();
}

function within(timeout: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeout);
    void work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The code says more than the message, where there is one: that of a refused connection is often empty. */
function reasonOf(error: Error): string {
  const { code } = error as Error & { code?: string | number };
  if (code === undefined) return error.message;
  return error.message === '' || error.message.includes(String(code))
    ? error.message || String(code)
    : `${code} ${error.message}`;
}
