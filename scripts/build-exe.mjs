// npm run build:exe [-- --target NAME[,NAME] --out FOLDER]: zeroth as one executable that needs no Node on the machine.
//
//   npm run build:exe                                for every system that we have a Node of, into build/exe/
//   npm run build:exe -- --target linux-x64,win-x64
//
// What is inside, how it is checked and what it can't: docs/executable.md.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { assemble } from './exe/assemble.mjs';
import { bundle } from './exe/bundle.mjs';
import { fetchPackage } from './exe/fetch.mjs';
import { licencesOf } from './exe/licences.mjs';
import { runnerOf, startTime } from './exe/run-here.mjs';
import { HOST, TARGETS, targetOf, Unavailable } from './exe/targets.mjs';
import { build, root } from './tool.mjs';

const src = join(root, 'packages/node/src');

/** The exit code when a Node for it can't be fetched (EX_UNAVAILABLE). */
const UNAVAILABLE = 69;

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: TARGETS.join(',') },
    out: { type: 'string', default: join(root, 'build/exe') },
  },
});

/** Where the Node of a target lies. */
const nodeOf = ({ node }) => join(fetchPackage(node), node.file);

function make(target, { main, worker, maker }) {
  const began = performance.now();
  const runner = runnerOf(target);
  const koffi = fetchPackage(target.koffi);
  const program = join(resolve(values.out), target.name, target.program);
  const windows = target.platform === 'win32';
  assemble({
    program,
    node: nodeOf(target),
    maker: runner === null ? [maker] : [...runner, nodeOf(target)],
    keepsCode: runner !== null,
    text: main.text,
    assets: {
      'koffi.node': readFileSync(join(koffi, target.koffi.file)),
      ...(windows ? { 'service-worker.cjs': worker.text } : {}),
    },
    platform: target.platform,
  });
  // Node's package for Windows comes without the licence, which is the same for all.
  const folders = [koffi, join(root, 'node_modules/koffi'), fetchPackage(targetOf('linux-x64').node)];
  const files = windows ? [...main.files, ...worker.files] : main.files;
  writeFileSync(join(dirname(program), 'LICENSES.txt'), licencesOf(files, folders));
  return {
    program: relative(process.cwd(), program),
    size: `${(statSync(program).size / 1024 / 1024).toFixed(1)} MiB`,
    built: `${((performance.now() - began) / 1000).toFixed(1)} s`,
    '--version': startTime(target, program),
  };
}

async function makeAll() {
  const targets = values.target.split(',').map(targetOf);
  const code = build(['packages/node']);
  if (code !== 0) return code;
  const [main, worker] = await Promise.all([
    bundle(join(src, 'cli/main.ts')),
    bundle(join(src, 'service/windows/worker.ts')),
  ]);
  const maker = nodeOf(targetOf(HOST));
  const made = targets.map((target) => [target.name, make(target, { main, worker, maker })]);
  console.table(Object.fromEntries(made));
  return 0;
}

try {
  process.exitCode = await makeAll();
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  console.error(error.message);
  process.exitCode = UNAVAILABLE;
}
