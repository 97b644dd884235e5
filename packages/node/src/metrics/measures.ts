/**
 * The durations that the node reports as they happen: answers of reqrep routes and commits of streams.
 *
 * Guarantees: reporting one allocates nothing once a route or stream is known; what is no longer there is forgotten.
 */
import { COMMIT_BOUNDS, Histogram, REQUEST_BOUNDS } from './histogram.ts';

export class Timings {
  readonly answers: Map<string, Histogram> = new Map();
  readonly commits: Map<string, Histogram> = new Map();

  /** A sampled request of the route was answered. */
  readonly answered = (route: string, milliseconds: number): void => {
    histogramOf(this.answers, route, REQUEST_BOUNDS).observe(milliseconds / 1000);
  };

  /** A write of the stream was committed. */
  readonly committed = (stream: string, milliseconds: number): void => {
    histogramOf(this.commits, stream, COMMIT_BOUNDS).observe(milliseconds / 1000);
  };

  /** Forgets all but these. */
  keep(routes: ReadonlySet<string>, streams: ReadonlySet<string>): void {
    for (const name of this.answers.keys()) if (!routes.has(name)) this.answers.delete(name);
    for (const name of this.commits.keys()) if (!streams.has(name)) this.commits.delete(name);
  }
}

function histogramOf(all: Map<string, Histogram>, name: string, bounds: readonly number[]): Histogram {
  let histogram = all.get(name);
  if (histogram === undefined) {
    histogram = new Histogram(bounds);
    all.set(name, histogram);
  }
  return histogram;
}
