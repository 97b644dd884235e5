/**
 * Whether a value fits a message type, before it is written: protobufjs itself cuts numbers to size and passes over
 * fields that it does not know.
 *
 * Guarantees: a value that passes is written as it is; one that does not is refused with the name of the field, never
 * with what it holds.
 */
import type { Enum, Field, Type } from 'protobufjs';
import { MAX_DEPTH, notEncoded } from './codec.ts';
import type { Library } from './protobuf-files.ts';

type Fits = (value: unknown) => boolean;

const int32: Fits = (value) => typeof value === 'number' && (value | 0) === value;
const uint32: Fits = (value) => typeof value === 'number' && value >>> 0 === value;
const float: Fits = (value) => typeof value === 'number';
const int64: Fits = (value) => whole(value, -(2n ** 63n), 2n ** 63n - 1n);
const uint64: Fits = (value) => whole(value, 0n, 2n ** 64n - 1n);

const SCALARS: Readonly<Record<string, Fits>> = {
  double: float,
  float,
  int32,
  sint32: int32,
  sfixed32: int32,
  uint32,
  fixed32: uint32,
  int64,
  sint64: int64,
  sfixed64: int64,
  uint64,
  fixed64: uint64,
  bool: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string' && !/\p{Surrogate}/u.test(value),
  bytes: (value) => value instanceof Uint8Array,
};

/** A bigint, a number that is sure of its last digit, or digits as text. */
function whole(value: unknown, min: bigint, max: bigint): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && (value >= 0 || min < 0n);
  if (typeof value !== 'bigint' && !(typeof value === 'string' && /^-?\d{1,20}$/.test(value))) return false;
  const exact = BigInt(value);
  return exact >= min && exact <= max;
}

/** @throws ClientError ERR_ENCODE. */
export function checkMessage(library: Library, type: Type, value: unknown, name: string): void {
  new Check(library, name).message(type, value, type.name, 0);
}

class Check {
  readonly #library: Library;
  readonly #name: string;

  constructor(library: Library, name: string) {
    this.#library = library;
    this.#name = name;
  }

  message(type: Type, value: unknown, path: string, depth: number): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      this.#refuse(path, 'is no object');
    if (depth > MAX_DEPTH) throw notEncoded(this.#name, `nested deeper than ${MAX_DEPTH}`);
    const given = value as Record<string, unknown>;
    for (const key of Object.keys(given)) {
      const each = given[key];
      if (each === undefined || each === null) continue;
      const field = Object.hasOwn(type.fields, key) ? type.fields[key]! : null;
      if (field === null) this.#refuse(path, 'has a field that the type does not have');
      this.#field(field, each, `${path}.${key}`, depth);
    }
    for (const field of type.fieldsArray) {
      if (field.required && given[field.name] == null) this.#refuse(`${path}.${field.name}`, 'is required');
    }
    for (const oneof of type.oneofsArray) {
      if (
        oneof.fieldsArray.length > 1 &&
        oneof.fieldsArray.filter((field) => given[field.name] != null).length > 1
      )
        this.#refuse(`${path}.${oneof.name}`, 'is a oneof, and more than one of it is set');
    }
  }

  #field(field: Field, value: unknown, path: string, depth: number): void {
    if (field instanceof this.#library.MapField) {
      if (typeof value !== 'object' || Array.isArray(value)) this.#refuse(path, 'is no map');
      for (const [key, each] of Object.entries(value as object)) {
        // It would not be read, either.
        if (key === '__proto__') this.#refuse(path, 'has a key __proto__, which is not allowed');
        if (!fitsKey(field.keyType, key)) this.#refuse(path, `has a key that is no ${field.keyType}`);
        this.#single(field, each, path, depth);
      }
    } else if (field.repeated) {
      if (!Array.isArray(value)) this.#refuse(path, 'is no list');
      for (const each of value as unknown[]) this.#single(field, each, path, depth);
    } else this.#single(field, value, path, depth);
  }

  #single(field: Field, value: unknown, path: string, depth: number): void {
    const { resolvedType } = field;
    if (resolvedType === null) {
      if (!SCALARS[field.type]!(value)) this.#refuse(path, `does not fit ${field.type}`);
    } else if (resolvedType instanceof this.#library.Enum) {
      if (!fitsEnum(resolvedType, value)) this.#refuse(path, `is no value of ${resolvedType.name}`);
    } else this.message(resolvedType, value, path, depth + 1);
  }

  #refuse(path: string, why: string): never {
    throw notEncoded(this.#name, `${path} ${why}`);
  }
}

/** Keys of objects are text, whatever the type. */
function fitsKey(type: string, key: string): boolean {
  if (type === 'string') return true;
  if (type === 'bool') return key === 'true' || key === 'false';
  if (!/^-?\d{1,20}$/.test(key)) return false;
  return type.endsWith('64') ? SCALARS[type]!(key) : SCALARS[type]!(Number(key));
}

function fitsEnum(type: Enum, value: unknown): boolean {
  return typeof value === 'string' ? Object.hasOwn(type.values, value) : int32(value);
}
