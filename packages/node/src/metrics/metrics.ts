/**
 * The metrics of a running node.
 *
 * Guarantees: the relay pays nothing: figures are read from what the node counts anyway, when somebody asks. `text` and
 * `collect` never fail because of one another, and two at once share one reading. Labels are bounded (peers.ts,
 * groups.ts; routes and streams by the configuration). Many are read
 * and written in steps, so that messages are not held up. After `close` no timer or observer is left.
 */
import { Ages } from './ages.ts';
import type { Collected, Sample } from './family.ts';
import { PeerTable } from './peers.ts';
import { ProcessMonitor } from './process.ts';
import { Refusals } from './refusals.ts';
import type { ExportFigures, MetricSources, Signal } from './sources.ts';
import { FAMILIES } from './table.ts';
import { CONTENT_TYPE, exposition } from './text.ts';
import { takeView } from './view.ts';

export interface Metrics {
  readonly contentType: string;
  /** Of the node, in ms since 1970: counters count from then on. */
  readonly startedAt: number;
  /** The text format of Prometheus. */
  text(): Promise<string>;
  /** The same, for who sends it elsewhere. */
  collect(): Promise<readonly Collected[]>;
  /** Where who sends to a collector counts. */
  exports(signal: Signal): ExportFigures;
  close(): void;
}

export function createMetrics(sources: MetricSources): Metrics {
  const { timings } = sources;
  const exports = new Map<Signal, ExportFigures>();
  const ages = new Ages(sources.node, () => performance.now());
  const process = new ProcessMonitor();
  const refusals = new Refusals(sources.node);
  const keepers = { timings, ages, refusals, exports, process, peers: new PeerTable() };
  let reading: Promise<readonly Collected[]> | null = null;
  const read = async (): Promise<readonly Collected[]> => {
    const view = await takeView(sources, keepers);
    return paced(FAMILIES, (family) => {
      const samples: Sample[] = [];
      family.collect(view, (value, ...labels) => samples.push({ value, labels }));
      return { family, samples };
    });
  };
  const collect = (): Promise<readonly Collected[]> => {
    ages.start();
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
  return {
    contentType: CONTENT_TYPE,
    startedAt: sources.node.startedAt,
    text: async () => (await paced(await collect(), exposition)).join(''),
    collect,
    exports: (signal) => {
      const known = exports.get(signal) ?? { exported: 0, failed: 0, dropped: 0 };
      exports.set(signal, known);
      return known;
    },
    close: () => {
      ages.close();
      refusals.close();
      process.close();
    },
  };
}

/** Milliseconds that messages may be held up for. */
const AT_ONCE = 5;

/** As `map`; what else there is to do is done in between. */
async function paced<From, To>(all: readonly From[], work: (each: From) => To): Promise<To[]> {
  const done: To[] = [];
  let began = performance.now();
  for (const each of all) {
    done.push(work(each));
    if (performance.now() - began < AT_ONCE) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
  return done;
}
