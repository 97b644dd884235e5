/**
 * What this process has open, counted by kind: when the node was ready, and now. What grows from one load to the next,
 * and does not come back, leaks.
 *
 * Guarantees: counting costs nothing until somebody asks, and less than a millisecond at the start; nothing of it is kept
 * but the numbers. Handles take some milliseconds (on Windows a second), so their base is the first census that somebody
 * asks for; so is that of all timers, for which `heap` walks through all objects.
 */
import { readdirSync } from 'node:fs';
import { queryObjects } from 'node:v8';

/** Numbers by what they count. */
export type Counts = Readonly<Record<string, number>>;

/**
 * - `handles`: of the event loop, by libuv's names, whether they hold the process or not;
 * - `timers`: `holding`: those that hold the process; `all`: as many as there are in memory, if the heap was asked for;
 * - `listeners`: of the process by event, and of what lives as long as the node;
 * - `node`: what the parts of the node have;
 * - `process`: descriptors (where the system tells), worker threads, and what holds the process, by node's names;
 * - `memory`: octets.
 */
export const CENSUS_SECTIONS = ['handles', 'timers', 'listeners', 'node', 'process', 'memory'] as const;
export type CensusSection = (typeof CENSUS_SECTIONS)[number];

export interface CensusFigure {
  readonly base: number;
  readonly now: number;
}

export interface Census {
  /** Of the base (see above for handles and timers), and of the rest, in milliseconds since 1970. */
  readonly baseAt: number;
  readonly at: number;
  readonly sections: Readonly<Record<CensusSection, Readonly<Record<string, CensusFigure>>>>;
}

export interface CensusOptions {
  /** Counts all timers as well: stops everything for a tenth of a second and more, by the size of the heap. */
  readonly heap?: boolean;
}

/** What a census counts besides the process. */
export interface CensusParts {
  readonly node: Counts;
  readonly listeners: Counts;
}

type Sections = Record<CensusSection, Record<string, number>>;

export class CensusTaker {
  readonly #parts: () => CensusParts;
  readonly #base: Sections;
  readonly #baseAt: number = Date.now();
  /** Handles have a base. */
  #counted = false;

  /** Takes the base. */
  constructor(parts: () => CensusParts) {
    this.#parts = parts;
    this.#base = { ...count(parts()), handles: {} };
  }

  take({ heap = false }: CensusOptions = {}): Census {
    const now = count(this.#parts());
    const { handles, workers } = loopHandles();
    now.handles = handles;
    now.process.workers = workers;
    // Too slow for the start: the first one who asks gets them as the base.
    if (!this.#counted) {
      this.#base.handles = handles;
      this.#base.process.workers = workers;
    }
    this.#counted = true;
    if (heap) {
      now.timers.all = allTimers();
      this.#base.timers.all ??= now.timers.all;
    }
    const figures = (section: CensusSection): Record<string, CensusFigure> => {
      const [base, counts] = [this.#base[section], now[section]];
      const names = new Set([...Object.keys(base), ...Object.keys(counts)]);
      // A base that was not counted again is no difference.
      if (!heap && section === 'timers') names.delete('all');
      return Object.fromEntries(
        [...names].sort().map((name) => [name, { base: base[name] ?? 0, now: counts[name] ?? 0 }]),
      );
    };
    const sections = Object.fromEntries(CENSUS_SECTIONS.map((section) => [section, figures(section)]));
    return { baseAt: this.#baseAt, at: Date.now(), sections: sections as Census['sections'] };
  }
}

/** What is cheap to count. */
function count({ node, listeners }: CensusParts): Sections {
  const holding = tally(process.getActiveResourcesInfo());
  const { Timeout: timers = 0, Immediate: _, ...rest } = holding;
  const descriptors = openDescriptors();
  const ofProcess = process
    .eventNames()
    .map((name) => [`process ${String(name)}`, process.listenerCount(name)]);
  return {
    handles: {},
    timers: { holding: timers },
    listeners: { ...Object.fromEntries(ofProcess), ...listeners },
    node: { ...node },
    process: {
      ...(descriptors === null ? {} : { descriptors }),
      ...Object.fromEntries(Object.entries(rest).map(([kind, number]) => [`holding ${kind}`, number])),
    },
    memory: { ...process.memoryUsage() },
  };
}

function tally(kinds: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** What of node's diagnostic report is looked at. */
interface Report {
  readonly libuv: readonly { readonly type: string }[];
  readonly workers?: readonly unknown[];
}

/** Node tells of handles that don't hold the process, as most of ours, in its report alone. */
function loopHandles(): { handles: Record<string, number>; workers: number } {
  const settings = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const { excludeNetwork } = settings;
  // Names of far hosts would be looked up, one after the other.
  settings.excludeNetwork = true;
  try {
    const { libuv, workers = [] } = settings.getReport() as unknown as Report;
    const handles = tally(libuv.map(({ type }) => type).filter((type) => type !== 'loop'));
    return { handles, workers: workers.length };
  } finally {
    settings.excludeNetwork = excludeNetwork ?? false;
  }
}

/** Null: the system does not tell. */
function openDescriptors(): number | null {
  const folder = { linux: '/proc/self/fd', darwin: '/dev/fd' }[process.platform as string];
  if (folder === undefined) return null;
  try {
    // The folder itself is open while it is read.
    return readdirSync(folder).length - 1;
  } catch {
    return null;
  }
}

/** Timers that are not referenced are known to nobody but the heap. */
function allTimers(): number {
  const timer = setTimeout(() => {}, 0);
  clearTimeout(timer);
  const Timer = timer.constructor as new () => NodeJS.Timeout;
  const { emitWarning } = process;
  // That `queryObjects` is experimental is nothing that an operator has to read in the log.
  process.emitWarning = () => {};
  try {
    return queryObjects(Timer, { format: 'count' }) - 1;
  } finally {
    process.emitWarning = emitWarning;
  }
}
