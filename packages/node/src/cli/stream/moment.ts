/**
 * Places in a stream as a person writes them: `first`, `last`, a sequence, a time, how long ago.
 *
 * Guarantees: a text that is none of these is refused with what is allowed.
 */
import { parseDuration } from '../../config/units.ts';
import { usageError } from '../errors.ts';

export type Moment =
  | { readonly type: 'word'; readonly word: string }
  | { readonly type: 'sequence'; readonly sequence: number }
  /** Milliseconds since 1970. */
  | { readonly type: 'time'; readonly time: number };

const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** Reads the value of `option`; `words` are allowed as they are. */
export function parseMoment(text: string, option: string, words: readonly string[], now: number): Moment {
  if (words.includes(text)) return { type: 'word', word: text };
  if (/^\d+$/.test(text)) {
    const sequence = Number(text);
    if (Number.isSafeInteger(sequence) && sequence >= 1) return { type: 'sequence', sequence };
    throw usageError(`${option}: sequences begin at 1 and end below 2^53, not ${text}`);
  }
  const time = ISO.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (!Number.isNaN(time)) return { type: 'time', time };
  const ago = parseDuration(text.replace(/ ago$/, ''));
  if (ago.ok) return { type: 'time', time: Math.max(0, now - ago.value) };
  const allowed = `${words.join(', ')}, a sequence, a time such as 2026-01-31T06:00Z, or how long ago such as 10m`;
  const hint = ago.suggestion === null ? allowed : `did you mean ${ago.suggestion}? Allowed: ${allowed}`;
  throw usageError(`${option} does not take ${text}`, hint);
}
