/**
 * Files that are open for reading, shared by all streams of a store.
 *
 * Guarantees: about {@link OPEN_MAX} at most stay open, those used last; none is closed while somebody reads from it;
 * after `close` none is open.
 */
import type { FileSystem, OpenFile } from './files.ts';

const OPEN_MAX = 64;

class Entry {
  readonly file: Promise<OpenFile>;
  /** Resolves when it is closed. */
  readonly closed: Promise<void>;
  users = 0;
  #gone = false;
  #done: () => void = () => {};

  constructor(file: Promise<OpenFile>) {
    this.file = file;
    this.closed = new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  /** Nobody finds it any more: it is closed when nobody uses it. */
  leave(): void {
    this.#gone = true;
    this.settle();
  }

  settle(): void {
    if (!this.#gone || this.users > 0) return;
    this.file
      .then((file) => file.close())
      .catch(() => {})
      .finally(this.#done);
  }
}

export class FilePool {
  readonly #files: FileSystem;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new Set<Promise<void>>();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  async use<T>(path: string, work: (file: OpenFile) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(path) ?? new Entry(this.#files.open(path, 'read'));
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    entry.users++;
    try {
      return await work(await entry.file);
    } catch (error) {
      // Whatever it was, the next one gets a fresh file.
      if (this.#entries.get(path) === entry) this.drop(path);
      throw error;
    } finally {
      entry.users--;
      entry.settle();
      this.#trim();
    }
  }

  /** The file is going to be removed or replaced. */
  drop(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    this.#entries.delete(path);
    this.#closing.add(entry.closed);
    void entry.closed.then(() => this.#closing.delete(entry.closed));
    entry.leave();
  }

  async close(): Promise<void> {
    for (const path of [...this.#entries.keys()]) this.drop(path);
    await Promise.all(this.#closing);
  }

  #trim(): void {
    for (const [path, entry] of this.#entries) {
      if (this.#entries.size <= OPEN_MAX) break;
      if (entry.users === 0) this.drop(path);
    }
  }
}
