/** What a row of the table is, and the short words in which rows are written. */
import type { Peer } from './peers.ts';
import type { Work } from './works.ts';

export interface Side {
  readonly name: string;
  readonly missing: string | null;
  readonly work: Work;
}

/** What is asked of a row: of the ratio ours / theirs, or of our value itself. */
export interface Target {
  readonly of: 'ratio' | 'value';
  readonly bound: 'least' | 'most';
  readonly value: number;
  /** What we would like on top of it. */
  readonly aim: number | null;
}

export type Unit = 'msg/s' | 'MB/s' | 'us' | 'ms' | 'ms/GB' | 'MB' | 'KB' | 'B';

export interface Row {
  /** `work:peer`; without a peer just `work`. */
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly target: Target | null;
  readonly ours: Side;
  readonly theirs: Side | null;
  readonly method: string;
  /** Memory changes little from round to round and takes long. */
  readonly maxRounds: number;
}

type Make = (...commands: readonly (readonly string[])[]) => Work;

/** A side made of these programs; missing when one of them is. */
export function side(name: string, peers: readonly Peer[], make: Make): Side {
  const missing = peers.flatMap((peer) => peer.missing ?? [])[0] ?? null;
  const work = make(...peers.map((peer) => peer.command ?? []));
  return { name, missing, work };
}

export const NONE: readonly string[] = [];

export function ratio(value: number, aim: number | null = null): Target {
  return { of: 'ratio', bound: 'least', value, aim };
}

export function time(value: number): Target {
  return { of: 'ratio', bound: 'most', value, aim: null };
}

export function most(value: number): Target {
  return { of: 'value', bound: 'most', value, aim: null };
}

export const DEFAULTS: Pick<Row, 'unit' | 'target' | 'maxRounds'> = {
  unit: 'msg/s',
  target: null,
  maxRounds: Number.POSITIVE_INFINITY,
};
