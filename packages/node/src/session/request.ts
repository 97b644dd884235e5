/** What a CONSUME asks for, as the node understands it. */
import { type ConsumeRequest, type From, NAME } from '@zeroth/client/wire';
import type { Stream } from '../store/store.ts';

/**
 * Why this can't be the dead-letter stream of a stream; null: it can. The node makes `<stream>.dead` and no other: each
 * stream costs files and memory for good, and clients may be anybody.
 */
export function unfit(stream: string, deadLetter: string, exists: (name: string) => boolean): string | null {
  if (deadLetter === stream) return 'it is the same one';
  if (!NAME.test(deadLetter)) return 'a name has 64 characters at most';
  if (deadLetter === `${stream}.dead` || exists(deadLetter)) return null;
  return `the node has no such stream, and makes none but ${stream}.dead`;
}

/** The stream for its dead letters. */
export function deadLetterOf({ stream, deadLetter }: ConsumeRequest): string {
  return deadLetter ?? `${stream}.dead`;
}

/** Where the place of a consumer is kept; null: nowhere. */
export function placeOf({ strategy, group }: ConsumeRequest, client: string): string | null {
  return group !== null && strategy === 'broadcast' ? `${group}@${client}` : group;
}

/** Where a new group begins: a sequence, or what has to be looked up. */
export function startOf(stream: Stream, from: From): number | { readonly time: number } {
  if (from === 'first') return stream.first;
  if (from === 'new') return stream.committed;
  if (from === 'last') return Math.max(stream.first, stream.committed - 1);
  // A stream may have lost an end that was not on the disk: nothing of a new one is skipped.
  return 'sequence' in from ? Math.min(from.sequence, stream.next) : from;
}
