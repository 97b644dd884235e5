/**
 * MessagePack, by `@msgpack/msgpack`.
 *
 * Whole numbers from -(2^53 - 1) to 2^53 - 1 are numbers, those beyond are `bigint`, exactly, in both directions. Dates
 * are written and read as timestamps. Bytes are views into what was decoded. Every message is looked through once when it
 * was encoded and before it is decoded (msgpack-scan.ts): the library believes lengths and does not check text.
 */
import { ClientError } from '../errors.ts';
import {
  type Codec,
  type CodecOptions,
  codecOf,
  type Format,
  MAX_DEPTH,
  notDecoded,
  notEncoded,
} from './codec.ts';
import { scan } from './msgpack-scan.ts';

const NAME = 'msgpack';
const INT64: readonly [bigint, bigint] = [-(2n ** 63n), 2n ** 64n - 1n];

type Library = typeof import('@msgpack/msgpack');

/**
 * MessagePack, checked by a schema where one is given.
 * @throws ClientError (as a rejection) ERR_CODEC_MISSING without `@msgpack/msgpack`.
 */
export async function msgpack<T = unknown, In = T>(options: CodecOptions<In, T> = {}): Promise<Codec<T, In>> {
  let library: Library;
  try {
    library = await import('@msgpack/msgpack');
  } catch (cause) {
    const text = 'msgpack() needs the package @msgpack/msgpack: npm install @msgpack/msgpack';
    throw new ClientError('ERR_CODEC_MISSING', text, { cause });
  }
  return codecOf(formatOf(library), options);
}

function formatOf({ Encoder, Decoder }: Library): Format {
  const encoder = new Encoder({ maxDepth: MAX_DEPTH + 1 });
  const wideEncoder = new Encoder({ maxDepth: MAX_DEPTH + 1, useBigInt64: true });
  const decoder = new Decoder();
  const mapKeyConverter = (key: unknown): string | number => {
    if (typeof key === 'string' || typeof key === 'number') return key;
    if (typeof key === 'bigint') return String(key);
    throw notDecoded(NAME, 'a key is neither text nor a number');
  };
  const wideDecoder = new Decoder({ useBigInt64: true, mapKeyConverter });
  const encoded = (value: unknown): Uint8Array => {
    try {
      return encoder.encode(value);
    } catch {
      // The library refuses a bigint like a function; or it is something else, which comes again.
    }
    try {
      return wideEncoder.encode(widen(value, 0));
    } catch (error) {
      if (error instanceof ClientError) throw error;
      throw notEncoded(NAME, 'it is nested too deep, or holds what MessagePack has no form for');
    }
  };
  return {
    name: NAME,
    encode: (value) => {
      const bytes = encoded(value);
      try {
        scan(bytes, NAME);
      } catch {
        throw notEncoded(
          NAME,
          'it has text that is not Unicode or a key __proto__, is nested too deep, or has too many values',
        );
      }
      return bytes;
    },
    decode: (bytes) => {
      const { wide } = scan(bytes, NAME);
      try {
        return wide ? narrow(wideDecoder.decode(bytes)) : decoder.decode(bytes);
      } catch (error) {
        if (error instanceof ClientError) throw error;
        throw notDecoded(
          NAME,
          'a key is neither text nor a number, or an extension is not what it should be',
        );
      }
    },
  };
}

/** With `useBigInt64` the library writes numbers beyond 32 bits as floats: whole ones are handed over as bigint. */
function widen(value: unknown, depth: number): unknown {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && Math.abs(value) > 0x7fff_ffff ? BigInt(value) : value;
  if (typeof value === 'bigint') {
    if (value < INT64[0] || value > INT64[1]) throw notEncoded(NAME, 'a bigint needs more than 64 bits');
    return value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) throw notEncoded(NAME, `nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return value.map((each) => widen(each, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, widen(each, depth + 1)]));
}

/** In place: a bigint that a number holds exactly becomes one. The depth is checked already. */
function narrow(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Date)
    return value;
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) object[key] = narrow(object[key]);
  return value;
}
