/** CURVE's traffic in both directions, under the one key of a connection. */
import { type BoxArena, KEY_SIZE, wipe } from './curve.ts';
import { CurveOpener } from './curve-open.ts';
import { CurveSealer } from './curve-seal.ts';
import type { Cipher } from './mechanism.ts';

export class CurveCipher implements Cipher {
  readonly #arena: BoxArena;
  readonly #key: Buffer;
  readonly #sealer: CurveSealer;
  readonly #opener: CurveOpener;

  /** `next`: the number of the first frame; `last`: the peer's short nonce in the handshake. `key` is wiped by `close`. */
  constructor(arena: BoxArena, key: Buffer, server: boolean, next: number, last: Uint8Array) {
    this.#arena = arena;
    this.#key = key;
    this.#sealer = new CurveSealer(arena, key, server, next);
    this.#opener = new CurveOpener(arena, key, server, last);
  }

  take(parts: readonly Uint8Array[]): void {
    this.#sealer.take(parts);
  }

  seal(): Uint8Array[] | null {
    return this.#sealer.seal();
  }

  taken(): void {
    this.#sealer.taken();
  }

  open(chunk: Uint8Array, limit: number, plain: (bytes: Uint8Array) => void): void {
    this.#opener.open(chunk, limit, plain);
  }

  close(): void {
    this.#sealer.close();
    this.#opener.close();
    wipe(this.#key);
    const { memory, key } = this.#arena;
    memory.fill(0, key, key + KEY_SIZE);
  }
}
