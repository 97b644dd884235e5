// What a package is run from: one file of JavaScript for each door of it, and a file for what is loaded later or shared.
//
// A third of what a start cost was the number of files: Node resolves, reads, links and evaluates each of them by itself.
//
// Guarantees: a module is in one file only, whichever door it is reached by, and what is imported later is run later; names
// and lines are those of the sources, and a source map leads to src/; other packages stay outside. Types are tsc's, beside
// them. Made anew only when something that they are made of is newer; the same sources make the same text.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isNewer, root } from './tool.mjs';

/** Folder of a package to its doors: file in dist, file in src. */
const PACKAGES = {
  'packages/zmq': { index: 'index.ts', draft: 'draft.ts', run: 'run.ts' },
  'packages/client': { index: 'index.ts', wire: 'wire.ts', codec: 'codec.ts' },
  'packages/node': {
    'cli/main': 'cli/main.ts',
    service: 'service.ts',
    // Who starts it looks for it beside itself, and is in a chunk.
    'chunks/worker': 'service/windows/worker.ts',
  },
};

/** The version is in the text of the node. */
const others = [fileURLToPath(import.meta.url), join(root, 'package-lock.json')];

function isUpToDate(folder, doors) {
  const made = Object.keys(doors).map((door) => join(folder, 'dist', `${door}.js`));
  if (!made.every((path) => existsSync(path))) return false;
  const oldest = Math.min(...made.map((path) => statSync(path).mtimeMs));
  return ![join(folder, 'src'), join(folder, 'package.json'), ...others].some((path) =>
    isNewer(path, oldest),
  );
}

/** What was made before goes, so that nobody loads a file that is not made any more; the bundles for browsers stay. */
function removeText(dist) {
  mkdirSync(dist, { recursive: true });
  for (const name of readdirSync(dist, { recursive: true }))
    if (/\.js(\.map)?$/.test(name) && !name.startsWith('bundle')) rmSync(join(dist, name));
}

async function make(folder, doors) {
  const { rolldown } = await import('rolldown');
  const dist = join(folder, 'dist');
  const bundled = await rolldown({
    input: Object.fromEntries(Object.entries(doors).map(([door, file]) => [door, join(folder, 'src', file)])),
    // Comments in the text say from where a module is, seen from here.
    cwd: folder,
    platform: 'node',
    logLevel: 'silent',
    transform: { target: 'es2023' },
    external: (name) => !name.startsWith('.') && !isAbsolute(name) && name !== 'zeroth/package.json',
  });
  try {
    removeText(dist);
    const { output } = await bundled.write({
      dir: dist,
      format: 'es',
      chunkFileNames: 'chunks/[name].js',
      sourcemap: true,
    });
    // The sources are in the package.
    for (const { fileName } of output.filter(({ fileName }) => fileName.endsWith('.map'))) {
      const { sourcesContent, ...map } = JSON.parse(readFileSync(join(dist, fileName), 'utf8'));
      writeFileSync(join(dist, fileName), JSON.stringify(map));
    }
  } finally {
    await bundled.close();
  }
}

for (const [name, doors] of Object.entries(PACKAGES)) {
  const folder = join(root, name);
  if (!isUpToDate(folder, doors)) await make(folder, doors);
}
