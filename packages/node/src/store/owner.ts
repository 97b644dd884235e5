/**
 * Who has a data folder: a process, told apart from a later one with the same number by when it was started.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Where its number is one: the run of the system and the namespace of processes; '' where that is not known. */
  readonly scope: string;
  /** What the system says about when the process started; '' where it does not. */
  readonly started: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Different for each lock that is taken. */
  readonly nonce: string;
}

export function newOwner(since: number): Owner {
  const nonce = randomBytes(8).toString('hex');
  return {
    pid: process.pid,
    host: hostname(),
    scope: scopeOf(),
    started: startOf(process.pid),
    since,
    nonce,
  };
}

export function parseOwner(bytes: Uint8Array): Owner | null {
  try {
    const { pid, host, scope, started, since, nonce } = JSON.parse(Buffer.from(bytes).toString()) as Record<
      string,
      unknown
    >;
    if (typeof scope !== 'string') return null;
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof started !== 'string') return null;
    if (typeof since !== 'number' || typeof nonce !== 'string' || !/^[0-9a-f]{16}$/.test(nonce)) return null;
    return { pid, host, scope, started, since, nonce };
  } catch {
    return null;
  }
}

/** Whether the process runs. Null: it is on another host, or in another container; nobody here can tell. */
export function isAlive(owner: Owner): boolean | null {
  if (owner.host !== hostname() || owner.scope !== scopeOf()) return null;
  if (!Number.isInteger(owner.pid) || owner.pid <= 0) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it runs, under another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const started = startOf(owner.pid);
  return started !== GONE && (owner.started === '' || owner.started === started);
}

/**
 * Two containers with one host name see different processes under the same number, so the name does not do. Nor does
 * the namespace alone: the first one of each system has the same number.
 */
function scopeOf(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** Nobody has waited for the process, but it runs no more. */
const GONE = 'gone';

/** When a process started, in ticks since the system did (proc(5), fields 3 and 22 of stat); '' if that is not known. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the program is in parentheses, and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? GONE : (fields[19] ?? '');
  } catch {
    return '';
  }
}
