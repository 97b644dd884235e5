/**
 * `--decode` and `--encode`: the last frame of a message as a value, in the codecs of @zeroth/client.
 *
 * Guarantees: what can't be decoded is printed as such and ends nothing; what is printed can be given to `--encode` again:
 * 64-bit numbers are texts, bytes are {"base64":…}.
 */
import type { ClientError } from '@zeroth/client';
import type { Codec } from '@zeroth/client/codec';
import { usageError } from '../errors.ts';
import { frameToText, inputError } from './frames.ts';

/** What stands in the JSON of a message. */
export type Decoded = { readonly value: unknown } | { readonly error: { code: string; message: string } };
export type Decode = (frame: Uint8Array) => Decoded;

const ENCODE_HINT = 'with --encode a message is written as JSON; bytes are {"base64":"…"}';

/** @throws CliError USAGE for what is no codec, or one that can't be had. */
async function codecOf(text: string): Promise<Codec<unknown>> {
  // Only who asks for a codec waits for its libraries.
  const { parseCodec } = await import('@zeroth/client/codec');
  try {
    return await parseCodec(text);
  } catch (error) {
    throw usageError((error as Error).message, 'such as --decode protobuf:shop.proto#shop.Order');
  }
}

/** Null without a codec. */
export async function decoderOf(text: string | null): Promise<Decode | null> {
  if (text === null) return null;
  const codec = await codecOf(text);
  return (frame) => {
    try {
      return { value: plain(codec.decode(frame)) };
    } catch (error) {
      const { code, message } = error as ClientError;
      return { error: { code, message } };
    }
  };
}

/** Turns the last frame, a JSON text, into what the codec makes of it; without a codec it leaves messages as they are. */
export async function encoderOf(text: string | null): Promise<(frames: Buffer[]) => Buffer[]> {
  if (text === null) return (frames) => frames;
  const codec = await codecOf(text);
  return (frames) => {
    const value = fromJson((frames.at(-1) as Buffer).toString(), codec.name !== 'json');
    try {
      const bytes = codec.encode(value);
      return [...frames.slice(0, -1), Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)];
    } catch (error) {
      throw inputError((error as Error).message, ENCODE_HINT, error);
    }
  };
}

/** JSON has no bytes: there the form stays as it is. */
function fromJson(text: string, withBytes: boolean): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown) => {
      const { base64, ...rest } = (value ?? {}) as { base64?: unknown };
      const bytes = withBytes && typeof base64 === 'string' && Object.keys(rest).length === 0;
      return bytes ? Buffer.from(base64, 'base64') : value;
    }) as unknown;
  } catch (cause) {
    throw inputError('a message is not JSON', ENCODE_HINT, cause);
  }
}

/** One line, safe on a terminal. */
export function valueText(decoded: Decoded): string {
  const text = 'error' in decoded ? `(${decoded.error.message})` : JSON.stringify(decoded.value);
  return frameToText(Buffer.from(text));
}

/** A decoded value as JSON has it, exactly. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
