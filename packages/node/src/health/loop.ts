/**
 * How long the event loop is held up, as node measures it: a timer that looks how late it is.
 *
 * Guarantees: fixed memory; the timer holds no process and is gone after `stop`; a delay shorter than the pace may be
 * missed, a longer one never is. Percentiles are the upper end of a bucket, 19 % wide, and never above the maximum.
 */
import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** Milliseconds between two looks of node's timer. It wakes the process: 1.5 ms of CPU a second, for an idle one. */
const PACE = 20;
/** Milliseconds of a slice, and how many of them `recent` covers. */
const SLICE = 1000;
const SLICES = 10;
/** Buckets of a histogram: four to an octave, the first ends at FIRST ms, the last holds all above two hours. */
const BUCKETS = 104;
const FIRST = 0.125;

/** Milliseconds. */
export interface LoopFigures {
  readonly max: number;
  readonly p99: number;
  readonly mean: number;
}

export interface LoopDelay {
  /** Of the last ten seconds. */
  readonly recent: LoopFigures;
  readonly sinceStart: LoopFigures;
  /** The share of the time since the start in which the loop was busy, 0 to 1. */
  readonly utilization: number;
}

/** Delays by size. */
export class Delays {
  readonly #counts: Float64Array = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  add(delay: number, count = 1): void {
    const bucket = delay <= FIRST ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log2(delay / FIRST) * 4));
    this.#counts[bucket]! += count;
    this.#count += count;
    this.#sum += delay * count;
    this.#max = Math.max(this.#max, delay);
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#sum = 0;
    this.#max = 0;
  }

  merge(other: Delays): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#counts[bucket]! += other.#counts[bucket]!;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
  }

  get figures(): LoopFigures {
    const mean = this.#count === 0 ? 0 : this.#sum / this.#count;
    return { max: this.#max, p99: this.#percentile(0.99), mean };
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(this.#max, FIRST * 2 ** (bucket / 4));
    }
    return this.#max;
  }
}

export class LoopMonitor {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: PACE });
  readonly #all: Delays = new Delays();
  readonly #slices: readonly Delays[] = Array.from({ length: SLICES }, () => new Delays());
  readonly #began: ReturnType<typeof performance.eventLoopUtilization> = performance.eventLoopUtilization();
  #slice = 0;
  #sliceEnds: number = performance.now() + SLICE;

  constructor() {
    this.#histogram.enable();
  }

  /** To be called once a second or so. */
  collect(): void {
    this.#turn(performance.now());
    let below = 0;
    const { count } = this.#histogram;
    if (count === 0) return;
    // Each percentile with the share of those since the one before.
    for (const [percentile, nanoseconds] of this.#histogram.percentiles) {
      const upTo = (percentile / 100) * count;
      this.#add(Math.max(0, nanoseconds / 1e6 - PACE), upTo - below);
      below = upTo;
    }
    this.#histogram.reset();
  }

  delay(): LoopDelay {
    this.collect();
    const recent = new Delays();
    for (const slice of this.#slices) recent.merge(slice);
    const { utilization } = performance.eventLoopUtilization(this.#began);
    return { recent: recent.figures, sinceStart: this.#all.figures, utilization };
  }

  stop(): void {
    this.#histogram.disable();
  }

  #add(delay: number, count: number): void {
    this.#all.add(delay, count);
    this.#slices[this.#slice]!.add(delay, count);
  }

  #turn(now: number): void {
    if (now < this.#sliceEnds) return;
    const passed = Math.min(SLICES, 1 + Math.floor((now - this.#sliceEnds) / SLICE));
    for (let step = 0; step < passed; step++) {
      this.#slice = (this.#slice + 1) % SLICES;
      this.#slices[this.#slice]!.clear();
    }
    this.#sliceEnds = Math.max(this.#sliceEnds + passed * SLICE, now);
  }
}
