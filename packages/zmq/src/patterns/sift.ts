/** What is wanted of a run, in stretches as long as they come: whole runs pass as they are. */
import { messageEnd } from '../zmtp/frame.ts';

export type Stretch = (start: number, end: number, count: number) => void;

/**
 * Hands on the stretches of a run whose messages are wanted, and returns how many messages are not. `wanted` gets where
 * a message begins and ends.
 */
export function sift(
  bytes: Uint8Array,
  start: number,
  end: number,
  wanted: (at: number, next: number) => boolean,
  pass: Stretch,
): number {
  let stretch = start;
  let count = 0;
  let rest = 0;
  for (let at = start; at < end; ) {
    const next = messageEnd(bytes, at);
    if (wanted(at, next)) count++;
    else {
      rest++;
      if (count > 0) pass(stretch, at, count);
      count = 0;
      stretch = next;
    }
    at = next;
  }
  if (count > 0) pass(stretch, end, count);
  return rest;
}
