/**
 * Octets of a configuration centre -> text.
 *
 * Guarantees: never throws; a text is valid UTF-8 without a byte order mark, and within the limit.
 */

import type { State } from './follow.ts';
import { MAX_TEXT, sourceFailed } from './source.ts';

export function textOf(name: string, bytes: Uint8Array, revision: string): State {
  if (bytes.length > MAX_TEXT) return tooLarge(name, bytes.length);
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), revision };
  } catch {
    return sourceFailed(name, `what is there (revision ${revision}) is not UTF-8`);
  }
}

/** Base64, as JSON carries octets. */
export function textOfBase64(name: string, value: unknown, revision: string): State {
  if (typeof value !== 'string') return sourceFailed(name, 'the answer has no value in base64');
  return textOf(name, Buffer.from(value, 'base64'), revision);
}

export function tooLarge(name: string, bytes: number): State {
  return sourceFailed(name, `what is there has ${bytes} bytes; at most ${MAX_TEXT} are read`);
}

/** A JSON object, or null. The text was bounded before. */
export function objectOf(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  const value = jsonOf(bytes);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}

export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
