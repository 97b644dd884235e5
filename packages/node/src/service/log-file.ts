/**
 * The lines of a log file: the last ones, then those that are written from now on.
 *
 * Guarantees: memory is bounded, whatever the file holds (a line longer than {@link LONGEST} comes in pieces); the old file
 * of a rotation is read to its end before the new one is begun; a file that isn't there yet is waited for with `follow`.
 */

import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, ZerothError } from '../errors.ts';
import type { LogOptions } from './manager.ts';

const CHUNK = 64 * 1024;
/** Characters of a line at most. */
const LONGEST = 1024 * 1024;
/** Milliseconds from one look to the next. */
const LOOK = 250;

/** @throws ZerothError FILE_FAILED: it can't be read; without `follow` also: there is none. */
export async function* readLog(
  path: string,
  { lines, follow, signal }: LogOptions,
): AsyncGenerator<string, void> {
  let file = await openLog(path, follow);
  try {
    let reader = new LineReader(file === null ? 0 : await startOfLast(file, lines));
    while (!signal.aborted) {
      if (file !== null) yield* reader.read(file);
      if (!follow) break;
      await sleep(LOOK, undefined, { signal }).catch(() => undefined);
      const next: FileHandle | null = await another(path, file, reader.position);
      if (next === null) continue;
      if (file !== null) {
        // What was written between the last look and the rotation.
        yield* reader.read(file);
        yield* reader.rest();
        await file.close();
      }
      file = next;
      reader = new LineReader(0);
    }
    yield* reader.rest();
  } finally {
    await file?.close();
  }
}

async function openLog(path: string, follow: boolean): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (follow && (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new ZerothError('FILE_FAILED', `the log ${path} can't be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The file that has this path now, when it is another than the open one, or was cut. */
async function another(path: string, file: FileHandle | null, position: number): Promise<FileHandle | null> {
  const now = await stat(path, { bigint: true }).catch(() => null);
  if (now === null) return null;
  if (file === null) return openLog(path, true);
  const then = await file.stat({ bigint: true });
  const same = now.ino === then.ino && now.dev === then.dev && now.size >= position;
  // On Windows one that is being renamed can't be opened for a moment: the next look finds it.
  return same ? null : openLog(path, true).catch(() => null);
}

/** Where the last `lines` lines begin. */
async function startOfLast(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  const buffer = Buffer.alloc(CHUNK);
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      // The one at the very end of the file ends the last line.
      if (buffer[at] !== 10 || start + at === size - 1) continue;
      if (++found === lines) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

class LineReader {
  #position: number;
  readonly #decoder = new StringDecoder('utf8');
  readonly #buffer = Buffer.alloc(CHUNK);
  #open = '';

  constructor(position: number) {
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  /** What is there by now. */
  async *read(file: FileHandle): AsyncGenerator<string, void> {
    for (;;) {
      const { bytesRead } = await file.read(this.#buffer, 0, CHUNK, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      this.#open += this.#decoder.write(this.#buffer.subarray(0, bytesRead));
      const whole = this.#open.split('\n');
      this.#open = whole.pop() ?? '';
      for (const line of whole) yield line.endsWith('\r') ? line.slice(0, -1) : line;
      if (this.#open.length > LONGEST) yield* this.rest();
    }
  }

  /** A last line that nobody ended. */
  *rest(): Generator<string, void> {
    if (this.#open !== '') yield this.#open;
    this.#open = '';
  }
}
