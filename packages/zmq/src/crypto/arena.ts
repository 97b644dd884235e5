/**
 * Memory where boxes are made and opened in numbers: a part of the WebAssembly's own, laid out once. There a small box
 * costs one call and no allocation. Large ones go to the addon, where there is one: it works on the same memory, and on
 * any other. Where there is none they go to memory that may grow, and is given up then.
 */
import type { Sodium } from 'libsodium';
import { view } from '../bytes/view.ts';
import type { NativeSodium } from './native.ts';
import type { Room } from './room.ts';

const INPUT_SIZE = 131_072;
const OUTPUT_SIZE = 262_144;
const KEY_SIZE = 32;
const NONCE_SIZE = 24;
const BOX_EXTRA = 16;
/** From this size on the addon is faster: its call costs 300 ns more than one into WebAssembly, an octet 1.5 ns less. */
const NATIVE_FROM = 640;

export class Arena {
  readonly input: number;
  readonly inputSize: number = INPUT_SIZE;
  readonly output: number;
  readonly key: number;
  readonly nonce: number;
  /** For large boxes, where there is no addon. */
  readonly room: Room;
  readonly #sodium: Sodium;
  readonly #native: NativeSodium | null;
  readonly #nativeFrom: number;
  readonly #seal: Sodium['_crypto_secretbox_easy'];
  readonly #open: Sodium['_crypto_secretbox_open_easy'];
  // Views for the addon, of memory that grew elsewhere and moved are made anew.
  #moved: ArrayBufferLike | null = null;
  #nonceView: Buffer = Buffer.alloc(0);
  #keyView: Buffer = Buffer.alloc(0);

  constructor(sodium: Sodium, native: NativeSodium | null, room: Room) {
    this.#sodium = sodium;
    this.room = room;
    this.#native = native;
    this.#nativeFrom = native === null ? Number.POSITIVE_INFINITY : NATIVE_FROM;
    this.#seal = sodium._crypto_secretbox_easy;
    this.#open = sodium._crypto_secretbox_open_easy;
    // Of four MiB that are there: it can't fail.
    this.key = sodium._malloc(KEY_SIZE + NONCE_SIZE + INPUT_SIZE + OUTPUT_SIZE);
    this.nonce = this.key + KEY_SIZE;
    this.input = this.nonce + NONCE_SIZE;
    this.output = this.input + INPUT_SIZE;
  }

  get memory(): Uint8Array {
    return this.#sodium.HEAPU8;
  }

  seal(to: number, from: number, size: number): void {
    if (size < this.#nativeFrom) {
      this.#seal(to, from, size, 0, this.nonce, this.key);
      return;
    }
    const { memory } = this;
    this.#nativeSeal(view(memory, to, to + size + BOX_EXTRA), view(memory, from, from + size));
  }

  open(to: number, from: number, size: number): boolean {
    if (size < this.#nativeFrom) return this.#open(to, from, size, 0, this.nonce, this.key) === 0;
    const { memory } = this;
    return this.#nativeOpen(view(memory, to, to + size - BOX_EXTRA), view(memory, from, from + size));
  }

  sealIn(bytes: Uint8Array, at: number, size: number): void {
    const start = at + BOX_EXTRA;
    const end = start + size;
    if (this.#native !== null) {
      this.#nativeSeal(view(bytes, at, end), view(bytes, start, end));
      return;
    }
    this.#within(size + BOX_EXTRA, (sodium, place, nonce, key) => {
      const memory = sodium.HEAPU8;
      memory.set(view(bytes, start, end), place + BOX_EXTRA);
      sodium._crypto_secretbox_easy(place, place + BOX_EXTRA, size, 0, nonce, key);
      bytes.set(view(memory, place, place + BOX_EXTRA + size), at);
      return true;
    });
  }

  openTo(plain: Uint8Array, to: number, box: Uint8Array, from: number, size: number): boolean {
    const sealed = view(box, from, from + size);
    if (this.#native !== null) return this.#nativeOpen(view(plain, to, to + size - BOX_EXTRA), sealed);
    return this.#within(size, (sodium, place, nonce, key) => {
      const memory = sodium.HEAPU8;
      memory.set(sealed, place);
      const good = sodium._crypto_secretbox_open_easy(place + BOX_EXTRA, place, size, 0, nonce, key) === 0;
      if (good) plain.set(view(memory, place + BOX_EXTRA, place + size), to);
      return good;
    });
  }

  /** Memory of `size` for the time of the call, in the arena or in the room, and where nonce and key are there. */
  #within(
    size: number,
    work: (sodium: Sodium, place: number, nonce: number, key: number) => boolean,
  ): boolean {
    if (size <= INPUT_SIZE + OUTPUT_SIZE) return work(this.#sodium, this.input, this.nonce, this.key);
    const secrets = view(this.memory, this.key, this.nonce + NONCE_SIZE);
    return this.room.with(size + secrets.length, (sodium, place) => {
      const key = place + size;
      sodium.HEAPU8.set(secrets, key);
      return work(sodium, place, key + KEY_SIZE, key);
    });
  }

  #nativeSeal(box: Buffer, plain: Buffer): void {
    this.#look();
    this.#native!.crypto_secretbox_easy(box, plain, this.#nonceView, this.#keyView);
  }

  #nativeOpen(plain: Buffer, box: Buffer): boolean {
    this.#look();
    return this.#native!.crypto_secretbox_open_easy(plain, box, this.#nonceView, this.#keyView);
  }

  #look(): void {
    const { memory } = this;
    if (this.#moved === memory.buffer) return;
    this.#moved = memory.buffer;
    this.#nonceView = view(memory, this.nonce, this.nonce + NONCE_SIZE);
    this.#keyView = view(memory, this.key, this.key + KEY_SIZE);
  }
}
