/**
 * JSON (RFC 8259), in UTF-8 and without a byte order mark.
 *
 * Numbers are doubles, as everywhere in JavaScript: whole numbers beyond 2^53 lose their last digits, so send those as
 * strings. What `JSON.stringify` leaves out (undefined) or turns into null (NaN) it does here, too.
 */
import {
  type Codec,
  type CodecOptions,
  codecOf,
  type Format,
  MAX_DEPTH,
  MAX_VALUES,
  notDecoded,
  notEncoded,
  refuseProto,
} from './codec.ts';

const NAME = 'json';

/** In what `JSON.stringify` makes, only a key looks so: in a string the first quote would have a backslash before it. */
const PROTO_KEY = /[{,]"__proto__":/;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** JSON, checked by a schema where one is given. */
export function json<T = unknown, In = T>(options: CodecOptions<In, T> = {}): Codec<T, In> {
  return codecOf(FORMAT, options);
}

const FORMAT: Format = {
  name: NAME,
  encode: (value) => {
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch {
      // The words of the engine quote keys.
      throw notEncoded(NAME, 'it refers to itself, is nested too deep, or holds a bigint');
    }
    if (text === undefined) throw notEncoded(NAME, `${typeof value} has no form in JSON`);
    if (text.includes('"__proto__":') && PROTO_KEY.test(text))
      throw notEncoded(NAME, 'the key __proto__ is not allowed');
    const bytes = Buffer.from(text);
    const excess = excessIn(bytes);
    if (excess !== null) throw notEncoded(NAME, excess.why);
    return bytes;
  },
  decode: (bytes) => {
    const excess = excessIn(bytes);
    if (excess !== null) throw notDecoded(NAME, excess.why, excess.at);
    const text = textOf(bytes);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw notDecoded(NAME, 'not JSON', placeOf(error, text));
    }
    if (text.includes('__proto__') || /\\u005f/i.test(text)) refuseProto(NAME, value);
    return value;
  },
};

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw notDecoded(NAME, 'not UTF-8');
  }
}

/** Of the engine's words only the number is taken: they quote the text. */
function placeOf(error: unknown, text: string): number | undefined {
  const { message } = error as Error;
  const found = /at position (\d+)/.exec(message)?.[1];
  if (found !== undefined) return Buffer.byteLength(text.slice(0, Number(found)));
  return message.startsWith('Unexpected end') ? Buffer.byteLength(text) : undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** `[`, `{` and their ends differ in this bit only. */
const BRACE = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Where it goes beyond the limits. The parser has none, and who walks its result needs them. */
function excessIn(bytes: Uint8Array): { readonly why: string; readonly at: number } | null {
  if (bytes.length <= MAX_DEPTH) return null;
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = bytes.indexOf(QUOTE, at + 1);
      while (at !== -1 && escaped(bytes, at)) at = bytes.indexOf(QUOTE, at + 1);
      // Torn: the parser says so.
      if (at === -1) return null;
    } else if ((byte | BRACE) === OPEN) {
      values++;
      if (++depth > MAX_DEPTH) return { why: `nested deeper than ${MAX_DEPTH}`, at };
    } else if ((byte | BRACE) === CLOSE) depth--;
    else if (byte === COMMA && ++values > MAX_VALUES) return { why: `more than ${MAX_VALUES} values`, at };
  }
  return null;
}

/** An odd number of backslashes stands before it. */
function escaped(bytes: Uint8Array, at: number): boolean {
  let before = at;
  while (bytes[before - 1] === BACKSLASH) before--;
  return (at - before) % 2 === 1;
}
