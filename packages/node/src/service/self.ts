/**
 * How this program is started: what the service manager is told to run.
 *
 * Guarantees: absolute, and free of links that another installed version would move.
 */
import { realpathSync } from 'node:fs';
import { singleExecutable } from './executable.ts';

/** The program of this process: node and the script that it runs, or the executable that holds both. */
export function ownCommand(): readonly [program: string, ...arguments_: string[]] {
  const script = process.argv[1];
  if (singleExecutable() !== null || script === undefined) return [process.execPath];
  return [process.execPath, realpathSync(script)];
}
