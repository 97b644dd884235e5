/**
 * A store in files. A data folder holds
 *
 *     lock                               who writes here (lock.ts)
 *     streams/NAME/stream.json           format, and the stream's mark
 *     streams/NAME/<20 digits>.log       a segment (segment.ts), made of batches (batch.ts)
 *     streams/NAME/<20 digits>.index     its index, once it is finished (sparse.ts)
 *     streams/NAME/places.log            places of readers (places.ts)
 *
 * Guarantees: see store.ts. One process writes; files that are not ours are left alone.
 */
import { join } from 'node:path';
import { isStreamName, keyOfName } from '../config/stream-name.ts';
import type { StreamSettings } from '../config/types.ts';
import { ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { codeOf, type FileSystem, realFiles } from './files.ts';
import { Lock } from './lock.ts';
import { FilePool } from './pool.ts';
import { Ahead } from './reader.ts';
import type { Stream, StreamStore } from './store.ts';
import { FileStream, type Shared, streamFolder } from './stream.ts';
import { reasonOf } from './trouble.ts';

const MIB = 1024 * 1024;
const TICK = 1000;

export interface StoreOptions {
  /** The data folder; made if it is not there. */
  readonly dir: string;
  readonly log: Log;
  /** Told of each commit of each stream, and how many milliseconds it took. */
  readonly committed?: (stream: string, milliseconds: number) => void;
  /** Told how far the opening of a stream is, again and again while it takes time. */
  readonly progress?: (stream: string, text: string) => void;
  /** For tests. Default: the file system. */
  readonly files?: FileSystem;
  /** Milliseconds since 1970. Default: Date.now. */
  readonly now?: () => number;
}

/** @throws ZerothError STORE_LOCKED, STORE_FAILED */
export async function openStore(options: StoreOptions): Promise<StreamStore> {
  const { dir, log, files = realFiles, now = Date.now } = options;
  const { committed = () => {}, progress = () => {} } = options;
  try {
    await files.makeFolder(join(dir, 'streams'));
    const lock = await Lock.take(files, dir, now);
    return new FileStore(dir, files, now, log, lock, { committed, progress });
  } catch (error) {
    throw storeFailed(dir, error);
  }
}

function otherSpelling(name: string, known: string): ZerothError {
  return new ZerothError(
    'STREAM_UNKNOWN',
    `There is no stream ${name}, but ${known}. Names that differ in case alone can't be two streams.`,
  );
}

function storeFailed(path: string, error: unknown): ZerothError {
  if (error instanceof ZerothError) return error;
  return new ZerothError('STORE_FAILED', `${path} can't be used. ${reasonOf(error)}.`, { cause: error });
}

class FileStore implements StreamStore {
  readonly #dir: string;
  readonly #files: FileSystem;
  readonly #now: () => number;
  readonly #lock: Lock;
  readonly #shared: Shared;
  readonly #pool: FilePool;
  /** By key: two spellings of a name may be one folder. */
  readonly #opening = new Map<string, Promise<FileStream>>();
  readonly #streams = new Map<string, FileStream>();
  /** Streams that are being closed, by key. */
  readonly #releasing = new Map<string, Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #lost: ZerothError | null = null;
  #touching: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  constructor(
    dir: string,
    files: FileSystem,
    now: () => number,
    log: Log,
    lock: Lock,
    told: Pick<Shared, 'committed' | 'progress'>,
  ) {
    this.#dir = dir;
    this.#files = files;
    this.#now = now;
    this.#lock = lock;
    this.#pool = new FilePool(files);
    // What a stream keeps in memory gets less when there are many.
    const share = (all: number, most: number, least: number): number =>
      Math.min(most, Math.max(least, Math.floor(all / Math.max(1, this.#streams.size))));
    this.#shared = {
      files,
      log,
      now,
      pool: this.#pool,
      ahead: new Ahead(),
      ...told,
      verify: async () => {
        if (!(await lock.isOurs())) throw this.#lose();
      },
      tailMax: () => share(64 * MIB, 4 * MIB, MIB / 8),
      pendingMax: () => share(256 * MIB, 16 * MIB, MIB / 2),
    };
    this.#timer = setInterval(() => this.#tick(), TICK).unref();
  }

  async open(name: string, settings: StreamSettings): Promise<Stream> {
    if (!isStreamName(name))
      throw new ZerothError('STREAM_UNKNOWN', `${JSON.stringify(name)} can't be the name of a stream.`);
    if (this.#closing !== null) throw new ZerothError('STREAM_CLOSED', `The store ${this.#dir} is closed.`);
    if (this.#lost !== null) throw this.#lost;
    const key = keyOfName(name);
    if (this.#releasing.has(key)) {
      await this.#releasing.get(key);
      return this.open(name, settings);
    }
    let opening = this.#opening.get(key);
    if (opening === undefined) {
      opening = this.#open(name, settings);
      this.#opening.set(key, opening);
      return opening;
    }
    const stream = await opening;
    if (stream.name !== name) throw otherSpelling(name, stream.name);
    return stream;
  }

  async #open(name: string, settings: StreamSettings): Promise<FileStream> {
    const folder = streamFolder(this.#dir, name);
    try {
      const names = await this.list();
      const other = names.find((known) => keyOfName(known) === keyOfName(name));
      if (other !== undefined && !names.includes(name)) throw otherSpelling(name, other);
      const stream = await FileStream.open(name, settings, folder, this.#shared);
      this.#streams.set(name, stream);
      return stream;
    } catch (error) {
      this.#opening.delete(keyOfName(name));
      throw storeFailed(folder, error);
    }
  }

  get(name: string): Stream | null {
    return this.#streams.get(name) ?? null;
  }

  all(): readonly Stream[] {
    return [...this.#streams.values()];
  }

  async release(name: string): Promise<void> {
    const stream = this.#streams.get(name);
    if (stream === undefined) return;
    const key = keyOfName(name);
    this.#streams.delete(name);
    this.#opening.delete(key);
    const closing = stream.close().finally(() => this.#releasing.delete(key));
    this.#releasing.set(key, closing);
    await closing;
  }

  list(): Promise<string[]> {
    return listStreams(this.#files, this.#dir);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled([...this.#opening.values(), ...this.#releasing.values()]);
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()));
    await this.#pool.close();
    await this.#touching;
    await this.#lock.release();
  }

  #tick(): void {
    for (const stream of this.#streams.values()) stream.tick();
    this.#touching ??= this.#touch().finally(() => {
      this.#touching = null;
    });
  }

  async #touch(): Promise<void> {
    if (!(await this.#lock.touch(this.#now()))) this.#lose();
  }

  #lose(): ZerothError {
    if (this.#lost !== null) return this.#lost;
    const error = new ZerothError(
      'STREAM_FAILED',
      `Another process has taken ${this.#dir}. Restart this node, and find out why both use the same folder.`,
    );
    this.#lost = error;
    this.#shared.log.event('store:taken', { dir: this.#dir });
    for (const stream of this.#streams.values()) stream.lose(error);
    return error;
  }
}

/** Names of the streams in a data folder. */
export async function listStreams(files: FileSystem, dir: string): Promise<string[]> {
  try {
    const names = await files.list(join(dir, 'streams'));
    return names.filter(isStreamName).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
