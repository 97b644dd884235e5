/**
 * What a program of the system prints.
 *
 * Guarantees: bounded in time and size; the program is gone afterwards; null when it is not there, fails or takes too long.
 */
import { execFile } from 'node:child_process';

const WITHIN = 1500;
const MOST = 4 * 1024 * 1024;

export function printed(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string | null> {
  const options = {
    timeout: WITHIN,
    maxBuffer: MOST,
    signal,
    windowsHide: true,
    killSignal: 'SIGKILL',
  } as const;
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (error, stdout) =>
      resolve(error === null ? stdout : null),
    );
    child.stdin?.end();
  });
}
