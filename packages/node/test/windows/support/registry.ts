/** What is in the registry, read by reg.exe. */
import { run } from './machine.ts';

export interface Value {
  /** REG_SZ, REG_DWORD, ... */
  readonly type: string;
  /** As reg.exe shows it; lines of a REG_MULTI_SZ have \0 between them, a REG_BINARY is hexadecimal. */
  readonly data: string;
}

export const SERVICES = 'HKLM\\SYSTEM\\CurrentControlSet\\Services';
export const SOURCES = `${SERVICES}\\EventLog\\Application`;

/** The values of a key; null: there is no such key. */
export async function values(key: string): Promise<ReadonlyMap<string, Value> | null> {
  const { code, stdout } = await run(['reg', 'query', key]);
  if (code !== 0) return null;
  const found = new Map<string, Value>();
  for (const line of stdout.split(/\r?\n/)) {
    const [, name, type, data] = /^ {4}(.+?) {4}(REG_\w+) {4}(.*)$/.exec(line) ?? [];
    if (name !== undefined && type !== undefined && data !== undefined) found.set(name, { type, data });
  }
  return found;
}
