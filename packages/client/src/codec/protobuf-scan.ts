/**
 * Counts the values of a Protocol Buffers message without making anything of it.
 *
 * Guarantees: what would become more than {@link MAX_VALUES} values is refused before anything is allocated. A field that is
 * not set is a value too: two octets may stand for a message of a hundred fields, each with its default. What is no
 * message at all is for the decoder to say.
 */
import type { Field, Type } from 'protobufjs';
import { MAX_DEPTH, MAX_VALUES, notDecoded } from './codec.ts';
import type { Library } from './protobuf-files.ts';

/** A message type, as far as it is counted. */
interface Shape {
  /** Values that each such message has. */
  readonly values: number;
  readonly fields: ReadonlyMap<number, Part>;
}

interface Part {
  /** What is in it; null: no message. */
  readonly shape: Shape | null;
  /** It is not among the values that each message has. */
  readonly counts: boolean;
  /** Octets of an element where they stand packed; 1: it depends. 0: they never do. */
  readonly width: number;
}

const UNKNOWN: Shape = { values: 0, fields: new Map() };
const NO_PART: Part = { shape: null, counts: true, width: 0 };
const WIDTHS: Readonly<Record<string, number>> = {
  double: 8,
  fixed64: 8,
  sfixed64: 8,
  float: 4,
  fixed32: 4,
  sfixed32: 4,
  string: 0,
  bytes: 0,
};

const VARINT = 0;
const FIXED64 = 1;
const SIZED = 2;
const GROUP = 3;
const FIXED32 = 5;

/** How to look through messages of this type. @throws ClientError ERR_DECODE. */
export function scannerOf(library: Library, type: Type, name: string): (bytes: Uint8Array) => void {
  const shapes = new Map<Type, Shape>();
  const shape = shapeOf(library, type, shapes);
  let most = 1;
  for (const { values } of shapes.values()) most = Math.max(most, values);
  return (bytes) => {
    // Each message in it takes two octets at least.
    if (bytes.length * most <= MAX_VALUES) return;
    const scan = new Scan(bytes);
    scan.fields(shape, bytes.length, 0);
    if (scan.values > MAX_VALUES) throw notDecoded(name, `more than ${MAX_VALUES} values`, scan.at);
  };
}

function shapeOf(library: Library, type: Type, shapes: Map<Type, Shape>): Shape {
  const known = shapes.get(type);
  if (known !== undefined) return known;
  const fields = new Map<number, Part>();
  const shape = { values: type.fieldsArray.filter(({ partOf }) => partOf === null).length, fields };
  shapes.set(type, shape);
  for (const field of type.fieldsArray) fields.set(field.id, partOf(library, field, shapes));
  return shape;
}

function partOf(library: Library, field: Field, shapes: Map<Type, Shape>): Part {
  const { resolvedType, repeated } = field;
  const shape = resolvedType instanceof library.Type ? shapeOf(library, resolvedType, shapes) : null;
  if (field instanceof library.MapField) {
    const entry = { values: 0, fields: new Map([[2, { shape, counts: false, width: 0 }]]) };
    return { shape: entry, counts: true, width: 0 };
  }
  const width = repeated && shape === null ? (WIDTHS[field.type] ?? 1) : 0;
  return { shape, counts: repeated || field.partOf !== null, width };
}

class Scan {
  values = 0;
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Ends before `end` where it is no message, or has too many values. */
  fields(shape: Shape, end: number, depth: number): void {
    this.values += shape.values;
    // An entry of a map is a message of its own here; the decoder counts only what is in it.
    if (depth > 2 * MAX_DEPTH) return;
    while (this.at < end && this.values <= MAX_VALUES) {
      const tag = this.#varint();
      const part = shape.fields.get(tag >>> 3) ?? NO_PART;
      switch (tag & 7) {
        case SIZED:
          if (!this.#sized(part, end, depth)) return;
          continue;
        case GROUP:
          this.fields(part.shape ?? UNKNOWN, end, depth + 1);
          break;
        case VARINT:
          this.#varint();
          break;
        case FIXED64:
          this.at += 8;
          break;
        case FIXED32:
          this.at += 4;
          break;
        default:
          // The end of a group.
          return;
      }
      if (part.counts) this.values++;
    }
  }

  /** What is not well inside is passed over here, and refused by the decoder. */
  #sized({ shape, counts, width }: Part, end: number, depth: number): boolean {
    const size = this.#varint();
    const stop = this.at + size;
    if (stop > end) return false;
    if (width > 0) this.values += width === 1 ? this.#varints(stop) : size / width;
    else if (counts) this.values++;
    if (shape !== null) this.fields(shape, stop, depth + 1);
    if (this.values <= MAX_VALUES) this.at = stop;
    return true;
  }

  /** The last octet of each is below 128. */
  #varints(end: number): number {
    let count = 0;
    for (let at = this.at; at < end; at++) if (this.#bytes[at]! < 0x80) count++;
    return count;
  }

  /** Its lower 32 bits, at most: neither a tag nor a size has more. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) return value;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value >>> 0;
  }
}
