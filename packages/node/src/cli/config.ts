/**
 * The configuration for commands that need a good one.
 *
 * Guarantees: prints every problem of a bad one to standard error, then ends the command with exit code 3.
 */
import { formatProblems } from '../config/format.ts';
import { loadConfig } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { DEFAULT_CONFIG_YAML } from '../config/templates.ts';
import type { Config } from '../config/types.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit.ts';
import type { Terminal } from './terminal.ts';
import { colourOn } from './terminal.ts';

/** Loads `file`, or the embedded default configuration without one. */
export function configOf(
  file: string | null,
  terminal: Terminal,
): { config: Config; warnings: readonly Problem[] } {
  const from = file === null ? { text: DEFAULT_CONFIG_YAML, source: '(embedded default)' } : { path: file };
  const { config, problems, warnings } = loadConfig(from);
  if (config !== null) return { config, warnings };
  terminal.err(formatProblems(problems, { color: colourOn(process.stderr, process.env) }).trimEnd());
  throw invalid(file, problems.length);
}

export function invalid(file: string | null, count: number): CliError {
  const what = count === 1 ? '1 problem' : `${count} problems`;
  return new CliError('CONFIG_INVALID', `${file ?? 'the configuration'} has ${what}, see above`, {
    exitCode: EXIT.config,
    hint: 'docs/config.md describes every key; zeroth init writes an example',
  });
}
