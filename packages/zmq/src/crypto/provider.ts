/**
 * The cryptography of CURVE, loaded on first use: libsodium as WebAssembly for the handshake and small messages, its
 * addon for large ones where it is installed. Random octets are the runtime's own (Web Crypto).
 */
import type { Sodium } from 'libsodium';
import { view } from '../bytes/view.ts';
import { Arena } from './arena.ts';
import { loadNative, type NativeSodium } from './native.ts';
import { Room } from './room.ts';

const KEY_SIZE = 32;
const BOX_EXTRA = 16;

export interface KeyPair {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

export class Provider {
  readonly arena: Arena;
  readonly #sodium: Sodium;

  constructor(sodium: Sodium, native: NativeSodium | null, room: Room) {
    this.#sodium = sodium;
    this.arena = new Arena(sodium, native, room);
  }

  random(size: number): Buffer {
    return crypto.getRandomValues(Buffer.alloc(size));
  }

  keyPair(): KeyPair {
    const secretKey = this.random(KEY_SIZE);
    return { publicKey: this.publicKey(secretKey), secretKey };
  }

  /** The public key that belongs to a secret one. */
  publicKey(secretKey: Uint8Array): Buffer {
    const { input, memory } = this.arena;
    memory.set(secretKey, input);
    this.#sodium._crypto_scalarmult_base(input + KEY_SIZE, input);
    return this.#taken(input + KEY_SIZE, KEY_SIZE);
  }

  sharedKey(theirs: Uint8Array, ours: Uint8Array): Buffer | null {
    const { input, memory } = this.arena;
    memory.set(theirs, input);
    memory.set(ours, input + KEY_SIZE);
    const failed = this.#sodium._crypto_box_beforenm(input + 2 * KEY_SIZE, input, input + KEY_SIZE) !== 0;
    const key = this.#taken(input + 2 * KEY_SIZE, KEY_SIZE);
    return failed ? null : key;
  }

  secretbox(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Buffer {
    const { arena } = this;
    const box = Buffer.alloc(BOX_EXTRA + plain.length);
    box.set(plain, BOX_EXTRA);
    this.#use(key, nonce);
    arena.sealIn(box, 0, plain.length);
    this.#clear();
    return box;
  }

  openSecretbox(key: Uint8Array, nonce: Uint8Array, box: Uint8Array): Buffer | null {
    if (box.length < BOX_EXTRA) return null;
    const plain = Buffer.alloc(box.length - BOX_EXTRA);
    this.#use(key, nonce);
    const good = this.arena.openTo(plain, 0, box, 0, box.length);
    this.#clear();
    return good ? plain : null;
  }

  equal(a: Uint8Array, b: Uint8Array): boolean {
    let difference = a.length ^ b.length;
    for (let at = 0; at < a.length; at++) difference |= a[at]! ^ (b[at] ?? 0);
    return difference === 0;
  }

  #use(key: Uint8Array, nonce: Uint8Array): void {
    const { arena } = this;
    arena.memory.set(key, arena.key);
    arena.memory.set(nonce, arena.nonce);
  }

  /** What is at the place, copied, and nothing left of what was used. */
  #taken(at: number, size: number): Buffer {
    const copy = Buffer.from(view(this.arena.memory, at, at + size));
    this.#clear();
    return copy;
  }

  #clear(): void {
    const { key, input, memory } = this.arena;
    memory.fill(0, key, input + 4 * KEY_SIZE);
  }
}

let loaded: Provider | null = null;
/** The cryptography, or null while it is not loaded. */
export function provider(): Provider | null {
  return loaded;
}

/** Loads it, once. */
export async function loadProvider(): Promise<Provider> {
  if (loaded === null) {
    const made = await newProvider(true);
    loaded ??= made;
  }
  return loaded;
}

/** One of its own, with the addon or without. */
export async function newProvider(native: boolean): Promise<Provider> {
  const [sodium, addon] = await Promise.all([newSodium(), native ? loadNative() : null]);
  // With the addon nothing is asked of the room, and it needs no instance of its own.
  return new Provider(sodium, addon, new Room(addon === null ? await newSodium() : sodium, newSodium));
}

async function newSodium(): Promise<Sodium> {
  const { default: load } = await import('libsodium');
  return await load();
}
