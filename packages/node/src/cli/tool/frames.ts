/**
 * Frames as a person or a script writes and reads them.
 *
 * Guarantees: the JSON form is exact: what `--json` prints, `--json` reads back byte for byte. The text form is safe on a
 * terminal: control and bidirectional characters that a peer sent are escaped.
 */
import { isUtf8 } from 'node:buffer';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit.ts';

/** A frame in JSON: text as it is, anything else as base64, or hex where asked for. */
export type JsonFrame = string | { readonly base64: string } | { readonly hex: string };

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One frame on a line: text where it is text, bytes that are none as \xNN. */
export function frameToText(frame: Buffer): string {
  const text = isUtf8(frame) ? frame.toString('utf8') : frame.toString('latin1');
  const escaped = text.replace(UNSAFE, escapeCharacter);
  return isUtf8(frame) ? escaped : escaped.replace(/[\u00a0-\u00ff]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code > 0xff) return `\\u{${code.toString(16)}}`;
  return NAMED[character] ?? `\\x${code.toString(16).padStart(2, '0')}`;
}

export function frameToJson(frame: Buffer, hex: boolean): JsonFrame {
  if (hex) return { hex: frame.toString('hex') };
  return isUtf8(frame) ? frame.toString('utf8') : { base64: frame.toString('base64') };
}

/** The bytes of a MESSAGE argument or of a line. */
export function frameFromText(text: Buffer | string, hex: boolean): Buffer {
  if (!hex) return typeof text === 'string' ? Buffer.from(text) : text;
  const digits = text.toString().replace(/\s+/g, '').replace(/^0x/i, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) {
    throw inputError(
      `not hex: ${clip(text.toString())}`,
      'write two digits for each byte, as in --hex 68656c6c6f',
    );
  }
  return Buffer.from(digits, 'hex');
}

/** The frames of a line that `--json` printed: an object with `frames`, or the list alone. */
export function framesFromJson(line: string): Buffer[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw inputError(`not JSON: ${clip(line)}`, HINT, cause);
  }
  const frames = Array.isArray(value) ? value : (value as { frames?: unknown } | null)?.frames;
  if (!Array.isArray(frames) || frames.length === 0) throw inputError(`no frames in: ${clip(line)}`, HINT);
  return frames.map((frame) => frameFromJson(frame, line));
}

const HINT = 'each line is an object as `zeroth pull --json` prints it, such as {"frames":["hello"]}';

function frameFromJson(frame: unknown, line: string): Buffer {
  if (typeof frame === 'string') return Buffer.from(frame);
  const { base64, hex } = (frame ?? {}) as { base64?: unknown; hex?: unknown };
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
  if (typeof hex === 'string') return frameFromText(hex, true);
  throw inputError(`a frame is a string, {"base64":…} or {"hex":…}, in: ${clip(line)}`, HINT);
}

export function inputError(message: string, hint: string, cause?: unknown): CliError {
  return new CliError('INPUT_INVALID', message, { exitCode: EXIT.usage, hint, cause });
}

function clip(text: string): string {
  const safe = text.replace(UNSAFE, escapeCharacter);
  return safe.length > 60 ? `${safe.slice(0, 60)}…` : safe;
}
