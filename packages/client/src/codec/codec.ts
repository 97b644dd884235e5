/**
 * What a codec is: a value to bytes and back, in one of the formats that this folder has a file for each.
 *
 * Guarantees: `decode` throws nothing but a ClientError (ERR_DECODE, ERR_SCHEMA), whatever the bytes are; its size,
 * depth and number of values are limited, and no error holds what was received. What `decode` gives back has no key `__proto__`.
 */
import { ClientError } from '../errors.ts';

/** `T` is what is read, `In` what may be written: they differ where a schema converts. */
export interface Codec<T, In = T> {
  /** `json`, `msgpack`, or `protobuf:` and the name of the type. */
  readonly name: string;
  /** @throws ClientError ERR_ENCODE, ERR_SCHEMA. */
  encode(value: In): Uint8Array;
  /** Bytes within the result may be views into `bytes`. @throws ClientError ERR_DECODE, ERR_SCHEMA. */
  decode(bytes: Uint8Array): T;
}

/** A schema of any library that implements Standard Schema (https://standardschema.dev), such as valibot, zod, arktype. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export interface CodecOptions<In, T> {
  /** Checks what is read and what is written; what it makes of a value is what `decode` gives back. Not an asynchronous one. */
  schema?: StandardSchema<In, T>;
  /** Octets that are decoded at most. Default 16 MiB. */
  maxSize?: number;
}

/** A format alone, without limits of size and schema. */
export interface Format {
  readonly name: string;
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

const MAX_SIZE = 16 * 1024 * 1024;
/** Objects and lists within each other: what Protocol Buffers allow everywhere. */
export const MAX_DEPTH = 100;
/** Values in one message (fields, elements): an octet of it may become a hundred octets of memory. */
export const MAX_VALUES = 1_000_000;
/** Places of a schema's complaints that are told. */
const TOLD = 3;

/** Puts the limit of size and the schema around a format. */
export function codecOf<T, In>(
  format: Format,
  { schema, maxSize = MAX_SIZE }: CodecOptions<In, T>,
): Codec<T, In> {
  if (!Number.isSafeInteger(maxSize) || maxSize < 1)
    throw new ClientError('ERR_OPTION', `maxSize is a number of octets from 1 on, not ${maxSize}`);
  const { name } = format;
  return {
    name,
    encode: (value) => {
      if (schema !== undefined) checked(name, schema, value);
      return format.encode(value);
    },
    decode: (bytes) => {
      if (bytes.length > maxSize)
        throw notDecoded(name, `${bytes.length} octets, where ${maxSize} are allowed`);
      const value = format.decode(bytes);
      return schema === undefined ? (value as T) : checked(name, schema, value);
    },
  };
}

function checked<In, T>(name: string, schema: StandardSchema<In, T>, value: unknown): T {
  const result = validated(name, schema, value);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new ClientError(
      'ERR_OPTION',
      `${name}: the schema answers later; a codec needs one that answers at once`,
    );
  }
  if (result.issues === undefined) return result.value;
  // Not the words of the library: they may quote the value.
  const { issues } = result;
  const places = issues.slice(0, TOLD).map(({ path = [] }) => placeOf(path));
  const more = issues.length > TOLD ? ` and ${issues.length - TOLD} more` : '';
  throw new ClientError(
    'ERR_SCHEMA',
    `${name}: the schema does not accept it at ${places.join(', ')}${more}`,
  );
}

/** What the schema throws itself, as a transformation may, is told by its name: its words may quote the value. */
function validated<In, T>(
  name: string,
  schema: StandardSchema<In, T>,
  value: unknown,
): SchemaResult<T> | Promise<SchemaResult<T>> {
  try {
    return schema['~standard'].validate(value);
  } catch (error) {
    const kind = error instanceof Error ? error.name : typeof error;
    throw new ClientError('ERR_SCHEMA', `${name}: the schema threw ${kind}`);
  }
}

/** `items.0.price`; a key that does not look like a name of a field may be data. */
function placeOf(path: NonNullable<SchemaIssue['path']>): string {
  const keys = path.slice(0, 10).map((part) => {
    const key = String(typeof part === 'object' ? part.key : part);
    return /^[\w$-]{1,40}$/.test(key) ? key : '?';
  });
  return keys.length === 0 ? 'the top' : keys.join('.');
}

export function notDecoded(name: string, why: string, offset?: number): ClientError {
  const at = offset === undefined ? '' : `, at offset ${offset}`;
  return new ClientError(
    'ERR_DECODE',
    `not decoded as ${name}: ${why}${at}`,
    offset === undefined ? {} : { offset },
  );
}

export function notEncoded(name: string, why: string): ClientError {
  return new ClientError('ERR_ENCODE', `not encoded as ${name}: ${why}`);
}

/** Throws for an own key `__proto__` anywhere: who copies such an object key by key changes its prototype. */
export function refuseProto(name: string, root: unknown): void {
  const left: unknown[] = [root];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue;
    if (Object.hasOwn(value, '__proto__')) throw notDecoded(name, 'the key __proto__ is not allowed');
    for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) left.push(each);
  }
}
