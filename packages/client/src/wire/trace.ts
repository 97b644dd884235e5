/**
 * Trace contexts of records, as they travel beside them: `{"trace":{"118":"00-…-…-01"}}` (docs/wire.md, Trace context).
 *
 * Guarantees: what is handed on is a `traceparent` of W3C Trace Context in its 55 characters; whatever else stands there is
 * left out, for a record goes on without its context.
 */

/** By number of the producer, or by sequence in the stream. */
export type TraceContexts = ReadonlyMap<number, string>;

/** Contexts that go with one message at most: what they take stays far below the limit of JSON. */
export const MAX_CONTEXTS = 4096;

/** Octets that a context takes, generously. */
export const CONTEXT_OCTETS = 96;

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const NUMBER = /^[1-9][0-9]{0,15}$/;

export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && TRACEPARENT.test(value);
}

export function encodeTrace(contexts: TraceContexts): Buffer {
  return Buffer.from(JSON.stringify({ trace: Object.fromEntries(contexts) }));
}

/** Of the JSON object in the frame. Null: there is none in it. */
export function decodeTrace({ trace }: { readonly trace?: unknown }): TraceContexts | null {
  if (typeof trace !== 'object' || trace === null) return null;
  const contexts = new Map<number, string>();
  for (const [key, value] of Object.entries(trace)) {
    if (contexts.size === MAX_CONTEXTS) break;
    if (NUMBER.test(key) && isTraceparent(value)) contexts.set(Number(key), value);
  }
  return contexts.size === 0 ? null : contexts;
}
