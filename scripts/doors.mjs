// node scripts/doors.mjs [bench]: what a package is run from: one file of JavaScript for each door of it, and a file for
// what is loaded later or shared.
//
// A third of what a start cost was the number of files: Node resolves, reads, links and evaluates each of them by itself.
//
// Guarantees: a module is in one file only, whichever door it is reached by, and what is imported later is run later; names
// are those of the sources, and a source map leads to src/; other packages stay outside. Types are tsc's, beside them.
// Made anew only when something that they are made of is newer; ./doors/make.mjs says how.
import { join } from 'node:path';
import { makeDoors } from './doors/make.mjs';
import { root } from './tool.mjs';

/** Folder of a package to its sources, and its doors: file in dist, file in the sources. */
const PACKAGES = {
  'packages/zmq': {
    sources: 'packages/zmq/src',
    doors: { index: 'index.ts', draft: 'draft.ts', run: 'run.ts' },
  },
  'packages/client': {
    sources: 'packages/client/src',
    doors: { index: 'index.ts', wire: 'wire.ts', codec: 'codec.ts' },
  },
  'packages/node': {
    sources: 'packages/node/src',
    doors: {
      'cli/main': 'cli/main.ts',
      service: 'service.ts',
      // Who starts it looks for it beside itself, and is in a chunk.
      'chunks/worker': 'service/windows/worker.ts',
    },
  },
  // The node without most of it, for comparison: made of files as few as the node is.
  bench: {
    sources: 'packages/node/src',
    doors: { 'bare/load': 'config/load.ts', 'bare/topology': 'flow/topology.ts' },
  },
};

/** The version is in the text of the node. */
const OTHERS = ['scripts/doors', 'scripts/doors.mjs', 'package-lock.json'].map((path) => join(root, path));

const wanted = process.argv.slice(2);
try {
  for (const [name, { sources, doors }] of Object.entries(PACKAGES)) {
    // Nobody else needs it.
    if (name === 'bench' && !wanted.includes(name)) continue;
    const paths = Object.entries(doors).map(([door, file]) => [door, join(root, sources, file)]);
    const inputs = [join(root, sources), join(root, sources, '../package.json'), ...OTHERS];
    await makeDoors(join(root, name), Object.fromEntries(paths), inputs);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
