// The files of JavaScript that a package is run from.
//
// Guarantees: what runs from a folder goes on while it is built again, and loads later what belongs to it: a chunk is named
// by what is in it, and one that is not made any more stays for a day. Nobody reads half a file, and two builds at once do
// each other no harm. After a build that failed everything is as it was. The same sources make the same text.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { isNewer, put } from '../tool.mjs';

/** How long a chunk is kept for who started with it, in ms. */
const KEPT = 24 * 60 * 60 * 1000;

/** Which files were made, of what there was when this file was last changed. */
const recordOf = (folder) => join(folder, '.out/doors.json');

/** The files of the last build, as paths. */
export function madeIn(folder) {
  const record = recordOf(folder);
  if (!existsSync(record)) return [];
  return JSON.parse(readFileSync(record, 'utf8')).map((name) => join(folder, 'dist', name));
}

function isUpToDate(folder, inputs) {
  const made = madeIn(folder);
  if (made.length === 0 || !made.every((path) => existsSync(path))) return false;
  const { mtimeMs } = statSync(recordOf(folder));
  return !inputs.some((path) => isNewer(path, mtimeMs));
}

/** Files that no build has made for so long; the bundles for browsers and the types are others'. */
function removeOld(dist, made, now) {
  for (const name of readdirSync(dist, { recursive: true })) {
    if (!/\.js(\.map)?(\.\d+\.tmp)?$/.test(name) || name.startsWith('bundle')) continue;
    const path = join(dist, name);
    const at = made.has(path) ? undefined : statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (at !== undefined && now - at > KEPT) rmSync(path, { force: true });
  }
}

async function textsOf(folder, doors) {
  const { rolldown } = await import('rolldown');
  const bundled = await rolldown({
    input: doors,
    // Comments in the text say from where a module is, seen from here.
    cwd: folder,
    platform: 'node',
    logLevel: 'silent',
    transform: { target: 'es2023' },
    external: (name) => !name.startsWith('.') && !isAbsolute(name) && name !== 'zeroth/package.json',
  });
  try {
    const { output } = await bundled.generate({
      dir: join(folder, 'dist'),
      format: 'es',
      chunkFileNames: 'chunks/[name]-[hash].js',
      sourcemap: true,
    });
    return output.map((file) => {
      if (file.type === 'chunk') return [file.fileName, file.code];
      // The sources are in the package.
      const { sourcesContent, ...map } = JSON.parse(file.source);
      return [file.fileName, JSON.stringify(map)];
    });
  } finally {
    await bundled.close();
  }
}

/**
 * Makes the files of a package in its dist, if one of the inputs (files and folders) is newer than they are. Doors: file in
 * dist, without its ending, to path of the source.
 */
export async function makeDoors(folder, doors, inputs, now = Date.now()) {
  if (isUpToDate(folder, inputs)) return;
  const dist = join(folder, 'dist');
  const texts = await textsOf(folder, doors);
  for (const path of madeIn(folder)) if (existsSync(path)) utimesSync(path, now / 1000, now / 1000);
  // Doors come last: what they lead to is there.
  const isDoor = ([name]) => Object.hasOwn(doors, name.replace(/\.js$/, ''));
  for (const [name, text] of [...texts.filter((each) => !isDoor(each)), ...texts.filter(isDoor)])
    put(join(dist, name), text);
  // Of before the build: a source that was changed while it ran is newer.
  put(recordOf(folder), JSON.stringify(texts.map(([name]) => name)), now);
  removeOld(dist, new Set(madeIn(folder)), now);
}
