/** Errors of the operating system in the package's own terms: every failure of a transport is a ZmqError. */
import type { ZmqErrorCode } from '../errors.ts';
import { ZmqError } from '../errors.ts';

/** Codes that the table of errors does not have, and the one there that a user would act on in the same way. */
const SAME_AS: Readonly<Record<string, ZmqErrorCode>> = {
  EPIPE: 'ECONNRESET',
  ECONNABORTED: 'ECONNRESET',
  ENETUNREACH: 'EHOSTUNREACH',
  ENETDOWN: 'EHOSTUNREACH',
  EHOSTDOWN: 'EHOSTUNREACH',
  ENOTFOUND: 'EHOSTUNREACH',
  EAI_AGAIN: 'EHOSTUNREACH',
  ENODATA: 'EHOSTUNREACH',
  EAFNOSUPPORT: 'EADDRNOTAVAIL',
  ENFILE: 'EMFILE',
  EPERM: 'EACCES',
  EROFS: 'EACCES',
  ENOTDIR: 'ENOENT',
  ENAMETOOLONG: 'EINVAL',
};

/** The code that `error` carries, or an empty text. */
export function codeOf(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? '';
}

/** Wraps an error of `node:net`, `node:dns` or `node:fs`. `address` is put where `ZmqError.address` shows it. */
export function systemError(error: unknown, address: string): ZmqError {
  const code = SAME_AS[codeOf(error)];
  if (code === undefined) return ZmqError.fromSystem(error, { address, detail: describe(error) });
  return new ZmqError(code, { address, detail: describe(error), cause: error });
}

function describe(error: unknown): string {
  // Several addresses were tried: the message of the whole is empty, those of the attempts are not.
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message : String(error);
}
