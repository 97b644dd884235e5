// The packages of this repository, installed as a user has them after `npm install zeroth`: packed, unpacked, with the
// dependencies that package-lock.json names, those of Windows (koffi) instead of those of this machine.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tool.mjs';

const OURS = { zeroth: 'packages/node', '@zeroth/client': 'packages/client', '@zeroth/zmq': 'packages/zmq' };

/** Installs into a new folder; the packages must be built. @throws with what npm said. */
export function installPackages(folder) {
  mkdirSync(folder, { recursive: true });
  npm(
    [
      'pack',
      '--ignore-scripts',
      '--pack-destination',
      folder,
      ...Object.values(OURS).map((path) => `./${path}`),
    ],
    root,
  );
  const dependencies = Object.fromEntries(
    Object.entries(OURS).map(([name, path]) => {
      const { version } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
      return [name, `file:${name.replace('@', '').replace('/', '-')}-${version}.tgz`];
    }),
  );
  const project = { name: 'installed', private: true, dependencies };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lockOf(project)));
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--omit=dev'];
  npm(['install', '--os=win32', '--cpu=x64', ...flags], folder);
}

/** What the lock of the repository says about others' packages; those that nobody needs here are left out by npm. */
function lockOf({ name, dependencies }) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const kept = { '': { name, dependencies } };
  for (const [path, entry] of Object.entries(packages)) {
    if (entry.link === true || entry.dev === true || !path.includes('node_modules/')) continue;
    kept[path.replace(/^packages\/node\/node_modules\//, 'node_modules/zeroth/node_modules/')] = entry;
  }
  return { name, lockfileVersion: 3, requires: true, packages: kept };
}

/** npm as npm itself says where it is, else the one on the path. */
function npm(args, cwd) {
  const script = process.env.npm_execpath;
  const [command, first] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []];
  const shell = command === 'npm' && process.platform === 'win32';
  const { status, stdout, stderr, error } = spawnSync(command, [...first, ...args], {
    cwd,
    encoding: 'utf8',
    shell,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ${args[0]} ended with ${status}:\n${stdout}${stderr}`);
}
