/**
 * Looks through a MessagePack message without making anything of it.
 *
 * Guarantees: a message that passes is whole and nothing follows it; no length in it says more than there is, so that a
 * decoder that allocates by them stays within the size of the message; its text is UTF-8, its depth and the number of its
 * values are within the limits.
 * (https://github.com/msgpack/msgpack/blob/master/spec.md)
 */
import { MAX_DEPTH, MAX_VALUES, notDecoded } from './codec.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const TIMESTAMP = -1;
const PROTO = '__proto__';
const HIGH_SAFE = 0x1f_ffff;

/** What follows the type bytes from 0xc4 on: octets of the length, or of the value, and which of both. */
type Kind = 'bytes' | 'ext' | 'text' | 'list' | 'map';
const SIZED: ReadonlyMap<number, readonly [Kind, number]> = new Map([
  [0xc4, ['bytes', 1]],
  [0xc5, ['bytes', 2]],
  [0xc6, ['bytes', 4]],
  [0xc7, ['ext', 1]],
  [0xc8, ['ext', 2]],
  [0xc9, ['ext', 4]],
  [0xd9, ['text', 1]],
  [0xda, ['text', 2]],
  [0xdb, ['text', 4]],
  [0xdc, ['list', 2]],
  [0xdd, ['list', 4]],
  [0xde, ['map', 2]],
  [0xdf, ['map', 4]],
]);
/** Octets of the values from 0xca (float 32) to 0xd3 (int 64). */
const VALUES: readonly number[] = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

/** Looks through all of it. `wide`: it has a whole number that a double can't hold. */
export function scan(bytes: Uint8Array, name: string): { wide: boolean } {
  const scanner = new Scanner(bytes, name);
  scanner.run();
  return scanner;
}

class Scanner {
  wide = false;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  #at = 0;
  #values = 0;
  /** What is left to come of each open list (values) and map (keys and values), and which of them are maps. */
  readonly #left: number[] = [1];
  readonly #isMap: boolean[] = [false];

  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
  }

  run(): void {
    const left = this.#left;
    while (left.length > 0) {
      const top = left.length - 1;
      if (left[top] === 0) {
        left.pop();
        this.#isMap.pop();
        continue;
      }
      const key = this.#isMap[top]! && left[top]! % 2 === 0;
      left[top]!--;
      if (++this.#values > MAX_VALUES) this.#refuse(`more than ${MAX_VALUES} values`);
      this.#value(key);
    }
    if (this.#at < this.#bytes.length) this.#refuse('something follows it');
  }

  #value(key: boolean): void {
    const head = this.#uint(1);
    if (head < 0x80 || head >= 0xe0) return;
    if (head < 0x90) this.#open(head & 15, true);
    else if (head < 0xa0) this.#open(head & 15, false);
    else if (head < 0xc0) this.#text(head & 31, key);
    else if (head >= 0xca && head <= 0xd3) this.#number(head);
    else if (head >= 0xd4 && head <= 0xd8) this.#extension(1 << (head - 0xd4));
    else this.#sized(head, key);
  }

  #sized(head: number, key: boolean): void {
    if (head === 0xc0 || head === 0xc2 || head === 0xc3) return;
    const kind = SIZED.get(head);
    if (kind === undefined) this.#refuse('the type byte 0xc1 is never used', this.#at - 1);
    const size = this.#uint(kind[1]);
    if (kind[0] === 'text') this.#text(size, key);
    else if (kind[0] === 'bytes') this.#skip(size);
    else if (kind[0] === 'ext') this.#extension(size);
    else this.#open(size, kind[0] === 'map');
  }

  #number(head: number): void {
    const at = this.#at;
    this.#skip(VALUES[head - 0xca]!);
    if (head !== 0xcf && head !== 0xd3) return;
    const high = head === 0xcf ? this.#view.getUint32(at) : this.#view.getInt32(at);
    const low = this.#view.getUint32(at + 4);
    // -(2^53) itself is beyond what a number is sure of.
    if (high > HIGH_SAFE || high < -HIGH_SAFE - 1 || (high === -HIGH_SAFE - 1 && low === 0)) this.wide = true;
  }

  #extension(size: number): void {
    const type = this.#at < this.#bytes.length ? this.#view.getInt8(this.#at) : 0;
    if (type === TIMESTAMP && size !== 4 && size !== 8 && size !== 12)
      this.#refuse('a timestamp of a size that none has');
    this.#skip(1);
    this.#skip(size);
  }

  #text(size: number, key: boolean): void {
    const start = this.#at;
    this.#skip(size);
    const { ascii, proto } = looks(this.#bytes, start, this.#at);
    if (key && proto) this.#refuse(`the key ${PROTO} is not allowed`, start);
    if (ascii) return;
    try {
      utf8.decode(this.#bytes.subarray(start, this.#at));
    } catch {
      this.#refuse('text that is not UTF-8', start);
    }
  }

  /** Each value takes an octet at least. */
  #open(size: number, map: boolean): void {
    const values = map ? size * 2 : size;
    if (values > this.#bytes.length - this.#at) this.#refuse('a list or map that ends early');
    if (this.#left.length > MAX_DEPTH) this.#refuse(`nested deeper than ${MAX_DEPTH}`);
    this.#left.push(values);
    this.#isMap.push(map);
  }

  #uint(size: number): number {
    const at = this.#at;
    this.#skip(size);
    if (size === 1) return this.#bytes[at]!;
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #skip(size: number): void {
    if (size > this.#bytes.length - this.#at) this.#refuse('it ends early');
    this.#at += size;
  }

  #refuse(why: string, at: number = this.#at): never {
    throw notDecoded(this.#name, why, at);
  }
}

function looks(bytes: Uint8Array, start: number, end: number): { ascii: boolean; proto: boolean } {
  let ascii = true;
  let proto = end - start === PROTO.length;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x80) ascii = false;
    if (proto && byte !== PROTO.charCodeAt(at - start)) proto = false;
  }
  return { ascii, proto };
}
