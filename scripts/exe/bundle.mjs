// The command line of the node as one CommonJS file: what Node can carry inside of an executable.
//
// Guarantees: nothing of it is looked up on the machine that it runs on but modules of Node itself; names, lines and
// comments stay, so that the stack in an event can be read; the same sources make the same text.
import { isBuiltin } from 'node:module';
import { rolldown } from 'rolldown';
import { root } from '../tool.mjs';

/** Native: an executable has its addon as an asset, and never asks for the package. */
const ADDON = 'koffi';

/** An addon for speed, not there on most machines: who asks for it takes an error for an answer, and does without. */
const WITHOUT = 'sodium-native';

/** Instead of what would look for a prebuilt addon in folders around the executable. */
const without = {
  name: 'without',
  resolveId: (name) => (name === WITHOUT ? `\0${WITHOUT}` : null),
  load: (id) => (id === `\0${WITHOUT}` ? `throw new Error('${WITHOUT} is not in the executable');` : null),
};

/** The text of one entry point with all that it imports, and the files that it was made of. */
export async function bundle(input) {
  const bundled = await rolldown({
    input,
    // Comments in the text say from where a module is, seen from here.
    cwd: root,
    platform: 'node',
    logLevel: 'silent',
    external: [ADDON],
    plugins: [without],
  });
  try {
    // A module that is imported later is still run later, though it is in the same file.
    const { output } = await bundled.generate({ format: 'cjs', codeSplitting: false });
    const [chunk, ...rest] = output;
    if (rest.length > 0)
      throw new Error(`more than one file: ${rest.map(({ fileName }) => fileName).join(', ')}`);
    const outside = [...chunk.imports, ...chunk.dynamicImports].filter(
      (name) => !isBuiltin(name) && name !== chunk.fileName && name !== ADDON,
    );
    if (outside.length > 0) throw new Error(`not in the bundle: ${outside.join(', ')}`);
    return { text: chunk.code, files: chunk.moduleIds };
  } finally {
    await bundled.close();
  }
}
