/**
 * The clocks: how fine the one for times between is, whether the one of the day jumps or is wrong, and who sets it.
 *
 * Guarantees: asks nobody over the network but a configuration centre over HTTP, which the node would ask as well.
 */
import { access, readdir, stat } from 'node:fs/promises';
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from '../config/types.ts';
import { singleExecutable } from '../service/executable.ts';
import { loadKoffi } from '../service/koffi.ts';
import type { CheckResult, Surroundings } from './check.ts';
import { failure, millisecondWords, ok, rounded, warning } from './check.ts';
import { printed } from './program.ts';
import { systemProgram } from './windows.ts';

/** Nanoseconds: a timer of 1 ms can be told. */
const COARSE = 1_000_000;
const LOOKS = 8;
const APART = 40;
/** Milliseconds that the clock of the day may move against the other one within the looks. */
const JUMP = 100;
/** Milliseconds; a date over HTTP has whole seconds. */
const SKEW = 3000;
/** Before this program was written. */
const PAST: number = Date.UTC(2026, 0, 1);
const ASK_WITHIN = 1000;

export interface ClockReading {
  /** Milliseconds since 1970. */
  readonly day: number;
  /** Milliseconds since whenever; never set. */
  readonly run: number;
}

export interface ClockFacts {
  /** Nanoseconds between two times that differ. */
  readonly resolution: number;
  readonly readings: readonly ClockReading[];
  readonly zone: string;
  /** Null: nobody here says. */
  readonly synchronised: boolean | null;
  /** Milliseconds that this clock is behind what others say (before it: less than 0), and who says so. */
  readonly behind: readonly { readonly by: number; readonly who: string }[];
}

export async function checkClock(surroundings: Surroundings): Promise<readonly CheckResult[]> {
  const [readings, synchronised] = await Promise.all([looks(), isSynchronised(surroundings.signal)]);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return judgeClock({
    resolution: resolutionOf(() => process.hrtime.bigint()),
    readings,
    zone,
    synchronised,
    behind: [],
  });
}

/** The same clock against what others say who have to do with the configuration. */
export async function checkSkew(
  { signal }: Surroundings,
  config: Config,
  now: () => number = Date.now,
): Promise<readonly CheckResult[]> {
  const found = await Promise.all([centreAhead(config, signal, now), dataAhead(config, now)]);
  return judgeSkew(found.filter((each) => each !== null));
}

export function judgeClock(facts: ClockFacts): readonly CheckResult[] {
  const { resolution, readings, zone, synchronised } = facts;
  const [first, last] = [readings[0], readings.at(-1)];
  const moved = largestMove(readings);
  const figures = {
    resolutionNs: resolution,
    movedMs: rounded(moved),
    timeZone: zone,
    synchronised,
    now: first === undefined ? null : new Date(first.day).toISOString(),
  };
  const time = last === undefined ? '' : `${new Date(last.day).toISOString()}, `;
  const what = `${time}time zone ${zone}, resolution ${resolution} ns`;
  const results: CheckResult[] = [];
  if (last !== undefined && last.day < PAST)
    results.push(
      failure(
        'clock',
        `${what}: the clock is years behind`,
        'set it (date, timedatectl); let NTP keep it',
        figures,
      ),
    );
  if (Math.abs(moved) > JUMP) {
    const message = `${what}: the clock of the day jumped by ${millisecondWords(Math.abs(moved))} within ${millisecondWords(LOOKS * APART)}`;
    results.push(
      warning(
        'clock',
        message,
        'see who sets it: two services for the time, or the host of a virtual machine',
        figures,
      ),
    );
  }
  if (resolution > COARSE)
    results.push(
      warning(
        'clock',
        `${what}: latencies can't be measured`,
        'choose another clock source of the system',
        figures,
      ),
    );
  if (synchronised === false)
    results.push(
      warning(
        'clock',
        `${what}: no NTP keeps it`,
        'turn it on: timedatectl set-ntp true, chrony; on Windows: w32tm /resync',
        figures,
      ),
    );
  const kept = synchronised === null ? '; nobody here says whether NTP keeps it' : '; kept by NTP';
  return results.length > 0 ? results : [ok('clock', `${what}${kept}`, figures)];
}

function judgeSkew(behind: ClockFacts['behind']): readonly CheckResult[] {
  return behind
    .filter(({ by }) => Math.abs(by) > SKEW)
    .map(({ by, who }) => {
      const message = `the clock is ${millisecondWords(Math.abs(by))} ${by > 0 ? 'behind' : 'ahead of'} ${who}`;
      return warning(
        'clock',
        message,
        'set it, and let NTP keep it: times of records and retention follow it',
        { behindMs: by, who },
      );
    });
}

/** The smallest step that `now` makes, in nanoseconds. */
export function resolutionOf(now: () => bigint): number {
  let least = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i < 50; i++) {
    const from = now();
    let to = now();
    for (let tries = 0; to === from && tries < 100_000; tries++) to = now();
    if (to > from) least = Math.min(least, Number(to - from));
  }
  return least;
}

async function looks(): Promise<readonly ClockReading[]> {
  const readings: ClockReading[] = [];
  for (let i = 0; i < LOOKS; i++) {
    if (i > 0) await wait(APART);
    readings.push({ day: Date.now(), run: performance.now() });
  }
  return readings;
}

/** Of two readings after each other, the most that one clock went further than the other. */
function largestMove(readings: readonly ClockReading[]): number {
  let most = 0;
  for (const [at, { day, run }] of readings.entries()) {
    const before = readings[at - 1];
    if (before === undefined) continue;
    const moved = day - before.day - (run - before.run);
    if (Math.abs(moved) > Math.abs(most)) most = moved;
  }
  return most;
}

async function isSynchronised(signal: AbortSignal): Promise<boolean | null> {
  if (process.platform === 'win32') {
    const status = await printed(systemProgram('w32tm'), ['/query', '/status'], signal);
    // The words are in the language of the system; 3 is "not synchronised" (RFC 5905, leap indicator).
    const leap = /^[^\n]*?: *(\d)\(/.exec(status ?? '')?.[1];
    return leap === undefined ? null : leap !== '3';
  }
  if (process.platform !== 'linux') return null;
  const kernel = isKernelSynchronised();
  if (kernel !== null) return kernel;
  const said = await printed('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], signal);
  if (said !== null && /^(yes|no)$/.test(said.trim())) return said.trim() === 'yes';
  // Made by systemd-timesyncd when it has the time.
  const made = await access('/run/systemd/timesync/synchronized').then(
    () => true,
    () => false,
  );
  return made ? true : null;
}

/** adjtimex(2), which every service for the time keeps up to date: 5 is TIME_ERROR, "not synchronised". */
function isKernelSynchronised(): boolean | null {
  if (singleExecutable() !== null) return null;
  try {
    const adjtimex = loadKoffi().load('libc.so.6').func('int adjtimex(void *state)') as (
      state: Buffer,
    ) => number;
    // struct timex has 208 octets on 64 bit; all zero asks and sets nothing.
    const state = adjtimex(Buffer.alloc(1024));
    return state < 0 ? null : state !== 5;
  } catch {
    return null;
  }
}

type Ahead = ClockFacts['behind'][number] | null;

/** The date that the centre answers with. */
async function centreAhead({ source }: Config, signal: AbortSignal, now: () => number): Promise<Ahead> {
  const url = source?.url.split(',')[0] ?? '';
  if (!/^https?:/i.test(url) || !URL.canParse(url)) return null;
  const answered = await dateOf(url, signal);
  return answered === null ? null : { by: answered - now(), who: `what ${new URL(url).host} says` };
}

function dateOf(url: string, signal: AbortSignal): Promise<number | null> {
  return new Promise((resolve) => {
    const { origin } = new URL(url);
    const ask = origin.startsWith('https:') ? secure : plain;
    const sent = ask(origin, { method: 'HEAD', agent: false, timeout: ASK_WITHIN, signal });
    sent.once('timeout', () => sent.destroy());
    sent.once('error', () => resolve(null));
    sent.once('close', () => resolve(null));
    sent.once('response', ({ headers }) => {
      const date = Date.parse(headers.date ?? '');
      // A whole second stands for the middle of it.
      resolve(Number.isNaN(date) ? null : date + 500);
      sent.destroy();
    });
    sent.end();
  });
}

/** Files that are from later than now: the clock went back since they were written. */
async function dataAhead({ node }: Config, now: () => number): Promise<Ahead> {
  const folder = join(node.dataDir, 'streams');
  let newest = 0;
  for (const name of (await readdir(folder).catch(() => [])).slice(0, 1000)) {
    const facts = await stat(join(folder, name)).catch(() => null);
    newest = Math.max(newest, facts?.mtimeMs ?? 0);
  }
  return newest > now() ? { by: Math.round(newest - now()), who: `what was written into ${folder}` } : null;
}
