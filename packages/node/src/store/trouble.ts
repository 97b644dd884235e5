/**
 * What went wrong with a stream, in words: what, why, and what to do. Says nothing that is not known.
 */
import { messageOf, ZerothError } from '../errors.ts';
import { codeOf } from './files.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Make room, or lower `retain`; it goes on by itself',
  EDQUOT: 'the quota of the disk is used up. Make room, or raise it; it goes on by itself',
  EROFS: 'the file system is read-only. Look into the system log for why, and mount it for writing',
  EIO: 'the disk reports an I/O error. Look into the system log, and check the disk',
  EACCES: 'permission is denied. Give the user of the node the right to write there',
  EPERM: 'the system does not permit it. Give the user of the node the right to write there',
  EMFILE: 'the process has too many open files. Raise the limit (ulimit -n)',
  ENFILE: 'the system has too many open files. Raise its limit',
  ENOENT: 'its folder is gone. Do not remove it while the node runs',
};

/** `code: words` of an error of the system. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const text = REASONS[code] ?? messageOf(error);
  return code === '' ? text : `${code}: ${text}`;
}

export function streamFailed(stream: string, folder: string, error: unknown): ZerothError {
  return new ZerothError(
    'STREAM_FAILED',
    `Stream ${stream} does not accept records. Writing to ${folder} failed, ${reasonOf(error)}.`,
    { cause: error },
  );
}
