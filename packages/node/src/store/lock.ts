/**
 * The lock of a data folder: one process writes, and the others are told who.
 *
 * `lock` holds the owner as JSON. It is made by linking a finished file to that name, which one process alone can do.
 * An owner that is gone is replaced by whoever is the first to make `lock.<nonce of the owner>`, again by a link: so
 * two that start at once never both take over, and who crashes while taking over is taken over in the same way.
 *
 * Guarantees: at most one owner. An owner of this host is gone when its process is; one of another host, of another
 * container or from before the system was started anew, when it has not touched the lock for {@link ABANDONED} ms. Where
 * the system does not say when a process started, a later one may have its number: then it is watched for a while
 * after that, because a machine that slept comes back. One that comes back later finds out, and stops.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ZerothError } from '../errors.ts';
import { codeOf, type FileSystem, readSmall, TEMPORARY, writeAt } from './files.ts';
import { isAlive, newOwner, type Owner, parseOwner } from './owner.ts';

const NAME = 'lock';
const ABANDONED = 30_000;
const TOUCHED = 5000;
const WATCHED = 2 * TOUCHED;
/**
 * Locks that were taken here. Where the system does not say when a process started, a lock with our number that is not
 * among them is of an earlier process; where it does, of another thread.
 */
const held = new Set<string>();

export class Lock {
  readonly #files: FileSystem;
  readonly #dir: string;
  readonly #owner: Owner;
  #touched: number;

  private constructor(files: FileSystem, dir: string, owner: Owner) {
    this.#files = files;
    this.#dir = dir;
    this.#owner = owner;
    this.#touched = owner.since;
  }

  /** @throws STORE_LOCKED, or an error of the file system. */
  static async take(
    files: FileSystem,
    dir: string,
    now: () => number,
    watched: number = WATCHED,
  ): Promise<Lock> {
    const owner = newOwner(now());
    const own = join(dir, `${NAME}.${owner.nonce}${TEMPORARY}`);
    const file = await files.open(own, 'write');
    try {
      await writeAt(file, [Buffer.from(`${JSON.stringify(owner)}\n`)], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await acquire(files, dir, own, { now, watched });
    } finally {
      await files.remove(own).catch(() => {});
    }
    held.add(owner.nonce);
    await sweep(files, dir);
    return new Lock(files, dir, owner);
  }

  /** Says that the owner is there. False: the lock is somebody else's by now. */
  async touch(now: number): Promise<boolean> {
    if (now - this.#touched < TOUCHED && now >= this.#touched) return true;
    this.#touched = now;
    if (!(await this.isOurs())) return false;
    // A file system in trouble is the streams' business.
    await this.#files.touch(join(this.#dir, NAME)).catch(() => {});
    return true;
  }

  /** False: the lock is somebody else's by now. True also when nobody can tell. */
  async isOurs(): Promise<boolean> {
    try {
      const bytes = await readSmall(this.#files, join(this.#dir, NAME), 4096);
      return bytes !== null && parseOwner(bytes)?.nonce === this.#owner.nonce;
    } catch {
      return true;
    }
  }

  async release(): Promise<void> {
    const path = join(this.#dir, NAME);
    const bytes = await readSmall(this.#files, path, 4096).catch(() => null);
    if (bytes !== null && parseOwner(bytes)?.nonce === this.#owner.nonce)
      await this.#files.remove(path).catch(() => {});
    held.delete(this.#owner.nonce);
  }
}

/** Who has the lock; null: nobody, or somebody who is gone. */
export async function ownerOf(files: FileSystem, dir: string, now: () => number): Promise<Owner | null> {
  const owner = await read(files, join(dir, NAME), now);
  return owner === null || owner.gone ? null : owner.owner;
}

async function acquire(
  files: FileSystem,
  dir: string,
  own: string,
  { now, watched }: { now: () => number; watched: number },
): Promise<void> {
  const lock = join(dir, NAME);
  for (;;) {
    if (await claim(files, own, lock)) return;
    let found = await read(files, lock, now);
    if (found === null) continue;
    const root = found.owner.nonce;
    let path = lock;
    // Along the chain of those that died while they took over, to its end.
    for (;;) {
      if (!found.gone) throw locked(dir, found.owner);
      if (found.touched !== null) {
        await delay(watched);
        const later = await read(files, path, now);
        if (later?.owner.nonce !== found.owner.nonce) break;
        if (later.touched !== found.touched) throw locked(dir, found.owner);
      }
      const over = join(dir, `${NAME}.${found.owner.nonce}`);
      if (await claim(files, own, over)) {
        // The lock may have been taken over, and the traces removed, since it was read.
        const still = await read(files, lock, now);
        if (still?.owner.nonce !== root) {
          // Its owner may have removed it already, with the other traces.
          await files.remove(over).catch(() => {});
          break;
        }
        await files.rename(over, lock);
        return;
      }
      path = over;
      found = await read(files, path, now);
      if (found === null) break;
    }
  }
}

/** Gives a finished file a second name; false: the name is taken. */
async function claim(files: FileSystem, own: string, name: string): Promise<boolean> {
  try {
    await files.link(own, name);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

interface Found {
  readonly owner: Owner;
  readonly gone: boolean;
  /** When it was last touched, in ms, of an owner who is gone if it is not touched again; null: there is no doubt. */
  readonly touched: number | null;
}

async function read(files: FileSystem, path: string, now: () => number): Promise<Found | null> {
  const bytes = await readSmall(files, path, 4096);
  if (bytes === null) return null;
  const owner = parseOwner(bytes) ?? (isUnfinished(bytes) ? UNKNOWN : null);
  if (owner === null) {
    throw new ZerothError(
      'STORE_FAILED',
      `${path} is no lock of zeroth. Remove it if no node uses the folder.`,
    );
  }
  const alive = isAlive(owner);
  if (alive !== null && owner.pid === process.pid && owner.started === '')
    return { owner, gone: !held.has(owner.nonce), touched: null };
  if (alive === false || (alive === true && owner.started !== ''))
    return { owner, gone: !alive, touched: null };
  // Nobody can tell, or the number may be another program's by now: after a power cut on Windows it often is.
  try {
    const { modified } = await files.stat(path);
    const gone = now() - modified > ABANDONED;
    return { owner, gone, touched: gone && alive === true ? modified : null };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Where there are no links a lock is a copy, which may be half done, or never finished by one who died. */
const UNKNOWN: Owner = {
  pid: 0,
  host: 'a host that did not say yet',
  scope: '',
  started: '',
  since: 0,
  nonce: '0'.repeat(16),
};

function isUnfinished(bytes: Buffer): boolean {
  return bytes.length === 0 || (bytes[0] === 0x7b && bytes.at(-1) !== 0x0a);
}

/** Removes what takeovers have left. The lock is ours: who still is about to take over looks at it again first. */
async function sweep(files: FileSystem, dir: string): Promise<void> {
  for (const name of await files.list(dir))
    if (/^lock\.[0-9a-f]{16}$/.test(name)) await files.remove(join(dir, name)).catch(() => {});
}

function locked(dir: string, { pid, host, since }: Owner): ZerothError {
  const when = new Date(since).toISOString();
  return new ZerothError(
    'STORE_LOCKED',
    `${dir} is in use by process ${pid} on ${host}, since ${when}. Stop that node, or use another data folder.`,
  );
}
