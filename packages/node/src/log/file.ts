/**
 * The log in a file: lines are appended to FILE; at 16 MiB it becomes FILE.1, that one FILE.2, …, and FILE.4 goes.
 *
 * Guarantees: a line is written when the call returns, and stands whole in one file; a full disk, a removed folder or a file
 * that somebody holds open end neither the process nor the log: what could not be written is counted, and told when writing
 * works again; nothing is kept in memory. No file is renamed while it is open here (Windows does not allow it). Several
 * processes may write to one: each line stands whole, and one of them rotates. What a link points to is rotated, not the link.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ZerothError } from '../errors.ts';
import type { Destination } from './destination.ts';

/** Octets of a file. */
const LIMIT = 16 * 1024 * 1024;
/** Old files. */
const KEPT = 4;
/** Milliseconds between two attempts to open or to rotate what could not be. */
const PAUSE = 1000;
const MODE = 0o640;
// A named pipe that nobody reads must not hold up the start; Windows has none in folders.
const FLAGS =
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_RDWR |
  ((constants.O_NONBLOCK as number | undefined) ?? 0);

export interface LogFileOptions {
  readonly limit?: number;
  readonly kept?: number;
  /** Milliseconds, of a clock that never goes back. */
  readonly now?: () => number;
}

/** Lines that could not be written, and why the last one could not. */
export interface Dropped {
  readonly lines: number;
  readonly reason: string;
}

export class LogFile implements Destination {
  readonly path: string;
  /** Called when writing works again. */
  recovered: ((dropped: Dropped) => void) | null = null;
  readonly #limit: number;
  readonly #kept: number;
  readonly #now: () => number;
  #fd: number | null = null;
  /** Of the last line only the beginning was written: by us, or by a process that ended in the middle of it. */
  #cut = false;
  #dropped = 0;
  #reason = '';
  /** When what went wrong may be tried again. */
  #openAt = Number.NEGATIVE_INFINITY;
  #rotateAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @throws ZerothError FILE_FAILED when it can't be opened now. */
  constructor(path: string, options: LogFileOptions = {}) {
    const { limit = LIMIT, kept = KEPT, now = () => performance.now() } = options;
    // Whoever changes the folder of the process later does not move the log.
    this.path = resolve(path);
    this.#limit = limit;
    this.#kept = kept;
    this.#now = now;
    try {
      this.#open();
      if (lstatSync(this.path).isSymbolicLink()) this.path = realpathSync(this.path);
    } catch (cause) {
      throw new ZerothError('FILE_FAILED', `the log can't be written to ${path}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  write(line: string): void {
    if (this.#closed) return;
    try {
      this.#append(Buffer.from(this.#cut ? `\n${line}` : line));
    } catch (error) {
      this.#dropped++;
      this.#reason = reasonOf(error);
      return;
    }
    if (this.#dropped === 0) return;
    const dropped = { lines: this.#dropped, reason: this.#reason };
    this.#dropped = 0;
    this.recovered?.(dropped);
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  #append(bytes: Buffer): void {
    if (this.#fd !== null) {
      const { size, nlink } = fstatSync(this.#fd);
      if (size > 0 && size + bytes.length > this.#limit) this.#rotate(this.#fd);
      // Somebody has removed it: nobody would ever read what is written there.
      else if (nlink === 0) this.#release();
    }
    const fd = this.#fd ?? this.#reopen();
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(fd, bytes, at);
      } catch (error) {
        this.#cut ||= at > 0;
        throw error;
      }
    }
    this.#cut = false;
  }

  #open(): number {
    mkdirSync(dirname(this.path), { recursive: true });
    const fd = openSync(this.path, FLAGS, MODE);
    try {
      const facts = fstatSync(fd);
      if (!facts.isFile()) throw new Error('it is not a file');
      this.#cut = isCut(fd, facts.size);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#fd = fd;
    return fd;
  }

  #reopen(): number {
    if (this.#now() < this.#openAt) throw new Error(this.#reason);
    try {
      return this.#open();
    } catch (error) {
      this.#openAt = this.#now() + PAUSE;
      throw error;
    }
  }

  /** When it can't be done now the file goes on growing, and it is tried again. */
  #rotate(fd: number): void {
    if (this.#now() < this.#rotateAt) return;
    const isOurs = isAt(this.path, fd);
    this.#release();
    // Somebody else has rotated: what is there now is the new one.
    if (!isOurs) return;
    try {
      // Up to the first gap only: an attempt that stopped half-way is gone on with, and pushes nothing out.
      let last = 1;
      while (last < this.#kept && existsSync(this.#old(last))) last++;
      for (let number = last; number > 0; number--) move(this.#old(number - 1), this.#old(number));
    } catch {
      this.#rotateAt = this.#now() + PAUSE;
    }
  }

  #old(number: number): string {
    return number === 0 ? this.path : `${this.path}.${number}`;
  }

  #release(): void {
    if (this.#fd === null) return;
    const fd = this.#fd;
    this.#fd = null;
    try {
      closeSync(fd);
    } catch {
      // A disk of the network may say only now that it is full.
    }
  }
}

/** Whether the file that is open is the one of this name. */
function isAt(path: string, fd: number): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  const here = fstatSync(fd, { bigint: true });
  return there !== undefined && there.ino === here.ino && there.dev === here.dev;
}

function isCut(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
