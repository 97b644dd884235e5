// Packages of the registry that an executable is made of: fetched once, checked against the integrity that is written
// down in this repository, unpacked under node_modules/.cache.
//
// What is unpacked came from a tarball whose SHA-512 was right at that moment; a folder is there whole or not at all.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tool.mjs';
import { Unavailable } from './targets.mjs';

const cache = join(root, 'node_modules/.cache/zeroth-exe');

/** The folder of `name@version`, unpacked. @throws when it can't be fetched, or is not what was written down. */
export function fetchPackage({ package: name, version, integrity }) {
  const folder = join(cache, `${name.replace('/', '+')}@${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, 'fetch-'));
  try {
    npm(['pack', `${name}@${version}`, '--json', '--pack-destination', scratch], scratch);
    const file = `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
    verify(readFileSync(join(scratch, file)), integrity, `${name}@${version}`);
    // A bare name: tar takes what stands before a colon for another machine, and C:\ has one.
    call('tar', ['-xzf', file], scratch);
    // Another build may have been first.
    if (!existsSync(folder)) renameSync(join(scratch, 'package'), folder);
    return folder;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @throws when these are not the bytes that were written down. Exported for its test. */
export function verify(tarball, integrity, what) {
  const found = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  if (found !== integrity)
    throw new Error(`${what} is not what was written down: ${found} instead of ${integrity}`);
}

/** npm as npm itself says where it is, else the one on the path. */
function npm(args, folder) {
  const script = process.env.npm_execpath;
  try {
    if (script?.endsWith('.js')) call(process.execPath, [script, ...args], folder);
    else call('npm', args, folder, { shell: process.platform === 'win32' });
  } catch (error) {
    throw new Unavailable(error.message, { cause: error });
  }
}

function call(command, args, cwd, options = {}) {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', ...options });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${status}: ${stderr.trim()}`);
}
