/**
 * Where a service keeps its things on Windows: a folder of its own under %ProgramData%\zeroth.
 */

import { win32 } from 'node:path';

/** %ProgramData%\zeroth */
export function windowsRoot(): string {
  return win32.join(process.env.ProgramData ?? 'C:\\ProgramData', 'zeroth');
}

export function windowsFolder(name: string): string {
  return win32.join(windowsRoot(), name);
}

/** What `service install` gives as --log, and `service logs` reads. */
export function windowsLogFile(name: string): string {
  return win32.join(windowsFolder(name), 'log', 'zeroth.log');
}
