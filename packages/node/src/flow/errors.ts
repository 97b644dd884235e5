/**
 * Why a route could not start or had to end, with the way out.
 *
 * Guarantees: names the route, the side and the endpoint, gives the system's reason, and says what to do next.
 */

import type { ErrorCode } from '../errors.ts';
import { ZerothError } from '../errors.ts';

export type Side = 'frontend' | 'backend';

export class RouteError extends ZerothError {
  readonly route: string;
  readonly side: Side;
  readonly endpoint: string;
  /** What to do about it, in a sentence. */
  readonly hint: string;

  constructor(code: ErrorCode, where: { route: string; side: Side; endpoint: string }, cause: unknown) {
    const doing = code === 'BIND_FAILED' ? 'bind to' : 'connect to';
    const place = `route ${where.route}, ${where.side}`;
    super(code, `${place}: cannot ${doing} ${where.endpoint}: ${reasonOf(cause)}`, { cause });
    this.route = where.route;
    this.side = where.side;
    this.endpoint = where.endpoint;
    this.hint = hintFor(cause, where.endpoint);
  }
}

/** Sessions could not be bound: the words of the cause, and what to do. */
export class SessionsError extends ZerothError {
  readonly hint: string;

  constructor({ code, message, cause }: ZerothError) {
    super(code, message, { cause });
    this.hint = hintFor(cause, (cause as { address?: string } | null)?.address ?? '');
  }
}

/** A new configuration could not be taken over. `cause` says why: of an endpoint, a {@link RouteError}. */
export class ReloadError extends ZerothError {
  /** What to do about it, where that is known. */
  readonly hint: string | null;

  /** `lost` is what could not be put back. */
  constructor(cause: unknown, lost: readonly { readonly name: string; readonly reason: string }[]) {
    const why = cause instanceof ZerothError ? cause.message : reasonOf(cause);
    const now =
      lost.length === 0
        ? 'the node runs as before'
        : `not all could be put back: ${lost.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}`;
    super('RELOAD_FAILED', `the configuration is not taken over: ${why}; ${now}`, { cause });
    this.hint = (cause as { hint?: string } | null)?.hint ?? null;
  }
}

/** The words of an error, each reason once: the detail of a system error repeats the message in its own way. */
export function wordsOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { message, code, detail } = cause as Error & { code?: string; detail?: string };
  if (detail === undefined) return message;
  const said = detail.toLowerCase().includes(message.toLowerCase());
  const system = code !== undefined && new RegExp(`\\b${code}\\b`).test(detail);
  return said || system ? message : `${message}: ${detail}`;
}

/** {@link wordsOf}, with the code. */
export function reasonOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: string };
  return code === undefined ? wordsOf(cause) : `${wordsOf(cause)} (${code})`;
}

/** The way out for a failed bind or connect, by the system's error code. `where` the endpoint was written down. */
export function hintFor(cause: unknown, endpoint: string, where = ' in the configuration'): string {
  const port = /:(\d+)$/.exec(endpoint)?.[1];
  switch ((cause as { code?: string } | null)?.code) {
    case 'EADDRINUSE':
      return `another process has it. Find it with: ${whoHas(port, endpoint)}. Or choose another port`;
    case 'EACCES':
      return port !== undefined && Number(port) < 1024
        ? 'ports below 1024 need a privilege: choose a port of 1024 or more'
        : 'this user may not use it: check the permissions, or choose another endpoint';
    case 'EADDRNOTAVAIL':
    case 'ENODEV':
      return 'no interface of this machine has that address: use one of its own, or * for all of them';
    case 'EPROTONOSUPPORT':
      return 'use tcp://HOST:PORT, ws://HOST:PORT, ipc://PATH or inproc://NAME';
    case 'EINVAL':
      return 'an endpoint looks like tcp://127.0.0.1:5555, tcp://*:5555 or ipc:///run/zeroth.sock';
    case 'EMFILE':
      return 'the limit of open files is reached: raise it (ulimit -n)';
    default:
      return `check the endpoint${where}`;
  }
}

function whoHas(port: string | undefined, endpoint: string): string {
  if (port === undefined)
    return process.platform === 'win32' ? 'tasklist' : `lsof ${endpoint.replace('ipc://', '')}`;
  if (process.platform === 'win32') return `netstat -ano | findstr :${port}`;
  return process.platform === 'darwin'
    ? `lsof -nP -iTCP:${port} -sTCP:LISTEN`
    : `ss -ltnp 'sport = :${port}'`;
}
