/**
 * Which process listens at a port or has a socket file: from /proc on Linux, from lsof on macOS, on Windows from iphlpapi, or
 * without koffi from netstat and tasklist.
 *
 * Guarantees: tells what this user may see, and null for the rest; nothing of a process but its number and the name of its
 * program (an argument may be a secret).
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { basename } from 'node:path';
import { printable, shorten } from '../config/problem.ts';
import { printed } from './program.ts';
import { systemProgram, windowsHolder } from './windows.ts';

export interface Holder {
  /** Null: this user may not see which. */
  readonly pid: number | null;
  readonly program: string | null;
  /** The number of its user; null: not known. */
  readonly user: number | null;
}

/** A port, on Linux at that address (anything else: at any), or the path of a socket file. */
export async function holderOf(
  what: number | string,
  address: string,
  signal: AbortSignal,
): Promise<Holder | null> {
  if (process.platform === 'linux') return onLinux(what, address);
  if (process.platform === 'darwin') return onMac(what, signal);
  return process.platform === 'win32' && typeof what === 'number' ? onWindows(what, signal) : null;
}

export function holderWords({ pid, program, user }: Holder): string {
  if (pid !== null) return `${program ?? 'a program'} (process ${pid})`;
  return `a process that this user can't see${user === null ? '' : `, of user ${user}`}`;
}

async function onLinux(what: number | string, address: string): Promise<Holder | null> {
  const tables = typeof what === 'number' ? ['tcp', 'tcp6'] : ['unix'];
  for (const name of tables) {
    const table = await readFile(`/proc/net/${name}`, 'latin1').catch(() => '');
    const socket = typeof what === 'number' ? listenerIn(table, what, address) : fileIn(table, what);
    if (socket === null) continue;
    const pid = await ownerOfSocket(socket.inode);
    return { pid, program: pid === null ? null : await programOf(pid), user: socket.user };
  }
  return null;
}

interface Socket {
  readonly inode: string;
  readonly user: number | null;
}

/** Of /proc/net/tcp (proc(5)): the row in state 0A, LISTEN, that is in the way of that port at that address. */
export function listenerIn(table: string, port: number, address: string): Socket | null {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of table.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [at = '', of] = fields[1]?.split(':') ?? [];
    if (of === hex && fields[3] === '0A' && isInTheWay(at, address))
      return { inode: fields[9] ?? '', user: Number(fields[7]) };
  }
  return null;
}

/** `at`: 32 bits in the order of the processor, or four times so. */
function isInTheWay(at: string, address: string): boolean {
  const family = isIP(address);
  if (family === 0 || /^[0.:]+$/.test(address) || /^0*$/.test(at)) return true;
  const octets = (at.match(/.{8}/g) ?? []).flatMap((word) => word.match(/../g)?.reverse() ?? []);
  const text =
    octets.length === 4
      ? octets.map((octet) => Number.parseInt(octet, 16)).join('.')
      : octets.map((octet, i) => (i % 2 === 0 && i > 0 ? `:${octet}` : octet)).join('');
  const known = isIP(text) === 0 ? null : new BlockList();
  known?.addAddress(text, isIP(text) === 6 ? 'ipv6' : 'ipv4');
  return known?.check(address, family === 6 ? 'ipv6' : 'ipv4') ?? true;
}

/** Of /proc/net/unix: the row of that path which listens (flag 10000). */
export function fileIn(table: string, path: string): Socket | null {
  for (const line of table.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] === '00010000' && fields.slice(7).join(' ') === path)
      return { inode: fields[6] ?? '', user: null };
  }
  return null;
}

async function ownerOfSocket(inode: string): Promise<number | null> {
  const link = `socket:[${inode}]`;
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const fd of files)
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) === link) return Number(pid);
  }
  return null;
}

/** `node zeroth.js`: the program, and of an interpreter the script. */
async function programOf(pid: number): Promise<string | null> {
  const [program, ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  if (program === undefined || program === '') return null;
  const name = basename(program);
  const script = /^(node|python[\d.]*|ruby|perl|bash|sh)$/.test(name) ? args[0] : undefined;
  const more = script === undefined || !/^[^-].*\.\w+$/.test(script) ? '' : ` ${basename(script)}`;
  return printable(shorten(`${name}${more}`, 60));
}

async function onMac(what: number | string, signal: AbortSignal): Promise<Holder | null> {
  const which = typeof what === 'number' ? ['-nP', `-iTCP:${what}`, '-sTCP:LISTEN'] : ['--', what];
  const text = await printed('lsof', ['-Fpcu', ...which], signal);
  const field = (letter: string): string | undefined =>
    new RegExp(`^${letter}(.+)$`, 'm').exec(text ?? '')?.[1];
  const pid = field('p');
  if (pid === undefined) return null;
  return { pid: Number(pid), program: printable(field('c') ?? ''), user: Number(field('u') ?? Number.NaN) };
}

async function onWindows(port: number, signal: AbortSignal): Promise<Holder | null> {
  const told = windowsHolder(port);
  if (told !== null) return told;
  const pid = listenerOf((await printed(systemProgram('netstat'), ['-ano'], signal)) ?? '', port);
  if (pid === null) return null;
  const row =
    (await printed(systemProgram('tasklist'), ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'], signal)) ?? '';
  const program = /^"([^"]+)","/m.exec(row)?.[1];
  return { pid, program: program === undefined ? null : printable(program), user: null };
}

/** Of `netstat -ano`. The word for the state is in the language of the system; that nobody is at the far end is not. */
export function listenerOf(table: string, port: number): number | null {
  for (const line of table.split('\n')) {
    const [protocol, local, remote, , pid] = line.trim().split(/\s+/);
    if (protocol === 'TCP' && local?.endsWith(`:${port}`) && /^(0\.0\.0\.0|\[::\]):0$/.test(remote ?? ''))
      return pid !== undefined && /^\d+$/.test(pid) ? Number(pid) : null;
  }
  return null;
}
