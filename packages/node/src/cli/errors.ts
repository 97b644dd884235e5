/**
 * Errors for the person at the terminal: what is wrong, and the way out.
 *
 * Guarantees: every error that a command ends with is printed once, by {@link describeError}, and has an exit code.
 */

import type { ErrorCode } from '../errors.ts';
import { messageOf, ZerothError } from '../errors.ts';
import { wordsOf } from '../flow/errors.ts';
import { EXIT } from './exit.ts';

/** An error of a command. */
export class CliError extends ZerothError {
  readonly exitCode: number;
  /** What to do about it. */
  readonly hint: string | null;

  constructor(
    code: ErrorCode,
    message: string,
    options: { exitCode: number; hint?: string; cause?: unknown },
  ) {
    super(code, message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode;
    this.hint = options.hint ?? null;
  }
}

/** A wrong command line. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError('USAGE', message, { exitCode: EXIT.usage, ...(hint === undefined ? {} : { hint }) });
}

/** A file that can't be read or written: `doing` says which. The reason stands there once, without the system call. */
export function fileError(
  doing: 'read' | 'write',
  path: string,
  { cause, exitCode }: { cause: unknown; exitCode: number },
): CliError {
  const text = messageOf(cause);
  const system = /^([A-Z][A-Z0-9]+): (.*?)(?:, [a-z]+(?: '.*)?)?$/s.exec(text);
  const reason = system === null ? text : `${system[2]} (${system[1]})`;
  return new CliError('FILE_FAILED', `cannot ${doing} ${path}: ${reason}`, { exitCode, cause });
}

export interface ErrorWords {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly exitCode: number;
}

/** What to do about errors that don't say it themselves. */
const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  STORE_LOCKED: 'one process at a time writes there: stop the other, or choose another folder (node.dataDir)',
  STORE_FAILED: 'check the folder and its permissions, or choose another one (node.dataDir)',
};

/** What to print of an error, and the exit code that goes with it. */
export function describeError(error: unknown): ErrorWords {
  if (error instanceof ZerothError) {
    const { hint, exitCode } = error as { hint?: string | null; exitCode?: number };
    return {
      code: error.code,
      message: error.message,
      hint: hint ?? HINTS[error.code] ?? null,
      exitCode: exitCode ?? exitFor(error.code),
    };
  }
  if (error instanceof Error) {
    const { code } = error as { code?: string };
    return { code: code ?? error.name, message: wordsOf(error), hint: null, exitCode: EXIT.unexpected };
  }
  return { code: 'UNEXPECTED', message: String(error), hint: null, exitCode: EXIT.unexpected };
}

function exitFor(code: ErrorCode): number {
  switch (code) {
    case 'CONFIG_INVALID':
      return EXIT.config;
    case 'USAGE':
      return EXIT.usage;
    case 'BIND_FAILED':
    case 'CONNECT_FAILED':
    case 'STORE_LOCKED':
    case 'STORE_FAILED':
    case 'STREAM_FAILED':
    case 'SERVICE_EXISTS':
    case 'SERVICE_UNKNOWN':
    case 'SERVICE_FAILED':
    case 'SERVICE_UNSUPPORTED':
      return EXIT.start;
    default:
      return EXIT.unexpected;
  }
}
