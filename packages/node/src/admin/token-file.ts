/**
 * The token of `admin.tokenFile`.
 *
 * Guarantees: the file is a small one of the form that `admin.token` has; errors name the file and never what is in it.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';

const MAX_OCTETS = 1024;

/** @throws ZerothError ADMIN_TOKEN_FILE. */
export function readTokenFile(path: string, log: Log): string {
  const wrong = (why: string, cause?: unknown): ZerothError =>
    new ZerothError('ADMIN_TOKEN_FILE', `admin.tokenFile ${path}: ${why}`, { cause });
  let text: string;
  try {
    const fd = openSync(path, 'r');
    try {
      const facts = fstatSync(fd);
      if (!facts.isFile()) throw wrong('is not a file');
      if (process.platform !== 'win32' && (facts.mode & 0o004) !== 0)
        log.event('admin:token-file', { file: path });
      const bytes = Buffer.alloc(MAX_OCTETS + 1);
      const size = readSync(fd, bytes, 0, bytes.length, 0);
      if (size > MAX_OCTETS) throw wrong(`has more than ${MAX_OCTETS} octets`);
      text = bytes.toString('utf8', 0, size).trim();
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof ZerothError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw wrong(code === 'ENOENT' ? 'there is no such file' : `can't be read (${code})`, error);
  }
  if (text === '') throw wrong('is empty; write 16 to 512 printable characters into it');
  if (!/^[\x21-\x7e]{16,512}$/.test(text))
    throw wrong('has no good token: it takes 16 to 512 printable characters, no space, on one line');
  return text;
}
