/**
 * Buffer for a page: that of npm's `buffer` (MIT), with the two things that the sources' speed rests on. Its prototype is
 * one of a class, so that a view is made by a constructor and not by changing a prototype (see bytes/view.ts), and
 * UTF-8 goes through the browser's own encoder.
 */
import { Buffer as Base } from 'buffer/index.js';

class Bytes extends Uint8Array {}

// As Node does it: the class that makes the objects is not the function that users call, they share the prototype.
Object.defineProperties(Bytes.prototype, {
  ...Object.getOwnPropertyDescriptors(Base.prototype),
  constructor: { value: Base, writable: true, configurable: true },
});
Object.defineProperty(Base, 'prototype', { value: Bytes.prototype });
Object.defineProperty(Base, Symbol.species, { get: () => Bytes, configurable: true });

const encoder = new TextEncoder();
// As Node: a mark of the byte order is a character like others.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function isUtf8(encoding: unknown): boolean {
  return encoding === undefined || encoding === 'utf8' || encoding === 'utf-8';
}

type Call = (...args: unknown[]) => unknown;
type Method = (this: Uint8Array, ...args: unknown[]) => unknown;
const { from, byteLength } = Base as unknown as Record<'from' | 'byteLength', Call>;
const { toString: decode, write } = Base.prototype as unknown as Record<'toString' | 'write', Call>;

function sized(length: number): Uint8Array {
  if (typeof length !== 'number') throw new TypeError('The "size" argument must be of type number');
  if (!(length >= 0)) throw new RangeError(`The value "${length}" is invalid for option "size"`);
  return new Bytes(length);
}

Object.assign(Base, {
  allocUnsafe: sized,
  allocUnsafeSlow: sized,
  from(value: unknown, offset?: unknown, length?: unknown): Buffer {
    if (typeof value === 'string' && isUtf8(offset)) {
      const { buffer, byteLength: size } = encoder.encode(value);
      return new Bytes(buffer as ArrayBuffer, 0, size) as unknown as Buffer;
    }
    return from(value, offset, length) as Buffer;
  },
  byteLength(value: unknown, encoding?: unknown): number {
    // Short texts, mostly: three octets for a character are enough, and the encoder counts.
    if (typeof value === 'string' && isUtf8(encoding)) return encoder.encode(value).length;
    return byteLength(value, encoding) as number;
  },
});

Object.assign(Bytes.prototype, {
  toString(this: Uint8Array, encoding?: unknown, start?: number, end?: number): unknown {
    if (!isUtf8(encoding)) return decode.call(this, encoding, start, end);
    const part = start === undefined && end === undefined ? this : this.subarray(start, end);
    return decoder.decode(part);
  },
  write(this: Uint8Array, text: string, ...rest: unknown[]): unknown {
    const [offset = 0, length] = rest as [number?, number?];
    const plain = rest.every((each) => typeof each === 'number');
    if (!plain || offset < 0 || offset > this.length) return write.call(this, text, ...rest);
    const room = Math.min(length ?? Number.POSITIVE_INFINITY, this.length - offset);
    return encoder.encodeInto(text, this.subarray(offset, offset + room)).written;
  },
});

// Node takes any Uint8Array where npm's `buffer` asks for one of its own.
for (const name of ['equals', 'copy', 'indexOf', 'lastIndexOf'] as const) {
  const original = Base.prototype[name] as Method;
  const method: Method = function (other, ...rest) {
    const foreign = other instanceof Uint8Array && !(other instanceof Bytes);
    const view = foreign ? new Bytes(other.buffer as ArrayBuffer, other.byteOffset, other.length) : other;
    return original.call(this, view, ...rest);
  };
  Object.defineProperty(Bytes.prototype, name, { value: method, writable: true, configurable: true });
}

export const Buffer: typeof globalThis.Buffer = Base as unknown as typeof globalThis.Buffer;
