/**
 * What an error number of Windows means: the system's own words, and for a service's own code those of the program.
 *
 * Guarantees: always a text, with the number in it.
 */

import { loadKoffi } from '../koffi.ts';
import { ERROR } from './codes.ts';

/** Characters at most. */
const LENGTH = 512;
/** FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS */
const FROM_SYSTEM = 0x1200;

/** `Access is denied. (5)`, in the language of the system. */
export function systemText(error: number): string {
  const kernel32 = loadKoffi().load('kernel32.dll');
  const format = kernel32.func(
    'uint32_t __stdcall FormatMessageW(uint32_t flags, void *source, uint32_t id, uint32_t language, void *text, uint32_t size, void *arguments)',
  ) as (
    flags: number,
    source: null,
    id: number,
    language: number,
    text: Buffer,
    size: number,
    arguments_: null,
  ) => number;
  const text = Buffer.alloc(LENGTH * 2);
  const length = format(FROM_SYSTEM, null, error, 0, text, LENGTH, null);
  const words = text
    .toString('utf16le', 0, length * 2)
    .trim()
    .replace(/\s+/g, ' ');
  return words === '' ? `error ${error}` : `${words} (${error})`;
}

/** How a service ended: its exit code, and whether that is one of the program's own. Null: it has not, or not yet. */
export function exitCodeOf(exit: number, specific: number): number | null {
  if (exit === ERROR.serviceNeverStarted) return null;
  return exit === ERROR.serviceSpecific ? specific : exit;
}

/** The same in words. `commandLine`: of the service; the codes of other programs than ours are their own. */
export function exitText(exit: number, specific: number, commandLine: string): string {
  if (exit === ERROR.none) return 'it ended with code 0';
  if (exit !== ERROR.serviceSpecific) return systemText(exit);
  const meaning = / run .*--service /.test(commandLine) ? NODE_CODES.get(specific) : undefined;
  return meaning === undefined ? `it ended with code ${specific}` : `${meaning} (code ${specific})`;
}

/** The exit codes of `zeroth run`: a promise of docs/operations.md. */
const NODE_CODES = new Map<number, string>([
  [1, 'an unexpected fault ended it'],
  [2, 'its command line is wrong'],
  [3, 'its configuration has problems'],
  [4, 'an endpoint or its data folder can not be used'],
]);
