/**
 * What the process takes: processor, memory, open files, pauses of the garbage collector.
 *
 * Guarantees: read when somebody asks; the only thing that runs before is the observer of the garbage collector, which
 * is told once for each collection and is gone after `close`.
 */
import { readdir } from 'node:fs/promises';
import { constants, PerformanceObserver, performance } from 'node:perf_hooks';
import { Histogram, PAUSE_BOUNDS } from './histogram.ts';

export interface ProcessFigures {
  /** Seconds. */
  readonly cpu: number;
  /** Seconds in which the event loop did something, since the start of the process. */
  readonly busy: number;
  /** Octets. */
  readonly resident: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  /** Outside of V8's heap, buffers included. */
  readonly external: number;
  /** Null where the system does not tell. */
  readonly openFiles: number | null;
  readonly pauses: ReadonlyMap<string, Histogram>;
}

const KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

export class ProcessMonitor {
  readonly #pauses: Map<string, Histogram> = new Map();
  readonly #observer: PerformanceObserver;

  constructor() {
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const kind = KINDS[(entry as { detail?: { kind?: number } }).detail?.kind ?? -1] ?? 'unknown';
        let histogram = this.#pauses.get(kind);
        if (histogram === undefined) {
          histogram = new Histogram(PAUSE_BOUNDS);
          this.#pauses.set(kind, histogram);
        }
        histogram.observe(entry.duration / 1000);
      }
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  async figures(): Promise<ProcessFigures> {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    return {
      cpu: (user + system) / 1e6,
      busy: performance.eventLoopUtilization().active / 1000,
      resident: rss,
      heapUsed,
      heapTotal,
      external,
      openFiles: await openFiles(),
      pauses: this.#pauses,
    };
  }

  close(): void {
    this.#observer.disconnect();
  }
}

/** Linux only. The folder itself is open while it is read. */
async function openFiles(): Promise<number | null> {
  const names = await readdir('/proc/self/fd').catch(() => null);
  return names === null ? null : Math.max(0, names.length - 1);
}
