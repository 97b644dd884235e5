/**
 * Protocol Buffers from `.proto` files, by `protobufjs`.
 *
 * Fields have the names of the `.proto` file. 64-bit numbers are always `bigint` when read; to write one a whole number
 * or its digits as text will do, too. Enums are the names of their values (a value without a name is its number), bytes
 * are views into what was decoded, lists and maps that are not there are empty, other fields without presence have
 * their default. Fields that the type does not know are passed over. A message that was cut off between two fields
 * can't be told from a shorter one: that is the format.
 */
import type { Reader, Root, Type } from 'protobufjs';
import { ClientError } from '../errors.ts';
import { type Codec, type CodecOptions, codecOf, type Format, notDecoded, refuseProto } from './codec.ts';
import { checkMessage } from './protobuf-check.ts';
import { type Library, loadFiles } from './protobuf-files.ts';
import { scannerOf } from './protobuf-scan.ts';

const AS_VALUES = { longs: BigInt, enums: String, defaults: true, arrays: true, objects: true } as const;

/**
 * One message type of a `.proto` file. What it imports is looked for beside that file, then beside the importing one.
 * @throws ClientError (as a rejection) ERR_CODEC_MISSING without `protobufjs`, ERR_OPTION for a file that can't be read
 * or is no `.proto` file, and for a type that is not in it.
 */
export async function protobuf<T = Record<string, unknown>, In = T>(
  file: string,
  type: string,
  options: CodecOptions<In, T> = {},
): Promise<Codec<T, In>> {
  let library: Library;
  try {
    // A CommonJS package: its exports are those of the default one.
    library = ((await import('protobufjs')) as unknown as { default: Library }).default;
  } catch (cause) {
    const text = 'protobuf() needs the package protobufjs: npm install protobufjs';
    throw new ClientError('ERR_CODEC_MISSING', text, { cause });
  }
  const root = await loadFiles(library, file);
  return codecOf(formatOf(library, typeIn(root, file, type)), options);
}

function formatOf(library: Library, type: Type): Format {
  const name = `protobuf:${type.fullName.slice(1)}`;
  const scan = scannerOf(library, type, name);
  /** Text is checked in files without `syntax = "proto3"`, too. */
  class StrictReader extends library.BufferReader {
    override string(): string {
      return this.stringVerify();
    }
  }
  const reading = (bytes: Uint8Array): Reader =>
    new StrictReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  return {
    name,
    encode: (value) => {
      checkMessage(library, type, value, name);
      return type.encode(type.fromObject(value as Record<string, unknown>)).finish();
    },
    decode: (bytes) => {
      scan(bytes);
      const reader = reading(bytes);
      let value: unknown;
      try {
        value = type.toObject(type.decode(reader), AS_VALUES);
      } catch (error) {
        const early = error instanceof RangeError || reader.pos >= bytes.length;
        const why = early ? 'it ends early, or lacks a field that is required' : 'not such a message';
        throw notDecoded(name, why, Math.min(reader.pos, bytes.length));
      }
      if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('__proto__'))
        refuseProto(name, value);
      return value;
    },
  };
}

function typeIn(root: Root, file: string, name: string): Type {
  try {
    return root.lookupType(name);
  } catch {
    throw new ClientError('ERR_OPTION', `${file} has no message type ${name}`);
  }
}
