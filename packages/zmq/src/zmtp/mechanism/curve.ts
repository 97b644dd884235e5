/**
 * What both roles of CURVE share (RFC 25, RFC 26): sizes, nonces, and the cryptography that is handed in. A box from A to
 * B is a secret box under the key that either side computes from its own secret key and the other's public one.
 */
import { writeU64 } from '../../bytes/u64.ts';
import { ZmqError } from '../../errors.ts';

export const HELLO = 'HELLO';
export const WELCOME = 'WELCOME';
export const INITIATE = 'INITIATE';

export const KEY_SIZE = 32;
/** What a box is longer than its content. */
export const BOX_EXTRA = 16;
const NONCE_SIZE = 24;
/** Random part of the nonces of long-term keys, and of cookies. */
export const LONG_NONCE = 16;
/** Counting part of the others. */
export const SHORT_NONCE = 8;

/** "MESSAGE" with its length in front. */
export const MESSAGE_NAME: Buffer = Buffer.from('\x07MESSAGE', 'latin1');
/** Name and short nonce. */
export const MESSAGE_HEAD: number = MESSAGE_NAME.length + SHORT_NONCE;
/** What a MESSAGE frame's body is longer than the plain one: head, box, flags. */
export const MESSAGE_EXTRA: number = MESSAGE_HEAD + BOX_EXTRA + 1;
/** Plain bodies above this size go their own way: they are not copied into the arena. */
export const LARGE = 16_384;
/** What is not kept up to this size comes from Node's pool. */
export const SMALL = 4096;

export interface KeyPair {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

/** The cryptography, from outside: this package's is in crypto/. All buffers are the caller's. */
export interface CurveCrypto {
  random(size: number): Buffer;
  /** Of a new connection. */
  keyPair(): KeyPair;
  /** The key of boxes between two, or null for a public key that gives none (of low order). */
  sharedKey(theirs: Uint8Array, ours: Uint8Array): Buffer | null;
  secretbox(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Buffer;
  /** Null when the box was not made with the key and nonce, or was changed. */
  openSecretbox(key: Uint8Array, nonce: Uint8Array, box: Uint8Array): Buffer | null;
  /** Takes the same time whatever the octets are. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  readonly arena: BoxArena;
}

/**
 * Memory where many boxes are made or opened without a copy or an allocation for each. It is one for all connections:
 * what is in it holds until control goes to somebody else.
 */
export interface BoxArena {
  /** All offsets are into this. To be read anew for each batch. */
  readonly memory: Uint8Array;
  readonly input: number;
  readonly inputSize: number;
  readonly output: number;
  /** Where the key is to be put. */
  readonly key: number;
  /** Where the nonce is to be put. */
  readonly nonce: number;
  /** Boxes `memory[from, from + size)` into `memory[to, to + size + 16)`. */
  seal(to: number, from: number, size: number): void;
  /** Opens the box `memory[from, from + size)` into `memory[to, to + size - 16)`. False: it can't be opened. */
  open(to: number, from: number, size: number): boolean;
  /** As `seal`, elsewhere and in place: `bytes[at + 16, at + 16 + size)` becomes the box `bytes[at, at + 16 + size)`. */
  sealIn(bytes: Uint8Array, at: number, size: number): void;
  /** As `open`, elsewhere: the box `box[from, from + size)` into `plain[to, to + size - 16)`; in place from 16 above on. */
  openTo(plain: Uint8Array, to: number, box: Uint8Array, from: number, size: number): boolean;
}

/** A nonce for one command: a prefix, then a number (eight octets) or random octets. */
export function nonceOf(prefix: string, rest: Uint8Array | number): Buffer {
  const nonce = Buffer.alloc(NONCE_SIZE);
  const at = nonce.write(prefix, 'latin1');
  if (typeof rest === 'number') writeU64(nonce, at, rest);
  else nonce.set(rest, at);
  return nonce;
}

/** Throws ERR_ZMTP_CRYPTOGRAPHIC when there is nothing. */
export function opened(plain: Buffer | null, what: string): Buffer {
  if (plain !== null) return plain;
  throw new ZmqError('ERR_ZMTP_CRYPTOGRAPHIC', { detail: `${what} can't be opened with these keys` });
}

/** Nobody reads the key again. */
export function wipe(...secrets: (Uint8Array | null)[]): void {
  for (const secret of secrets) secret?.fill(0);
}
