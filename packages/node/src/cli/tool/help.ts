/**
 * What the tools' help texts have in common.
 *
 * Guarantees: `zeroth TOOL --help` fits one screen.
 */

import type { Command } from 'commander';
import { Argument } from 'commander';

const ENDPOINT_HELP = 'tcp://HOST:PORT, ws://HOST:PORT/PATH or ipc://PATH, one or more';

/**
 * ENDPOINT... and what may follow, as rows of the help. commander allows one variadic argument only: to it they are one
 * list, which operands.ts takes apart.
 */
export function addOperands(
  command: Command,
  usage: string,
  rows: readonly (readonly [name: string, words: string])[],
): void {
  const shown = [['ENDPOINT', ENDPOINT_HELP] as const, ...rows].map(
    ([name, words]) => new Argument(`[${name}]`, words),
  );
  command.argument('[OPERAND...]').usage(`[options] ${usage}`);
  command.configureHelp({ ...command.configureHelp(), visibleArguments: () => shown });
}

/** Examples below the options. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
