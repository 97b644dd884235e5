// Where things are and how a tool is run: shared by the scripts of this folder.
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The script behind a tool's command: run by node itself it needs no shell on any system. */
export function binOf(name, command) {
  const folder = join(root, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[command]);
}

/** Runs node with these arguments at the root of the repository and returns its exit code. */
export function node(args, options = {}) {
  const { status, signal, error } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    ...options,
  });
  if (error) throw error;
  return signal ? 1 : (status ?? 1);
}

/** Newer than a moment: a file, or a folder or anything in it. A deleted file makes its folder newer. */
export function isNewer(path, moment) {
  const stats = statSync(path);
  if (stats.mtimeMs >= moment) return true;
  return stats.isDirectory() && readdirSync(path).some((name) => isNewer(join(path, name), moment));
}

/** Replaces a file as a whole, so that nobody reads half of it; it is dated at this moment, in ms. */
export function put(path, text, moment = Date.now()) {
  mkdirSync(dirname(path), { recursive: true });
  const half = `${path}.${process.pid}.tmp`;
  writeFileSync(half, text);
  utimesSync(half, moment / 1000, moment / 1000);
  renameSync(half, path);
}

/**
 * Builds these projects (folders with a tsconfig.json), all of them without a name, and the doors of the packages; only what
 * is out of date. The doors are made of what there is even if its types are wrong: tests that are run all the same run that.
 */
export function build(projects = []) {
  const compiled = node([binOf('typescript', 'tsc'), '-b', ...projects]);
  return node(['scripts/doors.mjs']) || compiled;
}

/** Runs the command of a package from the registry in a folder of the repository. */
export function run(name, command, args, folder = '.') {
  return node([binOf(name, command), ...args], { cwd: join(root, folder) });
}
