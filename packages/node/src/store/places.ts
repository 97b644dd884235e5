/**
 * Places of readers, in a file that is only appended to: `places.log`, one entry after the other,
 *
 *      0  u32  length of what follows this head
 *      4  u32  CRC-32 of all that follows it
 *      8  u8   0: a value, 1: removed
 *      9  u8   length of the name
 *     10       name in UTF-8, value
 *
 * Guarantees: the last entry of a name counts. What was saved is handed to the system at once, one write at a time;
 * what is saved meanwhile goes with the next one, only its last value. A torn tail is cut, a damaged entry left out and
 * reported. The file is written anew when little of it counts. A write that fails is tried again; the values in memory
 * stay right. Bounded by {@link NAMES_MAX} and {@link VALUE_MAX}.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Log } from '../log/log.ts';
import { codeOf, type FileSystem, type OpenFile, replaceFile, writeAt } from './files.ts';
import type { Places } from './store.ts';
import { reasonOf } from './trouble.ts';

export const NAMES_MAX = 10_000;
export const VALUE_MAX: number = 1024 * 1024;
const NAME_MAX = 255;
const HEAD = 10;
/** The file is written anew when it is this large, and four times what counts. */
const COMPACT_AT = 4 * 1024 * 1024;
const FILE = 'places.log';

export class FilePlaces implements Places {
  readonly #files: FileSystem;
  readonly #folder: string;
  readonly #log: Log;
  readonly #values = new Map<string, Uint8Array>();
  /** Names whose value is not in the file. */
  #dirty = new Set<string>();
  #file: OpenFile | null;
  #size: number;
  /** Octets that the values take. */
  #live = 0;
  #work: Promise<void> | null = null;
  #failed = false;

  private constructor(files: FileSystem, folder: string, log: Log, file: OpenFile, size: number) {
    this.#files = files;
    this.#folder = folder;
    this.#log = log;
    this.#file = file;
    this.#size = size;
  }

  static async open(files: FileSystem, folder: string, log: Log): Promise<FilePlaces> {
    const path = join(folder, FILE);
    const file = await files.open(path, 'write');
    const size = await file.size();
    const { values, end, damaged } = await load(file, size);
    if (damaged > 0)
      log.error({ event: 'store:places', file: path, entries: damaged }, 'places of readers are damaged');
    if (end < size) {
      log.warn(
        { event: 'store:torn', file: path, offset: end, bytes: size - end },
        'cut off what was not completely written',
      );
      await file.truncate(end);
    }
    const places = new FilePlaces(files, folder, log, file, end);
    for (const [name, value] of values) places.#set(name, value);
    return places;
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  get(name: string): Uint8Array | null {
    return this.#values.get(name) ?? null;
  }

  save(name: string, value: Uint8Array): void {
    if (value.length > VALUE_MAX) throw new RangeError(`a place has ${VALUE_MAX} octets at most`);
    if (Buffer.byteLength(name) > NAME_MAX)
      throw new RangeError(`a place's name has ${NAME_MAX} octets at most`);
    if (!this.#values.has(name) && this.#values.size >= NAMES_MAX)
      throw new RangeError(`a stream keeps ${NAMES_MAX} places at most`);
    this.#set(name, Uint8Array.from(value));
    this.#write(name);
  }

  remove(name: string): void {
    if (!this.#values.has(name)) return;
    this.#set(name, null);
    this.#write(name);
  }

  /** Tries again what failed. */
  retry(): void {
    if (this.#failed && this.#work === null && this.#dirty.size > 0) this.#begin();
  }

  async close(): Promise<void> {
    while (this.#work !== null) await this.#work;
    if (this.#dirty.size > 0) await this.#append().catch(() => {});
    const file = this.#file;
    this.#file = null;
    await file?.sync().catch(() => {});
    await file?.close().catch(() => {});
  }

  #set(name: string, value: Uint8Array | null): void {
    const old = this.#values.get(name);
    if (old !== undefined) this.#live -= sizeOf(name, old);
    if (value === null) this.#values.delete(name);
    else {
      this.#values.set(name, value);
      this.#live += sizeOf(name, value);
    }
  }

  #write(name: string): void {
    this.#dirty.add(name);
    if (this.#work === null && !this.#failed) this.#begin();
  }

  #begin(): void {
    this.#work = this.#run().finally(() => {
      this.#work = null;
    });
  }

  async #run(): Promise<void> {
    // What else is saved in this turn goes along.
    await Promise.resolve();
    try {
      while (this.#dirty.size > 0) {
        if (this.#file === null || (this.#size > COMPACT_AT && this.#size > 4 * this.#live))
          await this.#compact();
        else await this.#append();
      }
      if (this.#failed) this.#log.info({ event: 'store:places' }, 'places of readers are written again');
      this.#failed = false;
    } catch (error) {
      if (!this.#failed)
        this.#log.error(
          { event: 'store:places', reason: reasonOf(error) },
          'places of readers are not written',
        );
      this.#failed = true;
    }
  }

  async #append(): Promise<void> {
    const names = this.#dirty;
    this.#dirty = new Set();
    const entries = [...names].map((name) => encode(name, this.get(name)));
    try {
      await writeAt(this.#file!, entries, this.#size);
      for (const { length } of entries) this.#size += length;
    } catch (error) {
      for (const name of names) this.#dirty.add(name);
      throw error;
    }
  }

  async #compact(): Promise<void> {
    const names = this.#dirty;
    this.#dirty = new Set();
    const entries = [...this.#values].map(([name, value]) => encode(name, value));
    const path = join(this.#folder, FILE);
    try {
      await replaceFile(this.#files, path, entries);
      const old = this.#file;
      this.#file = null;
      await old?.close();
      this.#file = await this.#files.open(path, 'write');
      this.#size = 0;
      for (const { length } of entries) this.#size += length;
    } catch (error) {
      for (const name of names) this.#dirty.add(name);
      throw error;
    }
  }
}

interface Loaded {
  readonly values: Map<string, Uint8Array>;
  /** Where the last good entry ends. */
  readonly end: number;
  /** Damaged entries before that. */
  readonly damaged: number;
}

async function load(file: OpenFile, size: number): Promise<Loaded> {
  const values = new Map<string, Uint8Array>();
  let end = 0;
  let damaged = 0;
  let suspects = 0;
  for (let at = 0; size - at >= HEAD; ) {
    const head = Buffer.alloc(HEAD);
    await file.read(head, at);
    const length = head.readUInt32BE(0);
    if (length < 2 || length > 2 + NAME_MAX + VALUE_MAX || at + 8 + length > size) break;
    const entry = Buffer.allocUnsafeSlow(length);
    await file.read(entry, at + 8);
    at += 8 + length;
    if (crc32(entry) !== head.readUInt32BE(4)) {
      suspects++;
      continue;
    }
    const value = 2 + entry[1]!;
    const name = entry.toString('utf8', 2, value);
    if (entry[0] === 1) values.delete(name);
    else values.set(name, entry.subarray(value));
    damaged += suspects;
    suspects = 0;
    end = at;
  }
  return { values, end, damaged };
}

/** The places in a stream's folder, while somebody may be writing them. */
export async function readPlaces(files: FileSystem, folder: string): Promise<Map<string, Uint8Array>> {
  let file: OpenFile;
  try {
    file = await files.open(join(folder, FILE), 'read');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return new Map();
    throw error;
  }
  try {
    return (await load(file, await file.size())).values;
  } finally {
    await file.close();
  }
}

function sizeOf(name: string, value: Uint8Array): number {
  return HEAD + name.length + value.length;
}

function encode(name: string, value: Uint8Array | null): Buffer {
  const text = Buffer.from(name);
  const bytes = Buffer.alloc(HEAD + text.length + (value?.length ?? 0));
  bytes.writeUInt32BE(bytes.length - 8, 0);
  bytes[8] = value === null ? 1 : 0;
  bytes[9] = text.length;
  bytes.set(text, HEAD);
  if (value !== null) bytes.set(value, HEAD + text.length);
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
  return bytes;
}
