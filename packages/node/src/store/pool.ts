/**
 * Files that are open for reading, shared by all streams of a store.
 *
 * Guarantees: about {@link OPEN_MAX} at most stay open, those used last; none is closed while somebody reads from it.
 */
import type { FileSystem, OpenFile } from './files.ts';

const OPEN_MAX = 64;

interface Entry {
  readonly file: Promise<OpenFile>;
  users: number;
  /** Nobody finds it any more: close it when nobody uses it. */
  gone: boolean;
}

export class FilePool {
  readonly #files: FileSystem;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  async use<T>(path: string, work: (file: OpenFile) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(path) ?? { file: this.#files.open(path, 'read'), users: 0, gone: false };
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    entry.users++;
    try {
      return await work(await entry.file);
    } catch (error) {
      // Whatever it was, the next one gets a fresh file.
      this.#forget(path, entry);
      throw error;
    } finally {
      entry.users--;
      this.#settle(entry);
      this.#trim();
    }
  }

  /** The file is going to be removed or replaced. */
  drop(path: string): void {
    const entry = this.#entries.get(path);
    if (entry !== undefined) this.#forget(path, entry);
  }

  close(): void {
    for (const path of [...this.#entries.keys()]) this.drop(path);
  }

  #trim(): void {
    for (const [path, entry] of this.#entries) {
      if (this.#entries.size <= OPEN_MAX) break;
      if (entry.users === 0) this.#forget(path, entry);
    }
  }

  #forget(path: string, entry: Entry): void {
    if (this.#entries.get(path) === entry) this.#entries.delete(path);
    if (entry.gone) return;
    entry.gone = true;
    this.#settle(entry);
  }

  #settle(entry: Entry): void {
    if (!entry.gone || entry.users > 0) return;
    entry.file.then((file) => file.close()).catch(() => {});
  }
}
