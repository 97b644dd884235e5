/**
 * Fields of an event as plain values, for those who keep them elsewhere than in the log.
 *
 * Guarantees: never throws; a field without a value is left out; the result can be written as JSON and given to another
 * thread, and what becomes of an object later does not change it; an error is the text of its stack, with those of its causes.
 */

import { messageOf } from '../errors.ts';

/** Causes of causes that are told. */
const CAUSES = 5;

export function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, plain(value)]])),
  );
}

function plain(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  try {
    if (value instanceof Error) return stackOf(value);
    // Also finds what has no JSON: rings, big integers.
    const text: string | undefined = JSON.stringify(value);
    return text === undefined ? String(value) : (JSON.parse(text) as unknown);
  } catch {
    return typeof value === 'bigint' ? String(value) : 'not to be told';
  }
}

/** What an error says, as fields: its words, and its code if it has one. */
export function reasonFields(error: unknown): { readonly code?: string; readonly reason: string } {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return { ...(typeof code === 'string' ? { code } : {}), reason: messageOf(error) };
}

/** Control characters but line feed and tab, and those that turn the direction: a text that has none does nothing to a terminal. */
const CONTROLS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with control characters as their escapes. */
export function harmless(text: string): string {
  return text.replace(CONTROLS, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function stackOf(error: Error): string {
  let text = error.stack ?? String(error);
  let { cause } = error;
  for (let depth = 0; depth < CAUSES && cause instanceof Error; depth++) {
    text += `\ncaused by: ${cause.stack ?? String(cause)}`;
    cause = cause.cause;
  }
  return text;
}
