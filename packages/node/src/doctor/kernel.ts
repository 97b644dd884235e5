/**
 * What Linux tells of itself in /proc. Elsewhere there may be a folder of that name, with something else in it.
 */
import { readFile } from 'node:fs/promises';

/** Empty: there is no such file, or this is another system. */
export function kernelText(path: `/proc/${string}`): Promise<string> {
  if (process.platform !== 'linux') return Promise.resolve('');
  return readFile(path, 'latin1').catch(() => '');
}
