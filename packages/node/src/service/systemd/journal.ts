/**
 * Events as entries of systemd's journal, with a field for each of theirs.
 *
 * Format (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram of `FIELD=value` lines; a value with a line feed is
 * `FIELD`, line feed, its length as 64 bits little endian, its octets, line feed.
 * Guarantees: an entry is at most {@link MAX_ENTRY} octets and {@link MAX_FIELDS} fields; a longer value is cut, and says so.
 */
import { fstatSync } from 'node:fs';
import { PRIORITIES } from '../../log/destination.ts';
import type { EventRecord } from '../../log/events.ts';

const MAX_ENTRY = 48 * 1024;
const MAX_FIELDS = 64;
const MAX_VALUE = 16 * 1024;
/** Octets of a field's name. */
const MAX_NAME = 64;
/** Of what stands behind the words of the message. */
const MAX_DETAILS = 1024;

export const JOURNAL_SOCKET = '/run/systemd/journal/socket';

/** Whether a descriptor of this process goes to the journal: `JOURNAL_STREAM` is its device and inode. */
export function isJournal(environment: NodeJS.ProcessEnv, fd: number): boolean {
  const stream = environment.JOURNAL_STREAM;
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** @param identifier what the journal shows before the message. */
export function journalEntry(event: EventRecord, identifier: string): Uint8Array {
  const { id, name, level, message, fields } = event;
  const entry = new Entry();
  entry.add('MESSAGE', `${message}${details(fields)}`);
  entry.add('PRIORITY', String(PRIORITIES[level]));
  entry.add('SYSLOG_IDENTIFIER', identifier);
  entry.add('ZEROTH_ID', String(id));
  entry.add('ZEROTH_EVENT', name);
  for (const [key, value] of Object.entries(fields)) {
    const text = textOf(value);
    if (text !== null) entry.add(fieldName(key), text);
  }
  return entry.octets();
}

class Entry {
  readonly #parts: Buffer[] = [];
  readonly #names: Set<string> = new Set();
  #size = 0;

  add(name: string, text: string): void {
    if (this.#names.size >= MAX_FIELDS || this.#names.has(name)) return;
    const value = cut(text);
    const head = Buffer.from(name);
    const part = value.includes(0x0a)
      ? Buffer.concat([head, Buffer.from('\n'), lengthOf(value), value, Buffer.from('\n')])
      : Buffer.concat([head, Buffer.from('='), value, Buffer.from('\n')]);
    if (this.#size + part.length > MAX_ENTRY) return;
    this.#size += part.length;
    this.#names.add(name);
    this.#parts.push(part);
  }

  octets(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

function lengthOf(value: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return length;
}

/** A text that is cut in a character would be shown as binary. */
function cut(text: string): Buffer {
  const value = Buffer.from(text.slice(0, MAX_VALUE));
  if (value.length <= MAX_VALUE && text.length <= MAX_VALUE) return value;
  let end = Math.min(value.length, MAX_VALUE);
  while (end > 0 && ((value[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return Buffer.concat([value.subarray(0, end), Buffer.from(' … (cut)')]);
}

/** `stopTimeout` -> `ZEROTH_STOP_TIMEOUT`: capitals, digits and underscores is all that journald takes. */
function fieldName(key: string): string {
  const words = key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_');
  return `ZEROTH_${words}`.slice(0, MAX_NAME);
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What journalctl does not show unless it is asked for fields, in short: the first line of each. */
function details(fields: EventRecord['fields']): string {
  const words: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    const [line = ''] = (textOf(value) ?? '').split('\n', 1);
    if (line === '') continue;
    words.push(/[\s=]/.test(line) ? `${key}=${JSON.stringify(line)}` : `${key}=${line}`);
  }
  const text = words.join(' ');
  if (text === '') return '';
  return ` ${text.length > MAX_DETAILS ? `${text.slice(0, MAX_DETAILS)}…` : text}`;
}
