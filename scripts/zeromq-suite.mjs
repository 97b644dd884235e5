// npm run test:zeromq-js [-- --repo PATH] [-- FILE...]: zeromq.js's own unit tests, run against @zeroth/zmq.
//
//   npm run test:zeromq-js                        fetches zeromq.js from GitHub, at the commit below
//   npm run test:zeromq-js -- --repo PATH         takes it from a clone that is here (also: ZEROMQ_JS_REPO=PATH); any commit
//                                                 that the clone lacks is an error. A bare clone will do
//   npm run test:zeromq-js -- --folder PATH       works in this folder and leaves it there, so that the tools are fetched once
//   npm run test:zeromq-js -- socket-close        only files whose name has one of these words
//
// None of their tests is kept here: they are unpacked into a temporary folder, where `src/index.ts` and `src/draft.ts` are
// replaced by re-exports of our build, and type-checked against our types. Their retries are off. The tools that they need
// (mocha, chai, typescript ...) come from the npm registry, into that folder, without install scripts.
//
// Left out: test/unit/compat (the API of zeromq.js v5) and typings-compatibility-test.ts (zeromq.js's own build with old
// versions of TypeScript). typings-test.ts, their program that uses all types, is checked with the rest.
//
// On a busy machine some fail that pass on a quiet one: those that give a process 750 ms to start and end, and those that publish 25 ms
// after a connect, whether the subscription has come or not.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, root } from './tool.mjs';

const COMMIT = 'd7c6d2ee7c9c0c6e49ab38ca99f55efa0026a15d';
const GITHUB = 'https://github.com/zeromq/zeromq.js.git';
const TOOLS = [
  'mocha@11',
  'chai@4',
  'typescript@5.9',
  '@types/node@22',
  '@types/chai@4',
  '@types/mocha@10',
  '@types/semver@7',
  '@types/proper-lockfile@4',
  'semver@7',
  'proper-lockfile@4',
];
/** About their native build: of their classes in JavaScript the same tests expect the words of the engine. */
const WORDS_OF_ADDON = "the words of the addon's native classes; ours are the engine's";
/** What fails, and is to: docs/from-zeromq.md says more. Anything else that fails is news, and the exit code is 1. */
const KNOWN = [
  [/concurrently should throw error on concurrent (send|receive)/, 'waits in line here'],
  [/should share memory of large buffers/, 'inproc receivers get a copy'],
  [/should not starve event loop/, 'counts ticks of 1 ms: 2500 messages take less time here'],
  [/should throw if called as function/, WORDS_OF_ADDON],
  [/exports should include functions and constructors/, 'there are more exports'],
  [/should report mechanism mismatch error/, 'a CURVE server without a key is refused earlier'],
  [/socket with inproc in thread when connected (to|between) threads?/, 'inproc does not cross threads'],
];
/** A file that takes longer, in ms, hangs. Their own limit is 6 s for one test. */
const PATIENCE = 180_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { repo: { type: 'string' }, folder: { type: 'string' } },
});
const repo = values.repo ?? process.env.ZEROMQ_JS_REPO;
const folder = values.folder ? resolve(values.folder) : mkdtempSync(join(tmpdir(), 'zeroth-zeromq-js-'));

if (build(['packages/zmq']) !== 0) process.exit(1);
try {
  process.exitCode = main();
} finally {
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
}

function main() {
  mkdirSync(folder, { recursive: true });
  if (!unpack()) return 1;
  turnImports();
  if (!tools()) return 1;
  const typeErrors = compile();
  const files = readdirSync(join(folder, 'test/unit'))
    .filter((name) => name.endsWith('-test.ts') && name !== 'typings-compatibility-test.ts')
    .filter((name) => positionals.length === 0 || positionals.some((word) => name.includes(word)))
    .sort();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  for (const file of files) {
    const result = run(file);
    for (const key of Object.keys(total)) total[key] += result[key];
    failures.push(...result.failures.map((text) => `${file}: ${text}`));
    console.log(
      `${file.padEnd(40)} ${String(result.passed).padStart(4)} passed ${String(result.failed).padStart(4)} failed ${String(result.skipped).padStart(4)} skipped`,
    );
  }
  console.log('left out: test/unit/compat/*, typings-compatibility-test.ts');
  if (typeErrors.length > 0) {
    console.log(`\n${typeErrors.length} errors of types:`);
    for (const line of typeErrors) console.log(`  ${line}`);
  }
  const reasonOf = (line) => KNOWN.find(([pattern]) => pattern.test(line))?.[1];
  const news = failures.filter((line) => reasonOf(line) === undefined);
  if (failures.length > news.length) {
    console.log('\nfailed, as is known:');
    for (const line of failures.filter((each) => reasonOf(each) !== undefined)) {
      console.log(`  ${line.split(': ').slice(0, 2).join(': ')} (${reasonOf(line)})`);
    }
  }
  if (news.length > 0) {
    console.log('\nfailed:');
    for (const line of news) console.log(`  ${line}`);
  }
  const counted = total.passed + total.failed;
  const others = counted - failures.filter((line) => reasonOf(line) === WORDS_OF_ADDON).length;
  const share = (of) =>
    `${total.passed} of ${of} passed (${of === 0 ? 0 : ((total.passed / of) * 100).toFixed(1)} %)`;
  console.log(
    `\n${share(counted)}, without those about the native build ${share(others)}, ${total.failed} failed, ${news.length} of them unexpected, ${total.skipped} skipped by themselves, ${typeErrors.length} errors of types`,
  );
  return news.length === 0 && typeErrors.length === 0 ? 0 : 1;
}

function command(name, args, options = {}) {
  const result = spawnSync(name, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (result.error) throw result.error;
  return result;
}

/** Their files at the commit, without ours over them. */
function unpack() {
  let source = repo;
  if (source === undefined) {
    source = join(folder, '.zeromq.js');
    if (!existsSync(source)) command('git', ['init', '-q', '--bare', source]);
    const fetched = command('git', ['-C', source, 'fetch', '-q', '--depth', '1', GITHUB, COMMIT]);
    if (fetched.status !== 0) {
      console.error(
        `${GITHUB} can't be reached from here:\n${fetched.stderr}Give a clone of it: npm run test:zeromq-js -- --repo PATH, or ZEROMQ_JS_REPO=PATH.`,
      );
      return false;
    }
  }
  const archive = join(folder, '.zeromq.js.tar');
  const packed = command('git', [
    '-C',
    resolve(source),
    'archive',
    '-o',
    archive,
    COMMIT,
    'test',
    'src/errors.ts',
    'tsconfig.json',
  ]);
  if (packed.status !== 0) {
    console.error(`${source} has no commit ${COMMIT} of zeromq.js:\n${packed.stderr}`);
    return false;
  }
  rmSync(join(folder, 'test'), { recursive: true, force: true });
  rmSync(join(folder, 'src'), { recursive: true, force: true });
  const untarred = command('tar', ['xf', archive]);
  if (untarred.status !== 0) throw new Error(untarred.stderr);
  rmSync(join(folder, 'test/unit/compat'), { recursive: true });
  return true;
}

function turnImports() {
  const dist = join(root, 'packages/zmq/dist');
  for (const door of ['index', 'draft']) {
    const there = existsSync(join(dist, `${door}.js`));
    const target = JSON.stringify(join(dist, `${door}.js`));
    writeFileSync(join(folder, `src/${door}.ts`), there ? `export * from ${target};\n` : 'export {};\n');
  }
  // What the programs that the tests start, and their workers, `require`.
  writeFileSync(
    join(folder, 'index.js'),
    `module.exports = require(${JSON.stringify(join(dist, 'index.js'))});\n`,
  );
  const manifest = { name: 'zeromq', version: '0.0.0', private: true, type: 'commonjs', main: 'index.js' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
}

function tools() {
  if (existsSync(join(folder, 'node_modules/mocha')) && existsSync(join(folder, 'node_modules/typescript'))) {
    return true;
  }
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--no-package-lock'];
  const { status } = command(npm, [...args, ...TOOLS], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) console.error('The tools that their tests need could not be installed.');
  return status === 0;
}

/** Compiles the tests in place, with the options of their tsconfig.json. What TypeScript complains of. */
function compile() {
  const own = {
    extends: './tsconfig.json',
    include: ['test/unit/**/*.ts', 'src/*.ts'],
    exclude: ['test/unit/typings-compatibility-test.ts'],
    compilerOptions: {
      skipLibCheck: true,
      incremental: false,
      sourceMap: false,
      declaration: false,
      // Our declaration files say `.ts` in their imports.
      types: ['node', 'mocha'],
      // AsyncIterator of what is received, WeakRef: as in theirs.
      lib: ['ES2021'],
    },
  };
  writeFileSync(join(folder, 'tsconfig.suite.json'), JSON.stringify(own));
  const tsc = join(folder, 'node_modules/typescript/bin/tsc');
  const { stdout } = command(process.execPath, [tsc, '-p', 'tsconfig.suite.json', '--pretty', 'false']);
  return stdout.split('\n').filter((line) => /error TS\d+/.test(line));
}

/** One file in a process of its own: what one leaves behind must not trouble the next. */
function run(file) {
  const report = join(folder, '.report.json');
  rmSync(report, { force: true });
  rmSync(join(folder, 'tmp'), { recursive: true, force: true });
  mkdirSync(join(folder, 'tmp'));
  const mocha = join(folder, 'node_modules/mocha/bin/mocha.js');
  const args = ['--no-config', '--expose-gc', '--exit', '--timeout', '6000', '--retries', '0'];
  const { signal, status, stderr } = command(
    process.execPath,
    [
      '--expose-gc',
      mocha,
      ...args,
      '--reporter',
      'json',
      '--reporter-option',
      `output=${report}`,
      join('test/unit', file.replace(/\.ts$/, '.js')),
    ],
    { timeout: PATIENCE, killSignal: 'SIGKILL' },
  );
  if (!existsSync(report)) {
    const why =
      signal === null ? `ended with ${status}: ${stderr.trim().split('\n').slice(0, 5).join(' / ')}` : `hung`;
    return { passed: 0, failed: 1, skipped: 0, failures: [`the whole file ${why}`] };
  }
  const { stats, failures } = JSON.parse(readFileSync(report, 'utf8'));
  return {
    passed: stats.passes,
    failed: stats.failures,
    skipped: stats.pending,
    failures: failures.map(({ fullTitle, err }) => `${fullTitle}: ${(err.message ?? '').split('\n')[0]}`),
  };
}
