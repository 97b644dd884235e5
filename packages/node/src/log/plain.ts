/**
 * Fields of an event as plain values, for those who keep them elsewhere than in the log.
 *
 * Guarantees: never throws; a field without a value is left out; the result can be written as JSON; an error is the text of its stack, with those of its causes.
 */

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
    return JSON.stringify(value) === undefined ? String(value) : value;
  } catch {
    return typeof value === 'bigint' ? String(value) : 'not to be told';
  }
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
