// npm test [-- FILTER... OPTION...]: builds, then runs every *.test.ts through node:test.
//
//   npm test -- packages/zmq/test/unit                 only the files whose path starts so (any number of these)
//   npm test -- --test-name-pattern=greeting           anything else with a dash goes to node
//   npm test -- --keep-going packages/zmq/test/unit    runs what did compile even if the build failed (still exits 1)
//   npm test -- --jitter=100 packages/zmq/test/unit    stops processes for up to 100 ms at a time meanwhile (./jitter.mjs)
//
// The files are listed here because `node --test` takes folders on Node 20 only and globs on later ones only.
// The list is made from the sources, so the output of a test that was deleted does not run. packages/node/test/windows is
// compiled and left out: npm run test:windows runs it.
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { buildAll } from './browser.mjs';
import { limit } from './test-limit.mjs';
import { node, root } from './tool.mjs';

/** Folder of sources, where they are compiled to, and the project that does it. */
const suites = [
  { tests: 'packages/zmq/test', compiled: 'packages/zmq/.out/test', project: 'packages/zmq/test' },
  {
    tests: 'packages/client/test',
    compiled: 'packages/client/.out/test',
    project: 'packages/client/test',
  },
  { tests: 'packages/node/test', compiled: 'packages/node/.out/test', project: 'packages/node/test' },
  { tests: 'bench/test', compiled: 'bench/.out/test', project: 'bench' },
  { tests: 'examples/test', compiled: 'examples/.out/test', project: 'examples' },
  { tests: 'scripts/test', compiled: 'scripts/test', project: null },
];

/** Needs Windows, or Wine. */
const elsewhere = 'packages/node/test/windows/';
/** Two processes at once: many of the tests are themselves several processes. */
const concurrency = 2;
/** A test that hangs fails after this long, in ms; ./test-limit.mjs speaks up before. */
const timeout = limit + 30_000;

const args = process.argv.slice(2);
const keepGoing = args.includes('--keep-going');
const jitter = args.find((arg) => arg === '--jitter' || arg.startsWith('--jitter='));
const options = args.filter((arg) => arg.startsWith('-') && arg !== '--keep-going' && arg !== jitter);
const filters = args
  .filter((arg) => !arg.startsWith('-'))
  .map((arg) => relative(root, arg).split(sep).join('/'));

const wanted = (file) => filters.length === 0 || filters.some((filter) => file.startsWith(filter));

function testsOf({ tests, compiled }) {
  const folder = join(root, tests);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map((name) => name.split(sep).join('/'))
    .filter((name) => /\.test\.(ts|mjs)$/.test(name) && !`${tests}/${name}`.startsWith(elsewhere))
    .filter((name) => wanted(`${tests}/${name}`))
    .map((name) => `${compiled}/${name.replace(/\.ts$/, '.js')}`)
    .sort();
}

/** What goes before node's options when the tests are to be run on a machine that is too busy. */
function jittered() {
  if (jitter === undefined) return [];
  const [, longest = '100', seed = String(randomInt(1_000_000))] = jitter.split(/[=,]/);
  console.log(`Jitter: stops of up to ${longest} ms. Again: --jitter=${longest},${seed}`);
  return ['scripts/jitter.mjs', seed, longest, process.execPath];
}

const found = suites
  .map((suite) => ({ ...suite, files: testsOf(suite) }))
  .filter(({ files }) => files.length > 0);
const files = found.flatMap((suite) => suite.files);
if (files.length === 0) {
  console.error(`No test file found${filters.length > 0 ? ` for ${filters.join(' ')}` : ''}.`);
  process.exit(1);
}

// Without a filter everything is compiled, so that a broken example fails the tests too.
const projects = found.map(({ project }) => project).filter((project) => project !== null);
// The tests of the node run the built command line, which no test project refers to.
if (projects.includes('packages/node/test')) projects.unshift('packages/node');
const built = filters.length === 0 ? await buildAll() : projects.length === 0 ? 0 : await buildAll(projects);
if (built !== 0 && !keepGoing) process.exit(built);

const tested = node([
  ...jittered(),
  '--enable-source-maps',
  `--import=${new URL('test-limit.mjs', import.meta.url)}`,
  '--test',
  '--test-reporter=spec',
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${timeout}`,
  ...options,
  ...(keepGoing ? files.filter((file) => existsSync(join(root, file))) : files),
]);
process.exitCode = tested || built;
