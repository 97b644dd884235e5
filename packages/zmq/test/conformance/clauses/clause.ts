/** What one sentence of a specification, or one test of libzmq, asks of a socket, and who holds us to it. */

export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'libzmq';

/** A test outside this folder: its file below test/, without `.test.ts`, and its name there, … for what is filled in. */
export interface Reference {
  readonly file: string;
  readonly test: string;
}

export interface Clause {
  /** `RFC 28 REQ: what it does`, in our words; the names of the tests in this folder begin with it. */
  readonly name: string;
  readonly level: Level;
  readonly see: readonly Reference[];
  /** Why nothing holds us to it: it does not apply, or we do otherwise on purpose. */
  readonly reason?: string;
}

type Held = (name: string, ...refs: Reference[]) => Clause;

const held =
  (level: Level): Held =>
  (name, ...see) => ({ name, level, see });

export const must: Held = held('MUST');
export const should: Held = held('SHOULD');
export const may: Held = held('MAY');
/** A behaviour that libzmq's own suite checks. */
export const libzmq: Held = held('libzmq');

export function see(file: string, test: string): Reference {
  return { file, test };
}

/** It does not apply to us, or we do otherwise on purpose. */
export function otherwise(level: Level, name: string, reason: string): Clause {
  return { name, level, see: [], reason };
}
