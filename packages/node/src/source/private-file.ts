/**
 * Files that may hold a secret.
 *
 * Guarantees: the file is there whole, as it was or as it is now, on the disk, and only its owner reads it.
 */

import { open, rename, rm } from 'node:fs/promises';

/** Into a folder that is there. One at a time for each path. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  // One that is left of a crash may have other permissions.
  await rm(fresh, { force: true });
  const file = await open(fresh, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}
