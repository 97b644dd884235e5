/**
 * What a check of the machine is given, and what it answers.
 *
 * Guarantees: a check never throws for what is wrong with the machine, leaves nothing behind and changes nothing; every
 * warning and failure says the way out; no message and no figure holds a secret.
 */
import type { LocalEnvironment } from '../admin/local.ts';
import type { OpenedConfig } from '../control/open.ts';
import type { ServiceManager } from '../service/manager.ts';

/** `warning`: a node runs, and somebody should look. `failure`: it does not start, or does not do its work. */
export type CheckStatus = 'ok' | 'warning' | 'failure';

export type Figure = string | number | boolean | null;
export type Figures = Readonly<Record<string, Figure>>;

export interface CheckResult {
  /** Of the check that it is from. */
  readonly id: string;
  readonly status: CheckStatus;
  readonly message: string;
  /** The way out; null: all is well. */
  readonly hint: string | null;
  /** Whatever of `message` is worth a number for programs. */
  readonly figures: Figures;
}

/** The machine, as far as it is handed in. */
export interface Surroundings {
  /** The configuration file; null: the embedded default. */
  readonly file: string | null;
  readonly environment: LocalEnvironment & Readonly<Record<string, string | undefined>>;
  /** @throws ZerothError SERVICE_UNSUPPORTED. */
  readonly openManager: () => Promise<ServiceManager>;
  /** Aborts when the time of the check is over. */
  readonly signal: AbortSignal;
}

/** The same for checks of what the configuration says. */
export interface ConfiguredSurroundings extends Surroundings {
  readonly opened: OpenedConfig;
}

export function ok(id: string, message: string, figures: Figures = {}): CheckResult {
  return { id, status: 'ok', message, hint: null, figures };
}

export function warning(id: string, message: string, hint: string, figures: Figures = {}): CheckResult {
  return { id, status: 'warning', message, hint, figures };
}

export function failure(id: string, message: string, hint: string, figures: Figures = {}): CheckResult {
  return { id, status: 'failure', message, hint, figures };
}

/** Of many results of one kind the first few stand alone: the answer fits on a screen. */
export function folded(results: readonly CheckResult[], most = 3): readonly CheckResult[] {
  const rest = results.slice(most);
  const [next, second] = rest;
  if (next === undefined || second === undefined) return results;
  const status = rest.some((each) => each.status === 'failure') ? 'failure' : 'warning';
  const message = `${rest.length} more like these, the first: ${next.message}`;
  return [...results.slice(0, most), { ...next, status, message, figures: { more: rest.length } }];
}

/** The first few names, and how many there are more. */
export function some(names: readonly string[], most = 3): string {
  const more = names.length - most;
  return names.slice(0, most).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** For people: three digits and a unit. */
export function sizeWords(octets: number): string {
  let [at, value] = [0, octets];
  while (value >= 1000 && at < UNITS.length - 1) {
    value /= 1024;
    at++;
  }
  return `${Number(value.toPrecision(3))} ${UNITS[at]}`;
}

export function millisecondWords(milliseconds: number): string {
  return milliseconds < 1000
    ? `${Number(milliseconds.toPrecision(2))} ms`
    : `${Number((milliseconds / 1000).toPrecision(3))} s`;
}

export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** The code of a system error, or its words. */
export function codeOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return typeof code === 'string' ? code : String(message ?? error);
}
