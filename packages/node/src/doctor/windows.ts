/**
 * Who listens at a port, as Windows tells through iphlpapi: exact in every language of the system.
 *
 * Guarantees: reads nothing outside of what Windows has filled; null without koffi, or when Windows does not tell.
 */
import { win32 } from 'node:path';
import type { Koffi } from '../service/koffi.ts';
import { loadKoffi } from '../service/koffi.ts';
import type { Holder } from './holders.ts';

/** TCP_TABLE_OWNER_PID_LISTENER. */
const LISTENERS = 3;
const MOST = 16 * 1024 * 1024;
const QUERY_LIMITED = 0x1000;
/** Octets of MIB_TCPROW_OWNER_PID and MIB_TCP6ROW_OWNER_PID; where the port and the process stand. */
const FAMILIES = [
  { family: 2, row: 24, port: 8, pid: 20 },
  { family: 23, row: 56, port: 20, pid: 52 },
] as const;

/** The whole path of a program of Windows: a bare name would be looked for in the folder that we happen to be in, first. */
export function systemProgram(name: string): string {
  return win32.join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', `${name}.exe`);
}

type Table = (
  into: Buffer | null,
  size: Buffer,
  sorted: number,
  family: number,
  kind: number,
  zero: number,
) => number;

export function windowsHolder(port: number): Holder | null {
  try {
    const koffi = loadKoffi();
    const table = koffi
      .load('iphlpapi.dll')
      .func('uint32_t GetExtendedTcpTable(void *, void *, int, uint32_t, int, uint32_t)') as Table;
    for (const { family, row, ...at } of FAMILIES) {
      const pid = listenerAmong(read(table, family), port, row, at);
      // 0: Windows does not say, or has it itself.
      if (pid === 0) return { pid: null, program: null, user: null };
      if (pid !== null) return { pid, program: programOf(koffi, pid), user: null };
    }
  } catch {
    // netstat may know.
  }
  return null;
}

/** The number of rows, and the rows. */
function read(table: Table, family: number): Buffer {
  const size = Buffer.alloc(4);
  // It may grow between the question for its size and the one for itself.
  for (let tries = 0; tries < 5; tries++) {
    const octets = Math.min(size.readUInt32LE() + 4096, MOST);
    const into = Buffer.alloc(octets);
    size.writeUInt32LE(octets);
    if (table(into, size, 0, family, LISTENERS, 0) === 0) return into;
  }
  return Buffer.alloc(4);
}

export function listenerAmong(
  table: Buffer,
  port: number,
  row: number,
  at: { readonly port: number; readonly pid: number },
): number | null {
  const rows = Math.min(table.readUInt32LE(), Math.floor((table.length - 4) / row));
  for (let i = 0; i < rows; i++) {
    const start = 4 + i * row;
    // The port is in the order of the network.
    if (table.readUInt16BE(start + at.port) === port) return table.readUInt32LE(start + at.pid);
  }
  return null;
}

function programOf(koffi: Koffi, pid: number): string | null {
  const kernel = koffi.load('kernel32.dll');
  const open = kernel.func('void *OpenProcess(uint32_t, int, uint32_t)');
  const close = kernel.func('int CloseHandle(void *)');
  const name = kernel.func('int QueryFullProcessImageNameW(void *, uint32_t, void *, void *)');
  const process: unknown = open(QUERY_LIMITED, 0, pid);
  if (process === null) return null;
  try {
    const into = Buffer.alloc(2 * 1024);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(into.length / 2);
    if (name(process, 0, into, size) === 0) return null;
    return win32.basename(into.toString('utf16le', 0, Math.min(size.readUInt32LE() * 2, into.length)));
  } finally {
    close(process);
  }
}
