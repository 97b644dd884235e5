/**
 * Problems for a terminal: the place first, as compilers write it, then the line with a mark under the part that is meant.
 *
 * Guarantees: pure; no control characters but line feeds and, with `color`, our own escape sequences.
 */

import type { Problem } from './problem.ts';
import { printable } from './problem.ts';

export interface FormatOptions {
  readonly color: boolean;
  /** Written before each message. Default: nothing. */
  readonly label?: string;
}

const STYLES = { bold: '1', red: '31', dim: '2', cyan: '36' } as const;

type Paint = (style: keyof typeof STYLES, text: string) => string;

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Columns of a terminal: East Asian characters take two. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

/**
 * `zeroth.yaml:12:16  routes.jobs.backend.bnd: unknown key. Did you mean "bind"? Allowed: bind, connect` and the line
 * from the file. Ends with a line feed; empty without problems.
 */
export function formatProblems(problems: readonly Problem[], options: FormatOptions): string {
  const paint: Paint = options.color
    ? (style, text) => `\u001b[${STYLES[style]}m${text}\u001b[0m`
    : (_style, text) => text;
  return problems.map((problem) => `${formatProblem(problem, paint, options.label ?? '')}\n`).join('');
}

function formatProblem(problem: Problem, paint: Paint, label: string): string {
  const { line, column, key, value, message, allowed, suggestion, code } = problem;
  const place = line === 0 ? printable(problem.file) : `${printable(problem.file)}:${line}:${column}`;
  const found =
    value === null || (value !== '' && message.includes(value))
      ? ''
      : `, found ${value === '' ? '""' : value}`;
  const parts = [`${printable(message)}${found}.`];
  // A suggestion with quotes of its own is to be typed with them, and one for a wrong type as it stands: quotes may be
  // what is wrong.
  if (suggestion !== null) {
    const bare = suggestion.startsWith('"') || code === 'CONFIG_WRONG_TYPE';
    parts.push(`Did you mean ${printable(bare ? suggestion : `"${suggestion}"`)}?`);
  }
  if (allowed.length > 0) parts.push(`Allowed: ${allowed.map(printable).join(', ')}`);
  // `set KEY` has named it.
  const named = key === '' || problem.file.endsWith(` ${key}`);
  const head = `${paint('bold', place)}  ${label}${named ? '' : `${paint('cyan', key)}: `}${parts.join(' ')} ${paint('dim', `[${code}]`)}`;
  return problem.excerpt === null ? head : `${head}\n${excerptLines(problem, problem.excerpt, paint)}`;
}

function excerptLines(problem: Problem, excerpt: NonNullable<Problem['excerpt']>, paint: Paint): string {
  const number = String(problem.line).padStart(6);
  const before = ' '.repeat(width(excerpt.text.slice(0, excerpt.start)));
  const marked = '^'.repeat(
    Math.max(1, width(excerpt.text.slice(excerpt.start, excerpt.start + excerpt.length))),
  );
  return `${paint('dim', `${number} | `)}${excerpt.text}\n${paint('dim', `${' '.repeat(6)} | `)}${before}${paint('red', marked)}`;
}
