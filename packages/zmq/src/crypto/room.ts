/**
 * Where boxes are made and opened that are too large for the arena, when there is no addon. WebAssembly's memory grows and
 * never shrinks: this is the memory of an instance of its own, and another one takes its place once it has grown.
 */
import type { Sodium } from 'libsodium';
import { ZmqError } from '../errors.ts';

/** An instance with more memory than this is given up. */
const KEPT = 16 * 1_048_576;

export class Room {
  #sodium: Sodium;
  readonly #load: () => Promise<Sodium>;
  #loading: Promise<void> | null = null;

  constructor(sodium: Sodium, load: () => Promise<Sodium>) {
    this.#sodium = sodium;
    this.#load = load;
  }

  /** Octets that it takes now. */
  get size(): number {
    return this.#sodium.HEAPU8.length;
  }

  /** Resolves when no other instance is on its way. */
  get settled(): Promise<void> {
    return this.#loading ?? Promise.resolve();
  }

  /** What `work` returns, given memory of `size` octets, which is wiped afterwards. */
  with<T>(size: number, work: (sodium: Sodium, place: number) => T): T {
    const sodium = this.#sodium;
    const place = sodium._malloc(size);
    if (place === 0) {
      const detail = `no memory in WebAssembly for an encrypted message of ${size} octets; install sodium-native`;
      throw new ZmqError('ENOTSUP', { detail });
    }
    try {
      return work(sodium, place);
    } finally {
      sodium.HEAPU8.fill(0, place, place + size);
      sodium._free(place);
      if (sodium.HEAPU8.length > KEPT) this.#loading ??= this.#replace();
    }
  }

  async #replace(): Promise<void> {
    try {
      this.#sodium = await this.#load();
    } catch {
      // The next large message tries again.
    }
    this.#loading = null;
  }
}
