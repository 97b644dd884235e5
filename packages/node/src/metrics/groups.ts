/**
 * The consumer groups of the streams, a bounded number of them by name.
 *
 * Guarantees: pure; at most `GROUP_LIMIT` groups of a stream have a row, those that are furthest behind; the rest is one row
 * with the name `other`. All figures are gauges, so a group may come and go.
 */
import type { GroupStatus } from '../session/info.ts';

export interface GroupRow {
  readonly stream: string;
  readonly group: string;
  readonly lag: number;
  readonly inFlight: number;
  readonly consumers: number;
  /** Milliseconds since the oldest record that is not acknowledged was stored; 0: there is none. */
  readonly age: number;
}

export const GROUP_LIMIT = 200;
const OTHER = 'other';

export function groupRows(groups: readonly GroupStatus[], now: number): readonly GroupRow[] {
  const byStream = new Map<string, GroupStatus[]>();
  for (const group of groups) {
    const known = byStream.get(group.stream);
    if (known === undefined) byStream.set(group.stream, [group]);
    else known.push(group);
  }
  return [...byStream].flatMap(([stream, all]) => {
    const rows = all.map((group) => rowOf(group, now));
    if (rows.length <= GROUP_LIMIT) return rows;
    // Last: one that has the name of the rest belongs to it, for no two rows may have the same.
    const place = ({ group, lag }: GroupRow): number => (group === OTHER ? -1 : lag);
    rows.sort((a, b) => place(b) - place(a));
    return [...rows.slice(0, GROUP_LIMIT), together(stream, rows.slice(GROUP_LIMIT))];
  });
}

function rowOf({ stream, group, lag, inFlight, consumers, oldest }: GroupStatus, now: number): GroupRow {
  return { stream, group, lag, inFlight, consumers, age: ageOf(oldest, now) };
}

/** Milliseconds since `time`; 0: there is none. The clock may have gone back. */
export function ageOf(time: number | null, now: number): number {
  return time === null ? 0 : Math.max(0, now - time);
}

function together(stream: string, rows: readonly GroupRow[]): GroupRow {
  const sum = (key: 'lag' | 'inFlight' | 'consumers'): number => rows.reduce((all, row) => all + row[key], 0);
  const age = Math.max(...rows.map((row) => row.age));
  return {
    stream,
    group: OTHER,
    lag: sum('lag'),
    inFlight: sum('inFlight'),
    consumers: sum('consumers'),
    age,
  };
}
