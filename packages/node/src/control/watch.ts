/**
 * Notices that a file has another content: written in place, replaced by a rename (editors), reached by another link
 * (the `..data` of Kubernetes), gone, or back.
 *
 * Guarantees: reports once at the beginning, so that nothing is missed, and then whenever a file was still for a moment
 * after a change, not while it is being written; never throws; keeps no process alive; where the system tells nothing (network disks, watches used up) a look every two seconds does.
 */

import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

export interface WatchTimes {
  /** Milliseconds between two looks. */
  readonly poll: number;
  /** Milliseconds without a change, twice. */
  readonly settle: number;
}

export const TIMES: WatchTimes = { poll: 2000, settle: 75 };

export class FileWatch {
  readonly #path: string;
  readonly #changed: () => void;
  readonly #times: WatchTimes;
  readonly #poll: NodeJS.Timeout;
  #watcher: FSWatcher | null;
  #timer: NodeJS.Timeout | null = null;
  /** What the file looked like when it was last reported, or when the watch began. */
  #known: string | null = null;
  /** What it looked like at the last look while it settles. */
  #settling: string | null = null;
  #looking = false;
  #closed = false;

  constructor(path: string, changed: () => void, times: WatchTimes = TIMES) {
    this.#path = path;
    this.#changed = changed;
    this.#times = times;
    this.#watcher = this.#open();
    this.#poll = setInterval(() => void this.#look(), times.poll);
    this.#poll.unref();
    void this.#look();
  }

  /** Looks once more, later: for a text that may not be complete. */
  again(): void {
    this.#notice(this.#times.poll);
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    this.#watcher = null;
    clearInterval(this.#poll);
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #open(): FSWatcher | null {
    try {
      const name = basename(this.#path);
      const watcher = watch(dirname(this.#path), { persistent: false }, (_event, changed) => {
        // Kubernetes moves `..data`; other files of the folder are no business of ours.
        if (changed === null || changed === name || changed.startsWith('..'))
          this.#notice(this.#times.settle);
      });
      watcher.on('error', () => {
        watcher.close();
        this.#watcher = null;
      });
      return watcher;
    } catch {
      return null;
    }
  }

  #notice(wait: number): void {
    if (this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#settling = null;
    this.#arm(wait);
  }

  #arm(wait: number): void {
    this.#timer = setTimeout(() => void this.#settle(), wait);
    this.#timer.unref();
  }

  async #settle(): Promise<void> {
    this.#timer = null;
    const seen = await looks(this.#path);
    if (this.#closed || this.#timer !== null) return;
    if (seen !== this.#settling) {
      this.#settling = seen;
      this.#arm(this.#times.settle);
      return;
    }
    this.#known = seen;
    this.#changed();
  }

  async #look(): Promise<void> {
    // A network disk may hold up one look, and not a thousand.
    if (this.#looking || this.#timer !== null) return;
    this.#looking = true;
    const seen = await looks(this.#path);
    this.#looking = false;
    if (this.#closed) return;
    if (this.#known === null) {
      this.#known = seen;
      this.#changed();
    } else if (seen !== this.#known && this.#timer === null) this.#notice(this.#times.settle);
  }
}

/** Other for another file, and for another content in all but contrived cases. */
async function looks(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'ERROR';
  }
}
