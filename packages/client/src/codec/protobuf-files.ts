/**
 * Reads a `.proto` file and all that it imports.
 *
 * Guarantees: each file is read once, whatever the imports look like; their number is limited; what is wrong is told
 * with the file that it is in.
 */
import type { Root } from 'protobufjs';
import { ClientError } from '../errors.ts';

export type Library = typeof import('protobufjs');

/** Files that a type may be spread over. */
const MAX_FILES = 1000;
/** Types that the library has with it. */
const BUNDLED = /(?:^|\/)(google\/protobuf\/\w+\.proto)$/;

interface File {
  readonly name: string;
  readonly text: string;
}

/** @throws ClientError (as a rejection) ERR_OPTION. */
export async function loadFiles(library: Library, file: string): Promise<Root> {
  const { path } = library.util;
  const root = new library.Root();
  const first = path.normalize(file);
  const seen = new Set([first]);
  const left = [await read(library, [first], file, '')];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const target of parse(library, root, next)) {
      const bundled = BUNDLED.exec(target)?.[1] ?? '';
      const known = library.common.get(bundled);
      // Like protoc, whose paths begin at the root, and like most editors.
      const places =
        known === null ? [path.resolve(first, target), path.resolve(next.name, target)] : [bundled];
      if (places.some((place) => seen.has(place))) continue;
      if (seen.size >= MAX_FILES)
        throw new ClientError('ERR_OPTION', `${file}: it imports more than ${MAX_FILES} files`);
      if (known === null) {
        const found = await read(library, places, target, `, which ${next.name} imports`);
        seen.add(found.name);
        left.push(found);
      } else {
        seen.add(bundled);
        root.addJSON(known.nested ?? {});
      }
    }
  }
  try {
    return root.resolveAll() as Root;
  } catch (cause) {
    throw new ClientError('ERR_OPTION', `${file}: ${(cause as Error).message}`, { cause });
  }
}

/** What the file imports. */
function parse(library: Library, root: Root, { name, text }: File): string[] {
  try {
    const { imports = [], weakImports = [] } = library.parse(text, root, { keepCase: true });
    return [...imports, ...weakImports];
  } catch (cause) {
    throw new ClientError('ERR_OPTION', `${name}: ${(cause as Error).message}`, { cause });
  }
}

/** The first of the places that has it. */
async function read(library: Library, places: readonly string[], file: string, why: string): Promise<File> {
  let cause: unknown;
  for (const name of places) {
    try {
      return { name, text: (await library.util.fetch(name)) as string };
    } catch (error) {
      cause = error;
    }
  }
  throw new ClientError('ERR_OPTION', `cannot read ${file}${why}: ${(cause as Error).message}`, { cause });
}
