/**
 * Buffers without their constructors' overhead: views into memory that is already there, and memory that is not
 * cleared first. A view shares its memory with whoever made it; who may write to it is the caller's business.
 */

type ViewConstructor = new (memory: ArrayBufferLike, offset: number, length: number) => Buffer;

// Node keeps the class behind Buffer as its species. Its constructor makes a view in 17 ns where `Buffer.from` and
// `subarray` take 45; where the runtime does not offer it, `Buffer.from` gives the same view. (bench: push-pull)
const Species = (Buffer as unknown as { [Symbol.species]: unknown })[Symbol.species];
const Fast = typeof Species === 'function' && Species !== Buffer && Species.prototype === Buffer.prototype;

class SlowView {
  constructor(memory: ArrayBufferLike, offset: number, length: number) {
    // biome-ignore lint/correctness/noConstructorReturn: stands in for a class that the runtime does not expose
    return Buffer.from(memory, offset, length) as unknown as SlowView;
  }
}

/** `new View(arrayBuffer, byteOffset, length)` is a Buffer over existing memory. */
export const View: ViewConstructor = (Fast ? Species : SlowView) as ViewConstructor;

/** A Buffer over `bytes[start, end)`, sharing its memory. */
export function view(bytes: Uint8Array, start: number, end: number): Buffer {
  return new View(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** A copy that holds on to nothing else. */
export function copy(bytes: Uint8Array): Buffer {
  // Up to 64 octets V8 keeps such a buffer in its own heap: no separate memory, a few nanoseconds.
  const fresh = Fast
    ? new (Species as new (length: number) => Buffer)(bytes.length)
    : Buffer.alloc(bytes.length);
  for (let i = 0; i < bytes.length; i++) fresh[i] = bytes[i]!;
  return fresh;
}

/** Memory of its own (never a slice of Node's shared pool), not cleared. */
export function allocate(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length);
}
