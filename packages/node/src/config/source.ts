/**
 * A file -> text.
 *
 * Guarantees: never throws; reads at most {@link MAX_FILE_SIZE} bytes and one, whatever the size says; the text is valid
 * UTF-8 without a byte order mark.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import type { ProblemCode } from './problem.ts';

export const MAX_FILE_SIZE: number = 1024 * 1024;

export type Source =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly code: ProblemCode;
      readonly message: string;
      readonly allowed: readonly string[];
      readonly line: number;
      readonly column: number;
    };

function fail(
  code: ProblemCode,
  message: string,
  allowed: readonly string[] = [],
  line = 0,
  column = 0,
): Source {
  return { ok: false, code, message, allowed, line, column };
}

const tooLarge = (): Source =>
  fail('CONFIG_FILE_TOO_LARGE', `the file has more than ${MAX_FILE_SIZE} bytes`, [
    `at most ${MAX_FILE_SIZE} bytes`,
  ]);

export function readSource(path: string): Source {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    return unreadable(error);
  }
  try {
    const stat = fstatSync(descriptor);
    // Unix opens folders; Windows refuses in openSync.
    if (stat.isDirectory()) return fail('CONFIG_FILE_NOT_A_FILE', 'this is a folder, not a file');
    if (stat.size > MAX_FILE_SIZE) return tooLarge();
    const bytes = Buffer.allocUnsafe(MAX_FILE_SIZE + 1);
    let length = 0;
    // Pipes and files that grow while they are read have no size to believe.
    for (;;) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null);
      if (read === 0) break;
      length += read;
      if (length > MAX_FILE_SIZE) return tooLarge();
    }
    return decode(bytes.subarray(0, length));
  } catch (error) {
    return unreadable(error);
  } finally {
    closeSync(descriptor);
  }
}

/** The same without holding up the process, for a disk may be far away, and for files alone: a pipe may never end. */
export async function readSourceLater(path: string): Promise<Source> {
  let file: FileHandle;
  try {
    if (!(await stat(path)).isFile())
      return fail('CONFIG_FILE_NOT_A_FILE', 'this is a folder, a pipe or a device, and not a file');
    file = await open(path, 'r');
  } catch (error) {
    return unreadable(error);
  }
  try {
    if ((await file.stat()).size > MAX_FILE_SIZE) return tooLarge();
    const bytes = Buffer.allocUnsafe(MAX_FILE_SIZE + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
      if (length > MAX_FILE_SIZE) return tooLarge();
    }
    return decode(bytes.subarray(0, length));
  } catch (error) {
    return unreadable(error);
  } finally {
    await file.close();
  }
}

function unreadable(error: unknown): Source {
  const code = (error as { code?: unknown } | null)?.code;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return fail('CONFIG_FILE_NOT_FOUND', 'the file does not exist; "zeroth init" writes one');
    case 'EISDIR':
      return fail('CONFIG_FILE_NOT_A_FILE', 'this is a folder, not a file');
    case 'EACCES':
    case 'EPERM':
      return fail('CONFIG_FILE_UNREADABLE', 'no permission to read the file');
    default:
      return fail(
        'CONFIG_FILE_UNREADABLE',
        `the file cannot be read (${typeof code === 'string' ? code : String(error)})`,
      );
  }
}

/** Text that did not come from a file has the same limits. */
export function checkText(text: string): Source {
  if (Buffer.byteLength(text) > MAX_FILE_SIZE) return tooLarge();
  return { ok: true, text: text.startsWith('\ufeff') ? text.slice(1) : text };
}

function decode(bytes: Uint8Array): Source {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    return fail('CONFIG_NOT_UTF8', 'the file is UTF-16, as some Windows tools write it', ['UTF-8']);
  }
  try {
    // Takes a byte order mark off by itself.
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return notUtf8(bytes);
  }
}

/** A line feed is never part of a longer character, so lines can be tried one by one. */
function notUtf8(bytes: Uint8Array): Source {
  const strict = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let start = 0;
  while (start <= bytes.length) {
    const newline = bytes.indexOf(10, start);
    const part = bytes.subarray(start, newline === -1 ? bytes.length : newline);
    try {
      strict.decode(part);
    } catch {
      const column = new TextDecoder('utf-8').decode(part).indexOf('\ufffd') + 1;
      return fail('CONFIG_NOT_UTF8', 'the file has bytes that are not UTF-8', ['UTF-8'], line, column);
    }
    if (newline === -1) break;
    start = newline + 1;
    line++;
  }
  return fail('CONFIG_NOT_UTF8', 'the file has bytes that are not UTF-8', ['UTF-8']);
}
