// npm run test:windows [-- FILTER... OPTION...]: the node as a service of Windows, on Windows or under Wine.
//
//   npm run test:windows -- cycles                       only files of packages/node/test/windows whose name holds this
//   npm run test:windows -- --test-name-pattern=pause    anything else with a dash goes to node
//   npm run test:windows -- --keep-going                 runs what did compile even if the build failed (still exits 1)
//
// Elsewhere than on Windows it takes Wine, which it installs on Debian and Ubuntu where it may, and the node.exe of the
// npm registry. Everything is made in a folder of its own under the system's temporary one, and removed at the end, also
// after Ctrl-C. Without Wine it says what is missing and ends with 0; with CI=true, where Wine could have been had, with 1.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchPackage } from './exe/fetch.mjs';
import { targetOf } from './exe/targets.mjs';
import { build, root } from './tool.mjs';
import { installPackages } from './windows/install.mjs';
import { findWine, openPrefix } from './windows/wine.mjs';

const TESTS = 'packages/node/test/windows';
const COMPILED = 'packages/node/.out/test/windows';
/** Two at once: each waits for its services most of the time. */
const CONCURRENCY = 2;
/** Milliseconds that a whole file may take: one of them runs sixty others. Reached only by one that hangs. */
const TIMEOUT = 600_000;
const WINDOWS = process.platform === 'win32';

const args = process.argv.slice(2);
const keepGoing = args.includes('--keep-going');
const options = args.filter((arg) => arg.startsWith('-') && arg !== '--keep-going');
const filters = args.filter((arg) => !arg.startsWith('-'));
const files = readdirSync(join(root, TESTS))
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
  .map((name) => join(root, COMPILED, name.replace(/\.ts$/, '.js')))
  .sort()
  // The longest file is among the first.
  .reverse();

if (files.length === 0) {
  console.error(`No file of ${TESTS} has a name with ${filters.join(' or ')}.`);
  process.exit(1);
}
process.exitCode = await main();

async function main() {
  const found = WINDOWS ? { wine: null } : findWine();
  if (found.wine === undefined) {
    console.log(`SKIPPED, nothing was tested: ${found.missing}`);
    return process.env.CI === 'true' && found.possible ? 1 : 0;
  }
  const built = build(['packages/node', 'packages/node/test']);
  if (built !== 0 && !keepGoing) return built;
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-windows-'));
  const running = new Set();
  let machine = null;
  const close = () => {
    machine?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => {
      for (const child of running) child.kill('SIGKILL');
      close();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  /** Runs node to its end; a signal to this process ends it at once. */
  const run = async (arguments_, env = {}) => {
    const child = spawn(process.execPath, arguments_, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    running.add(child);
    const [code] = await once(child, 'exit');
    running.delete(child);
    return code ?? 1;
  };
  try {
    const out = join(folder, 'executable');
    // Without Wine in it, whose prefix would be the user's.
    const executable = run(['scripts/build-exe.mjs', '--target', 'win-x64', '--out', out], {
      WINEPREFIX: undefined,
    });
    machine = WINDOWS ? onWindows() : underWine(found.wine, folder);
    const made = await executable;
    if (made !== 0 && !keepGoing) return made;
    if (made === 0) copyFileSync(join(out, 'win-x64/zeroth.exe'), machine.executable);
    const reporter = ['--test', '--test-reporter=spec', `--test-timeout=${TIMEOUT}`];
    const tested = await run(
      ['--enable-source-maps', ...reporter, `--test-concurrency=${CONCURRENCY}`, ...options, ...files],
      { ZEROTH_WINDOWS: JSON.stringify(machine.facts) },
    );
    return tested || made || built;
  } finally {
    close();
  }
}

/** Paths with blanks, as on most machines. `node`, `packages` and `executable` of the facts are paths of Windows. */
function underWine(wine, folder) {
  const { node } = targetOf('win-x64');
  const program = join(fetchPackage(node), node.file);
  const { drive, env, trace, close } = openPrefix(wine, join(folder, 'wine'));
  try {
    const files = join(drive, 'Program Files');
    mkdirSync(join(files, 'nodejs'));
    copyFileSync(program, join(files, 'nodejs/node.exe'));
    installPackages(join(files, 'Zeroth packages'));
    mkdirSync(join(files, 'Zeroth'));
    const scratch = join(drive, 'Test data');
    mkdirSync(scratch);
    const facts = {
      wine,
      env,
      drive,
      trace,
      repository: root,
      scratch,
      node: 'C:\\Program Files\\nodejs\\node.exe',
      packages: 'C:\\Program Files\\Zeroth packages',
      executable: 'C:\\Program Files\\Zeroth\\zeroth.exe',
    };
    return { facts, executable: join(files, 'Zeroth/zeroth.exe'), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Services may not be read from a person's profile, where the temporary folder is. */
function onWindows() {
  const base = mkdtempSync(join(process.env.ProgramFiles ?? 'C:\\Program Files', 'Zeroth test '));
  const packages = join(base, 'Zeroth packages');
  installPackages(packages);
  const node = join(base, 'node.exe');
  copyFileSync(process.execPath, node);
  const executable = join(base, 'zeroth.exe');
  const scratch = join(base, 'Test data');
  mkdirSync(scratch);
  const facts = { wine: null, repository: root, scratch, node, packages, executable };
  return { facts, executable, close: () => rmSync(base, { recursive: true, force: true, maxRetries: 20 }) };
}
