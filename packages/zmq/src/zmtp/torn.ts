/**
 * The message that the end of a chunk tore: its octets so far, in memory that follows what has arrived and not what a
 * header claims. Each octet is copied once, however many frames there are.
 */
import { allocate, view } from '../bytes/view.ts';

/** Up to this size at once; more as it arrives, doubling. */
const ALLOCATE_AT_ONCE = 1 << 20;
/** Before the handshake is complete: a stranger pays for each octet that we hold. */
const ALLOCATE_FOR_STRANGERS = 512;
/** Up to this size they share a slab. */
const POOLED = 2048;

export class TornMessage {
  /** `bytes[0, length)` is there. Null: no message is torn. */
  bytes: Buffer | null = null;
  length = 0;
  /** Where its next frame begins. */
  frameAt = 0;
  /** Sum of the bodies before that frame. */
  bodies = 0;

  begin(): void {
    this.length = 0;
    this.frameAt = 0;
    this.bodies = 0;
  }

  /** Copies from `chunk` until there are `target` octets or the chunk is used up; returns the new position. */
  take(chunk: Uint8Array, at: number, target: number, stranger: boolean): number {
    const missing = Math.min(target - this.length, chunk.length - at);
    if (missing <= 0) return at;
    const needed = this.length + missing;
    let bytes = this.bytes;
    if (bytes === null || bytes.length < needed) {
      const atOnce = stranger ? ALLOCATE_FOR_STRANGERS : ALLOCATE_AT_ONCE;
      const claimed = Math.min(target, Math.max(2 * needed, atOnce));
      // Doubling, so that a message of many frames is not copied once for each of them.
      const size = bytes === null ? claimed : Math.max(claimed, 2 * bytes.length);
      // Small ones from Node's pool, which is ten times cheaper than memory of their own.
      const grown = size <= POOLED ? Buffer.allocUnsafe(size) : allocate(size);
      if (bytes !== null) grown.set(bytes.subarray(0, this.length));
      bytes = grown;
      this.bytes = bytes;
    }
    bytes.set(view(chunk, at, at + missing), this.length);
    this.length = needed;
    return at + missing;
  }
}
