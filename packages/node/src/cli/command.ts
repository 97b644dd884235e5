/**
 * What a command is: its words for `zeroth --help`, and a module that is loaded only when it is called.
 *
 * Guarantees: `zeroth --version` and `zeroth --help` load nothing but commander.
 */
import type { Command } from 'commander';
import type { Terminal } from './terminal.ts';

/** What main hands to a command. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** The arguments after a lone `--`; null without one. They are never options or endpoints. */
  readonly literal: readonly string[] | null;
  /** Sets the exit code of the process. */
  exit(code: number): void;
}

/** Adds arguments, options, help and the action to `command`. */
export type DescribeCommand = (command: Command, context: CommandContext) => void;

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly describe: DescribeCommand }>;
}
