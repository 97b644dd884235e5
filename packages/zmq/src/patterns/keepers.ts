/**
 * Finds out which inboxes are read by somebody who keeps messages. A message that came in a full read shares its memory
 * with all that came with it, up to 64 KiB: one that is kept keeps all of them. Memory of its own would cost as much as
 * receiving it, so that it gets that only where messages are kept.
 *
 * Of the memory that was handed out a few samples are watched through weak references. When a full garbage collection
 * has been, which the growth of what is kept brings about by itself, samples that are still there are kept by somebody.
 * They are few, because a weak reference holds its target until then.
 */

/** Told what was found. */
export interface Kept {
  keeper: boolean;
}

interface Sample {
  readonly memory: WeakRef<ArrayBufferLike>;
  readonly of: Kept;
}

/** Samples at a time, in the whole process: at most 1 MiB. */
const SAMPLES = 16;
/** One read in so many becomes a sample. */
const SPACING = 16;
/** So many samples of one inbox make it one: a single one may belong to a message that is being worked on. */
const ENOUGH = 2;

export class Keepers {
  #samples: Sample[] = [];
  /** Gone when a full collection has been since the last sample was taken. */
  #canary: WeakRef<object> | null = null;
  #skipped = 0;

  /** Views of `memory` were handed out, and the last of it is. */
  handedOut(memory: ArrayBufferLike, of: Kept): void {
    if (++this.#skipped < SPACING) return;
    this.#skipped = 0;
    if (this.#canary !== null) {
      if (this.#canary.deref() === undefined) this.#look();
    } else if (this.#samples.length < SAMPLES) this.#samples.push({ memory: new WeakRef(memory), of });
    else this.#canary = new WeakRef({});
  }

  #look(): void {
    const seen = new Map<Kept, number>();
    for (const { memory, of } of this.#samples) {
      if (memory.deref() !== undefined) seen.set(of, (seen.get(of) ?? 0) + 1);
    }
    for (const [of, count] of seen) if (count >= ENOUGH) of.keeper = true;
    this.#samples = [];
    this.#canary = null;
  }
}

/** For all inboxes of the process. */
export const keepers: Keepers = new Keepers();
