/**
 * A file or a text -> a configuration, or everything that is wrong with it.
 *
 * Guarantees: never throws for what is in the text or the file; a configuration comes back only when there is no
 * problem; it is complete, normalised and frozen all the way down.
 */

import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Problem } from './problem.ts';
import type { ReadValues } from './read.ts';
import { readValues } from './read.ts';
import type { PartialConfig } from './rules.ts';
import { checkRules } from './rules.ts';
import type { Source } from './source.ts';
import { checkText, readSource } from './source.ts';
import type { LoadContext } from './spec/kinds.ts';
import { SPEC } from './spec/table.ts';
import type { Config } from './types.ts';

export type ConfigSource =
  | { readonly path: string }
  /** `source` stands for the file name in problems. */
  | { readonly text: string; readonly source: string };

export type LoadResult =
  | { readonly config: Config; readonly problems: readonly []; readonly warnings: readonly Problem[] }
  | { readonly config: null; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/**
 * Loads and checks a configuration. Relative paths in a file start at its folder, those in a text at the working
 * folder; `context` overrides this and the host name.
 *
 * @example
 * const { config, problems } = loadConfig({ path: 'zeroth.yaml' });
 * if (config === null) process.stderr.write(formatProblems(problems, { color: false }));
 */
export function loadConfig(from: ConfigSource, context: Partial<LoadContext> = {}): LoadResult {
  const file = 'path' in from ? from.path : from.source;
  const source = 'path' in from ? readSource(from.path) : checkText(from.text);
  if (!source.ok) return refused(file, source);

  return complete(readValues(SPEC, source.text, file, contextOf(from, context)));
}

/** Where relative paths start, and the name of the machine. */
export function contextOf(from: ConfigSource, context: Partial<LoadContext> = {}): LoadContext {
  return {
    baseDir: resolve(context.baseDir ?? ('path' in from ? dirname(from.path) : '.')),
    hostName: context.hostName ?? hostname(),
  };
}

/** The rules over all keys together, and the verdict. */
export function complete({ values, endpoints, names, report }: ReadValues): LoadResult {
  // The compiler holds the table and `Config` together; `readValues` fills in what the table says.
  checkRules(values as PartialConfig, { endpoints, names }, report);
  return report.failed
    ? { config: null, problems: report.problems(), warnings: report.warnings() }
    : { config: deepFreeze(values as unknown as Config), problems: [], warnings: report.warnings() };
}

/** A text that can't be read at all. */
export function refused(file: string, source: Source & { readonly ok: false }): LoadResult {
  const { code, message, allowed, line, column } = source;
  const problem: Problem = {
    code,
    file,
    line,
    column,
    key: '',
    value: null,
    message,
    allowed,
    suggestion: null,
    excerpt: null,
  };
  return { config: null, problems: [Object.freeze(problem)], warnings: [] };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
