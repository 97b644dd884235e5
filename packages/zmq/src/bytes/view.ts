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

/** Up to so many octets V8 keeps a buffer in its own heap: no separate memory, which costs twenty times as much. */
export const ON_HEAP = 64;

type CopyConstructor = new (source: Uint8Array | number) => Buffer;

class SlowCopy {
  constructor(source: Uint8Array | number) {
    // biome-ignore lint/correctness/noConstructorReturn: stands in for a class that the runtime does not expose
    return Buffer.from(new Uint8Array(source as Uint8Array).buffer) as unknown as SlowCopy;
  }
}

const Copy: CopyConstructor = (Fast ? Species : SlowCopy) as CopyConstructor;
/** Up to here a loop is faster than a view for the constructor to copy from. */
const LOOPED = 16;

/** A copy that holds on to nothing else. */
export function copy(bytes: Uint8Array): Buffer {
  return new Copy(bytes);
}

/** As `copy`, of `size` octets from `at` on. For up to `ON_HEAP` octets; larger ones get memory of their own. */
export function copyOf(bytes: Uint8Array, at: number, size: number): Buffer {
  if (size > LOOPED) return new Copy(new View(bytes.buffer, bytes.byteOffset + at, size));
  const fresh = new Copy(size);
  for (let i = 0; i < size; i++) fresh[i] = bytes[at + i]!;
  return fresh;
}

const SCRATCH = new Int32Array(ON_HEAP / 4);
const SCRATCH_BYTES = new Uint8Array(SCRATCH.buffer);
/** For each size the first so many octets of the scratch, to copy from. */
const SLOTS: readonly Buffer[] = Array.from(
  { length: ON_HEAP + 1 },
  (_, size) => new View(SCRATCH.buffer, 0, size),
);
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * As `copyOf`, of at most `ON_HEAP` octets, for many messages of one chunk: `words` is a DataView of all of it. The
 * constructor copies from a view that is there already, so that no view of 96 octets is made and thrown away for each
 * message: 5 ns, and a sixth of the garbage. Numbers of 32 bits: those of 64 become objects, and a float may lose bits of
 * a NaN. Four in a step: 6 ns for 64 octets, and 20 one by one. (bench: push-pull-64, inproc-64)
 */
export function copyWords(words: DataView, at: number, size: number): Buffer {
  const whole = size >> 2;
  let i = 0;
  let from = at;
  for (const odd = whole & 3; i < odd; i++, from += 4) SCRATCH[i] = words.getInt32(from, LITTLE_ENDIAN);
  for (; i < whole; i += 4, from += 16) {
    SCRATCH[i] = words.getInt32(from, LITTLE_ENDIAN);
    SCRATCH[i + 1] = words.getInt32(from + 4, LITTLE_ENDIAN);
    SCRATCH[i + 2] = words.getInt32(from + 8, LITTLE_ENDIAN);
    SCRATCH[i + 3] = words.getInt32(from + 12, LITTLE_ENDIAN);
  }
  for (i = whole << 2; i < size; i++, from++) SCRATCH_BYTES[i] = words.getUint8(from);
  return new Copy(SLOTS[size]!);
}

/** Memory of its own (never a slice of Node's shared pool), not cleared. */
export function allocate(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length);
}
