/**
 * Where the local sockets of nodes are: one for each running node, which only the node's own user can open.
 *
 * Guarantees: a folder that another user could have put there is not used; files of nodes that are gone are removed by
 * the next node, those of running ones never.
 */
import { accessSync, constants, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, ZerothError } from '../errors.ts';

const WINDOWS: boolean = process.platform === 'win32';
const PIPES = '\\\\.\\pipe\\';
/** Octets of the path of a Unix socket; macOS has the fewest. */
const MAX_PATH = 103;

/** Variables of the environment that say where: absolute paths. Only the command line reads them. */
export interface LocalEnvironment {
  /** This folder and no other. */
  readonly ZEROTH_RUNTIME_DIR?: string | undefined;
  readonly XDG_RUNTIME_DIR?: string | undefined;
}

/** A socket that a node left there: `name` as far as its path tells. */
export interface LocalSocket {
  readonly path: string;
  readonly name: string;
  readonly pid: number;
}

/** Folders for the sockets, in the order in which they are tried. */
export function localFolders({ ZEROTH_RUNTIME_DIR, XDG_RUNTIME_DIR }: LocalEnvironment): readonly string[] {
  if (ZEROTH_RUNTIME_DIR?.startsWith('/')) return [ZEROTH_RUNTIME_DIR];
  const uid = process.getuid?.() ?? 0;
  const own = join(tmpdir(), `zeroth-${uid}`);
  const run = uid === 0 && process.platform === 'linux' ? ['/run/zeroth'] : [];
  const session = XDG_RUNTIME_DIR?.startsWith('/') ? [join(XDG_RUNTIME_DIR, 'zeroth')] : [];
  return [...session, ...run, own];
}

/** The path for the socket of a node, in a folder that is there afterwards. @throws ZerothError ADMIN_FAILED. */
export function localPath(environment: LocalEnvironment, name: string, pid: number): string {
  if (WINDOWS) return `${PIPES}zeroth-${name}-${pid}`;
  const reasons: string[] = [];
  for (const folder of localFolders(environment)) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      checkOwner(folder);
      accessSync(folder, constants.W_OK | constants.X_OK);
      const room = MAX_PATH - Buffer.byteLength(join(folder, `.${pid}.sock`)) - 1;
      if (room > 0) return join(folder, `${name.slice(0, room)}.${pid}.sock`);
      reasons.push(`${folder} is too long for a socket`);
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new ZerothError('ADMIN_FAILED', `no folder for the local socket: ${reasons.join('; ')}`);
}

/** In a folder of everybody, somebody else may have been faster. */
function checkOwner(folder: string): void {
  const facts = lstatSync(folder);
  const uid = process.getuid?.();
  if (!facts.isDirectory() || facts.uid !== uid)
    throw new ZerothError('ADMIN_FAILED', `${folder} is not a folder of this user`);
  // Its permissions are not ours to change: it may be /tmp, named by mistake.
  if ((facts.mode & 0o022) !== 0)
    throw new ZerothError('ADMIN_FAILED', `others can write into ${folder}: chmod 700, or choose another`);
}

/** The sockets in all folders that this user may look into, whether somebody answers or not. */
export function localSockets(environment: LocalEnvironment): readonly LocalSocket[] {
  if (WINDOWS)
    return names(PIPES).flatMap((file) => found(file, /^zeroth-(.*)-(\d{1,10})$/, `${PIPES}${file}`));
  return [...localFolders(environment), ...serviceFolders(environment)].flatMap((folder) => {
    // Nobody but root can have made one there.
    const trusted = folder.startsWith('/run/') || isOwn(folder);
    const files = trusted ? names(folder) : [];
    return files.flatMap((file) => found(file, /^(.*)\.(\d{1,10})\.sock$/, join(folder, file)));
  });
}

/** Root may ask the nodes of services, which have folders of their own: `zeroth service install` names them so. */
function serviceFolders({ ZEROTH_RUNTIME_DIR }: LocalEnvironment): readonly string[] {
  if (process.getuid?.() !== 0 || process.platform !== 'linux' || ZEROTH_RUNTIME_DIR?.startsWith('/'))
    return [];
  return names('/run').flatMap((name) => (name.startsWith('zeroth-') ? [join('/run', name)] : []));
}

function found(file: string, form: RegExp, path: string): LocalSocket[] {
  const [, name, pid] = form.exec(file) ?? [];
  return name === undefined ? [] : [{ path, name, pid: Number(pid) }];
}

function isOwn(folder: string): boolean {
  try {
    checkOwner(folder);
    return true;
  } catch {
    return false;
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Removes the files of processes that are gone. Pipes go with their process. */
export async function removeStale(environment: LocalEnvironment): Promise<void> {
  if (WINDOWS) return;
  const dead = localSockets(environment).filter(({ pid }) => !isAlive(pid));
  await Promise.all(dead.map(({ path }) => removeUnanswered(path)));
}

/** Another container may see the same folder and other processes: only what nobody answers goes. */
export async function removeUnanswered(path: string): Promise<void> {
  // A file that is no socket refuses a connection as well, and is somebody's.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  await new Promise<void>((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve();
    });
    probe.once('error', (error) => {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') rmSync(path, { force: true });
      resolve();
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
