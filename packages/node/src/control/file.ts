/**
 * The local file of a running node: its text, and when it has another one.
 *
 * Guarantees: the same text, or the same trouble with it, is told once, whatever happens to the file; a text that may
 * not be complete (no line feed at its end) is told only after it was still for a while.
 */

import { createHash } from 'node:crypto';
import type { LayerText } from '../config/layers.ts';
import type { ConfigSource } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { readFrom } from './open.ts';
import type { WatchTimes } from './watch.ts';
import { FileWatch, TIMES } from './watch.ts';

export class ConfigFile {
  readonly #from: ConfigSource;
  readonly #changed: () => void;
  readonly #times: WatchTimes;
  #watch: FileWatch | null = null;
  /** Its text when it was last read, or what was wrong with it. */
  #seen: string;
  #unfinished: string | null = null;

  constructor(from: ConfigSource, text: string, changed: () => void, times: WatchTimes = TIMES) {
    this.#from = from;
    this.#seen = text;
    this.#changed = changed;
    this.#times = times;
  }

  /** Whoever reads it needs not be told of it. */
  async read(): Promise<LayerText | { readonly problems: readonly Problem[] }> {
    const file = await readFrom(this.#from);
    this.#seen = markOf(file);
    return file;
  }

  /** The same without a trace. */
  peek(): ReturnType<typeof readFrom> {
    return readFrom(this.#from);
  }

  /** Whether it looks different from when it was last read. Asks for another look if it seems not to be complete. */
  async differs(): Promise<boolean> {
    const file = await readFrom(this.#from);
    const mark = markOf(file);
    if (mark === this.#seen) return false;
    if ('problems' in file || file.text.endsWith('\n') || this.#unfinished === mark) return true;
    // Somebody may still be writing. Not everybody ends a file with a line feed, so it is only made to wait.
    this.#unfinished = mark;
    this.#watch?.again();
    return false;
  }

  watch(on: boolean): void {
    if (!on) {
      this.#watch?.close();
      this.#watch = null;
    } else if (this.#watch === null && 'path' in this.#from) {
      this.#watch = new FileWatch(this.#from.path, this.#changed, this.#times);
    }
  }
}

function markOf(file: LayerText | { readonly problems: readonly Problem[] }): string {
  if ('text' in file) return file.text;
  const text = file.problems.map(({ code, line, column }) => `${code} ${line} ${column}`).join();
  return `\0${createHash('sha256').update(text).digest('hex')}`;
}
