/**
 * The census of a process as a table: base, now, difference.
 *
 * Guarantees: no control characters from outside; what is nothing, then and now, is left out; sizes are for a person.
 */
import { printable } from '../../config/problem.ts';
import { sizeWords, table, timeWords } from '../stream/table.ts';
import { paint } from '../terminal.ts';

const SECTIONS = ['handles', 'timers', 'listeners', 'node', 'process', 'memory'] as const;

type Section = Readonly<Record<string, { readonly base: number; readonly now: number }>>;

/** What `/v1/census` answers. */
export type CensusAnswer = {
  readonly baseAt: string;
  readonly at: string;
} & { readonly [S in (typeof SECTIONS)[number]]: Section };

/** Lines without line feeds. */
export function censusLines(census: CensusAnswer, colour: boolean): string[] {
  const rows = SECTIONS.flatMap((section) => {
    const words = section === 'memory' ? sizeWords : String;
    return Object.entries(census[section])
      .filter(([, { base, now }]) => base !== 0 || now !== 0)
      .map(([name, { base, now }]) => [
        section,
        printable(name),
        words(base),
        words(now),
        difference(now - base, words),
      ]);
  });
  const [heading = '', ...rest] = table(
    ['CENSUS', 'WHAT', 'BASE', 'NOW', 'DIFFERENCE'],
    rows,
    new Set([2, 3, 4]),
  )
    .trimEnd()
    .split('\n');
  return [
    `base at ${timeWords(Date.parse(census.baseAt))}, when the node was ready; of handles the first question. This question counts as a connection.`,
    paint(heading, 'dim', colour),
    ...rest,
  ];
}

function difference(value: number, words: (value: number) => string): string {
  if (value === 0) return '';
  return `${value > 0 ? '+' : '-'}${words(Math.abs(value))}`;
}
