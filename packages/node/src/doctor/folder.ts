/**
 * A folder to try things in.
 *
 * Guarantees: whatever was made for it is gone afterwards, also the folders above that were not there before.
 */
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { dirname, join, toNamespacedPath } from 'node:path';

/** Makes `parent` where it is not there, and a folder of a name of its own in it, for as long as `use` runs. */
export async function withFolder<T>(
  parent: string,
  use: (folder: string, made: boolean) => Promise<T>,
): Promise<T> {
  const first = await mkdir(parent, { recursive: true, mode: 0o700 });
  try {
    const folder = await mkdtemp(join(parent, '.doctor-'));
    try {
      return await use(folder, first !== undefined);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  } finally {
    if (first !== undefined) await removeUpTo(first, parent);
  }
}

/** What somebody has put something into by now stays. */
export async function removeUpTo(first: string, last: string): Promise<void> {
  // Windows gives the first one in its long form.
  const least = toNamespacedPath(first).length;
  for (let at = last; toNamespacedPath(at).length >= least; at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return;
    }
    if (dirname(at) === at) return;
  }
}
