import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Path of a file in docs/ of the repository, wherever the tests were compiled to. */
export function docsFile(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!(existsSync(join(folder, 'docs')) && existsSync(join(folder, 'packages')))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the repository has no docs folder');
    folder = parent;
  }
  return join(folder, 'docs', name);
}
