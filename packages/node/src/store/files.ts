/**
 * What the store needs of a file system, and the real one.
 *
 * Guarantees: a `write` that succeeded is whole; in a file opened as `durable` it is on the disk as well, by whatever
 * is the fastest way to that here. Errors are those of node:fs, with their `code`. Tests hand in one that fails.
 */
import * as fs from 'node:fs';
import * as promises from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** `read`: must be there. `write`: made if it is not there. `durable`: the same, and every write is on the disk. */
export type OpenMode = 'read' | 'write' | 'durable';

export interface FileSystem {
  /** Made with the folders above it; nothing happens if it is there. */
  makeFolder(path: string): Promise<void>;
  /** Names of what is in a folder. */
  list(path: string): Promise<string[]>;
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  stat(path: string): Promise<FileStat>;
  /** Replaces what is there. */
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file (or a copy, where there are no links); fails with EEXIST if it is taken. */
  link(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes what was made, renamed and removed in a folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Sets the time of the last change to now. */
  touch(path: string): Promise<void>;
}

export interface FileStat {
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export interface OpenFile {
  /** Writes all of it, in order. One at a time. */
  write(parts: readonly Uint8Array[], position: number, done: (error: Error | null) => void): void;
  /** Fills `into` as far as the file goes; the octets that were read. */
  read(into: Uint8Array, position: number): Promise<number>;
  size(): Promise<number>;
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

// Opening with O_DSYNC saves a second trip to the kernel, and ext4 a commit of its journal: 4 MiB take 2.4 ms where
// a write and fdatasync take 19. macOS has no such flag that reaches the disk; there fdatasync is F_FULLFSYNC.
const DSYNC: number = process.platform === 'darwin' ? 0 : (fs.constants.O_DSYNC ?? 0);

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR | fs.constants.O_CREAT,
  durable: fs.constants.O_RDWR | fs.constants.O_CREAT | DSYNC,
};

/** What file systems without links say (exFAT, some network shares). */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

const BUSY: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EBUSY']);
const TRIES = process.platform === 'win32' ? 20 : 1;
const PAUSE = 25;

/** Windows refuses for a moment what somebody else has open just then: another node, a virus scanner. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES || !BUSY.has(codeOf(error))) throw error;
      await delay(PAUSE);
    }
  }
}

export const realFiles: FileSystem = {
  async makeFolder(path) {
    await promises.mkdir(path, { recursive: true });
  },
  list: (path) => promises.readdir(path),
  open: (path, mode) =>
    patiently(
      () =>
        new Promise((resolve, reject) => {
          fs.open(path, FLAGS[mode], 0o640, (error, fd) => {
            if (error === null) resolve(new RealFile(fd, mode === 'durable' && DSYNC === 0));
            else reject(error);
          });
        }),
    ),
  async stat(path) {
    const { size, mtimeMs } = await promises.stat(path);
    return { size, modified: mtimeMs };
  },
  rename: (from, to) => patiently(() => promises.rename(from, to)),
  link: (from, to) =>
    patiently(async () => {
      try {
        await promises.link(from, to);
      } catch (error) {
        if (!NO_LINKS.has(codeOf(error))) throw error;
        await promises.copyFile(from, to, fs.constants.COPYFILE_EXCL);
      }
    }),
  remove: (path) => patiently(() => promises.unlink(path)),
  async syncFolder(path) {
    // Windows opens no folders, and keeps what was renamed without being asked.
    if (process.platform === 'win32') return;
    const folder = await promises.open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  async touch(path) {
    const now = new Date();
    await promises.utimes(path, now, now);
  },
};

class RealFile implements OpenFile {
  readonly #fd: number;
  readonly #syncs: boolean;

  constructor(fd: number, syncs: boolean) {
    this.#fd = fd;
    this.#syncs = syncs;
  }

  write(parts: readonly Uint8Array[], position: number, done: (error: Error | null) => void): void {
    let left = 0;
    for (const part of parts) left += part.length;
    const step = (rest: readonly Uint8Array[], at: number): void => {
      fs.writev(this.#fd, rest, at, (error, written) => {
        if (error !== null) return done(error);
        left -= written;
        // A disk that fills up takes a part first and says so the next time.
        if (left > 0) return step(after(rest, written), at + written);
        if (this.#syncs) fs.fdatasync(this.#fd, done);
        else done(null);
      });
    };
    step(parts, position);
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const got = await new Promise<number>((resolve, reject) => {
        fs.read(this.#fd, into, filled, into.length - filled, position + filled, (error, count) => {
          if (error === null) resolve(count);
          else reject(error);
        });
      });
      if (got === 0) break;
      filled += got;
    }
    return filled;
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#fd, (error, stat) => (error === null ? resolve(stat.size) : reject(error)));
    });
  }

  sync(): Promise<void> {
    return called((done) => fs.fdatasync(this.#fd, done));
  }

  truncate(size: number): Promise<void> {
    return called((done) => fs.ftruncate(this.#fd, size, done));
  }

  close(): Promise<void> {
    return called((done) => fs.close(this.#fd, done));
  }
}

function called(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  });
}

/** What is left of `parts` after their first `count` octets. */
function after(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const part of parts) {
    if (skip < part.length) rest.push(skip === 0 ? part : part.subarray(skip));
    skip = Math.max(0, skip - part.length);
  }
  return rest;
}

export function writeAt(file: OpenFile, parts: readonly Uint8Array[], position: number): Promise<void> {
  return called((done) => file.write(parts, position, done));
}

/** A whole small file. Null if there is none of that name, or if it is larger than `limit`. */
export async function readSmall(files: FileSystem, path: string, limit: number): Promise<Buffer | null> {
  let file: OpenFile;
  try {
    file = await files.open(path, 'read');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const size = await file.size();
    if (size > limit) return null;
    const bytes = Buffer.allocUnsafeSlow(size);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

/** Puts a whole file in place of what is there: after a crash there is the old one or the new one. */
export async function replaceFile(
  files: FileSystem,
  path: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  const temporary = `${path}${TEMPORARY}`;
  const file = await files.open(temporary, 'write');
  try {
    await file.truncate(0);
    await writeAt(file, parts, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(temporary, path);
}

/** Ends the name of a file that is not finished. Nobody misses one that a crash has left. */
export const TEMPORARY = '.tmp';

/** The `code` of an error of the system; otherwise ''. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
