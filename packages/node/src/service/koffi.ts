/**
 * The one place that loads koffi, through which the node calls the functions of the system it runs on.
 *
 * Guarantees: koffi is loaded when somebody calls, not before; without it there is a SERVICE_UNSUPPORTED that says what to
 * do. In a single executable the addon is an asset of it. It is unpacked to a folder of the account alone, named after
 * its hash, and compared with the asset, byte for byte, before it is loaded: nobody else can put code into the process.
 */

import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join, posix, win32 } from 'node:path';
import type KoffiModule from 'koffi';
import { messageOf, ZerothError } from '../errors.ts';
import { singleExecutable } from './executable.ts';

export type Koffi = typeof KoffiModule;

/** The name of the addon among the assets of an executable. */
const ASSET = 'koffi.node';

/** How often it is tried to unpack it, and milliseconds from one try to the next. */
const TRIES = 10;
const PAUSE = 100;

/** Whether {@link loadKoffi} would succeed. */
export function hasKoffi(): boolean {
  try {
    loadKoffi();
    return true;
  } catch {
    return false;
  }
}

let loaded: Koffi | null = null;

/** @throws ZerothError SERVICE_UNSUPPORTED. */
export function loadKoffi(): Koffi {
  loaded ??= load();
  return loaded;
}

function load(): Koffi {
  const executable = singleExecutable();
  if (executable !== null) return loadAddon(unpack(Buffer.from(executable.getRawAsset(ASSET))));
  try {
    // Through a name of its own, so that no bundler takes it along.
    const load = createRequire(import.meta.url);
    return load('koffi') as Koffi;
  } catch (error) {
    throw new ZerothError(
      'SERVICE_UNSUPPORTED',
      `the package koffi can't be loaded (${firstLine(error)}): npm install koffi, where zeroth is installed`,
      { cause: error },
    );
  }
}

function loadAddon(path: string): Koffi {
  const addon = { exports: {} };
  try {
    process.dlopen(addon, path);
  } catch (error) {
    throw new ZerothError('SERVICE_UNSUPPORTED', `${path} can't be loaded: ${firstLine(error)}`, {
      cause: error,
    });
  }
  return addon.exports as Koffi;
}

/** The path of the unpacked addon, in the first folder that does. */
function unpack(addon: Buffer): string {
  const name = `koffi-${createHash('sha256').update(addon).digest('hex').slice(0, 32)}`;
  const reasons: string[] = [];
  for (const base of cacheFolders(process.platform, process.env)) {
    try {
      return unpackInto(join(base, 'zeroth', name), addon);
    } catch (error) {
      reasons.push(firstLine(error));
    }
  }
  throw new ZerothError(
    'SERVICE_UNSUPPORTED',
    `no folder of this account to unpack a part of the executable to: ${reasons.join('; ') || 'none is known'}`,
  );
}

/** Where an account keeps what can be made again, the best first. Folders that everybody may write in are not among them. */
export function cacheFolders(
  platform: NodeJS.Platform,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const folders =
    platform === 'win32'
      ? // A service has a profile as well: C:\Windows\ServiceProfiles\NAME, or the one of the system.
        [environment.LOCALAPPDATA, under(environment.USERPROFILE, 'AppData', 'Local')]
      : [
          // systemd sets the first for a unit with CacheDirectory=, the second for one with StateDirectory=.
          environment.CACHE_DIRECTORY?.split(':')[0],
          environment.STATE_DIRECTORY?.split(':')[0],
          environment.XDG_CACHE_HOME,
          under(environment.HOME ?? homedir(), '.cache'),
        ];
  // One from where we happen to be is anybody's.
  const { isAbsolute } = platform === 'win32' ? win32 : posix;
  return folders.filter((folder): folder is string => folder !== undefined && isAbsolute(folder));
}

function under(folder: string | undefined, ...names: string[]): string | undefined {
  return folder === undefined || folder === '' ? undefined : join(folder, ...names);
}

/** Writes the addon into a folder of ours, unless it is there already, and checks what is there. Exported for its test. */
export function unpackInto(folder: string, addon: Buffer): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.platform !== 'win32') {
    const { uid, mode } = lstatSync(folder);
    if (uid !== process.geteuid?.() || (mode & 0o022) !== 0)
      throw new Error(`${folder} belongs to another user, or others may write in it`);
  }
  const path = join(folder, ASSET);
  const fresh = `${path}.${process.pid}`;
  for (let tries = 1; !holds(path, addon); tries++) {
    try {
      // Of a process that had this number, and did not come to the end of this.
      rmSync(fresh, { force: true });
      writeFileSync(fresh, addon, { mode: 0o700, flag: 'wx' });
      // Whoever is first wins: a library in use can't be replaced on Windows.
      renameSync(fresh, path);
    } catch (error) {
      // A scanner may hold what was just written, or just read it, for a moment.
      if (tries === TRIES) throw error;
      if (!holds(path, addon)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
  rmSync(fresh, { force: true });
  return path;
}

function holds(path: string, content: Buffer): boolean {
  try {
    return lstatSync(path).isFile() && readFileSync(path).equals(content);
  } catch {
    return false;
  }
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n', 1)[0] ?? '';
}
