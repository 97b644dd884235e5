/**
 * YAML text -> the values of a specification, or what is wrong with the text.
 *
 * Guarantees: never throws; the values are complete exactly when the report has not failed.
 */

import { LineCounter } from 'yaml';
import type { PlacedEndpoint } from './check.ts';
import { Checker } from './check.ts';
import { parseText } from './parse.ts';
import type { Range } from './report.ts';
import { Report } from './report.ts';
import type { AnySectionSpec, LoadContext } from './spec/kinds.ts';
import { SecretNames } from './unknown.ts';

export interface ReadValues {
  readonly values: Readonly<Record<string, unknown>>;
  readonly endpoints: readonly PlacedEndpoint[];
  /** Where the names of entries stand, by path as text. */
  readonly names: ReadonlyMap<string, Range | null>;
  readonly report: Report;
}

export function readValues(
  spec: AnySectionSpec,
  text: string,
  file: string,
  context: LoadContext,
): ReadValues {
  const lines = new LineCounter();
  const report = new Report(text, [{ file, start: 0, lines }]);
  const parsed = parseText(text, lines, report, new SecretNames(spec));
  if (parsed === null) return { values: {}, endpoints: [], names: new Map(), report };
  const checker = new Checker(spec, parsed, report, context);
  return { values: checker.check(), endpoints: checker.endpoints, names: checker.names, report };
}
