/**
 * Memory for batches, in two sizes: small for a peer that gets a message now and then, large for one under load.
 * What is given back is handed out again; a bounded amount of it is kept.
 */
import { allocate } from '../bytes/view.ts';

export const SMALL_BATCH = 2048;
export const LARGE_BATCH = 131_072;

class BatchPool {
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];

  /** `size` is SMALL_BATCH or LARGE_BATCH. */
  acquire(size: number): Buffer {
    const free = size === SMALL_BATCH ? this.#small : this.#large;
    return free.pop() ?? allocate(size);
  }

  /** Only what nobody reads or writes any more. */
  release(batch: Buffer): void {
    if (batch.length === SMALL_BATCH) {
      if (this.#small.length < 256) this.#small.push(batch);
    } else if (this.#large.length < 16) this.#large.push(batch);
  }
}

export const batchPool: Readonly<Pick<BatchPool, 'acquire' | 'release'>> = new BatchPool();
