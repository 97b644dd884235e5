// npm run fuzz [-- --target NAME] [--minutes M] [--seed N] [--input HEX] [--save]: builds, then damages handshakes until the
// time is over, or a promise is broken: exit code 1, and the line that runs that input again.
//
//   npm run fuzz                                          every target, a minute each
//   npm run fuzz -- --target curve-server --minutes 10    one of them, longer; as a list: --target null,plain-server
//   npm run fuzz -- --save                                keeps what led to new places in packages/zmq/test/fuzz/corpus
//   npm run fuzz -- --target null --input 040106          one input, with what came of it

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build, root } from './tool.mjs';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() >>> 0) },
    input: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});

const built = build(['packages/zmq/test']);
if (built !== 0) process.exit(built);

const compiled = (name) =>
  import(pathToFileURL(join(root, 'packages/zmq/.out/test/support', `${name}.js`)).href);
const { Corpus, explore, once } = await compiled('fuzz/corpus');
const { open, TARGETS } = await compiled('fuzz/targets');
const { random } = await compiled('property');

const targets = values.target === undefined ? TARGETS : values.target.split(',');
for (const target of targets) {
  if (!TARGETS.includes(target)) {
    console.error(`There is no target ${target}: ${TARGETS.join(', ')}`);
    process.exit(1);
  }
}

for (const target of targets) {
  const { run, close } = await open(target);
  try {
    if (values.input !== undefined) {
      console.log(await once(target, run, Uint8Array.from(Buffer.from(values.input, 'hex'))));
      continue;
    }
    const corpus = new Corpus(target);
    const begin = performance.now();
    const end = begin + Number(values.minutes) * 60_000;
    const seed = Number(values.seed) >>> 0;
    const runs = await explore(corpus, run, random(seed), () => performance.now() < end);
    const seconds = (performance.now() - begin) / 1000;
    const { length } = corpus.inputs;
    console.log(
      `${target}: ${runs} inputs in ${seconds.toFixed(1)} s (seed ${seed}), ${length} places, no promise broken`,
    );
    if (values.save) corpus.save();
  } catch (error) {
    console.error(`${target}: ${error.stack}\n${error.cause?.stack ?? ''}`);
    process.exitCode = 1;
  } finally {
    await close();
  }
}
