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
 * what is saved meanwhile goes with the next one, only its last value. A torn tail is cut; damage before what is
 * intact is left out and reported, and the file written anew. The file is written anew when little of it counts, and after a sync that failed. A write that fails is tried again; the values in memory
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
/** Octets that are searched at once for what is intact behind damage. */
const SEARCHED = 64 * 1024;
const FILE = 'places.log';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

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
  #closed = false;
  /** The file's name is on the disk. */
  #named = false;
  /** Who waits for a sync. */
  #waiting: Waiting[] = [];

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
    if (end < size) {
      log.event('store:torn', { file: path, offset: end, bytes: size - end });
      await file.truncate(end);
    }
    const places = new FilePlaces(files, folder, log, file, end);
    for (const [name, value] of values) places.#set(name, value);
    if (damaged > 0) {
      log.event('store:places-damaged', { file: path, entries: damaged });
      // What is intact is written anew, without the rest.
      places.#file = null;
      await file.close();
      places.#begin();
    }
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

  /** One sync for all who wait. It is of the whole file: the name does not matter. */
  settle(_name: string): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the stream is closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#work === null) this.#begin();
    });
  }

  remove(name: string): void {
    if (!this.#values.has(name)) return;
    this.#set(name, null);
    this.#write(name);
  }

  /** Tries again what failed. */
  retry(): void {
    if (this.#failed && this.#work === null) this.#begin();
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#work !== null) await this.#work;
    if (this.#dirty.size > 0 || this.#file === null) await this.#flush().catch(() => {});
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
    if (this.#work === null && !this.#failed && !this.#closed) this.#begin();
  }

  #begin(): void {
    this.#work = this.#run();
  }

  async #run(): Promise<void> {
    // What else is saved in this turn goes along.
    await Promise.resolve();
    let waiting: Waiting[] = [];
    try {
      while (this.#dirty.size > 0 || this.#waiting.length > 0 || this.#file === null) {
        // Those who wait when it begins: what they wait for is written by then, or is part of this write.
        waiting = this.#waiting;
        this.#waiting = [];
        await this.#flush();
        if (waiting.length > 0) await this.#sync();
        for (const { resolve } of waiting) resolve();
      }
      if (this.#failed) this.#log.event('store:places-back', {});
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#log.event('store:places', { reason: reasonOf(error) });
      this.#failed = true;
      for (const { reject } of [...waiting, ...this.#waiting.splice(0)]) reject(error);
    } finally {
      // At once: who is told by `settle` may save again before anything else runs.
      this.#work = null;
    }
  }

  async #flush(): Promise<void> {
    if (this.#file === null || (this.#size > COMPACT_AT && this.#size > 4 * this.#live))
      await this.#compact();
    else if (this.#dirty.size > 0) await this.#append();
  }

  async #sync(): Promise<void> {
    const file = this.#file!;
    try {
      await file.sync();
      if (!this.#named) await this.#files.syncFolder(this.#folder);
      this.#named = true;
    } catch (error) {
      // The system may have dropped what it could not write: all of it is written again.
      this.#file = null;
      await file.close().catch(() => {});
      throw error;
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
      this.#named = false;
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
  /** Damaged pieces before that. */
  readonly damaged: number;
}

async function load(file: OpenFile, size: number): Promise<Loaded> {
  const values = new Map<string, Uint8Array>();
  let end = 0;
  let damaged = 0;
  for (let at: number | null = 0; at !== null; ) {
    const entry = await readEntry(file, at, size);
    if (entry === null) {
      at = await nextEntry(file, at + 1, size);
      if (at !== null) damaged++;
      continue;
    }
    const value = 2 + entry[1]!;
    const name = entry.toString('utf8', 2, value);
    if (entry[0] === 1) values.delete(name);
    else values.set(name, entry.subarray(value));
    at += 8 + entry.length;
    end = at;
  }
  return { values, end, damaged };
}

/** What follows the head of the entry at `at`; null: there is no intact one. */
async function readEntry(file: OpenFile, at: number, size: number): Promise<Buffer | null> {
  const head = Buffer.alloc(HEAD);
  if ((await file.read(head, at)) < HEAD || !looksRight(head, 0, size - at)) return null;
  const entry = Buffer.allocUnsafeSlow(head.readUInt32BE(0));
  const whole = (await file.read(entry, at + 8)) === entry.length;
  return whole && crc32(entry) === head.readUInt32BE(4) ? entry : null;
}

/** Where the first intact entry at or after `from` begins; null: there is none. */
async function nextEntry(file: OpenFile, from: number, size: number): Promise<number | null> {
  const window = Buffer.alloc(SEARCHED);
  for (let start = from; size - start >= HEAD; start += SEARCHED - HEAD + 1) {
    const last = (await file.read(window, start)) - HEAD;
    for (let i = 0; i <= last; i++) {
      if (looksRight(window, i, size - start - i) && (await readEntry(file, start + i, size)) !== null)
        return start + i;
    }
  }
  return null;
}

/** Whether octets can be the head of an entry, `left` octets before the end of the file. */
function looksRight(bytes: Buffer, at: number, left: number): boolean {
  const length = bytes.readUInt32BE(at);
  if (length < 2 || length > 2 + NAME_MAX + VALUE_MAX || 8 + length > left) return false;
  return bytes[at + 8]! <= 1 && bytes[at + 9]! <= length - 2;
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
