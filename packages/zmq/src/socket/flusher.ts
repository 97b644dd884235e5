/** When the turn of the event loop is over, all outboxes that got something are written: one write for each. */
import type { Outbox } from '../patterns/outbox.ts';

let dirty: Outbox[] = [];
let spare: Outbox[] = [];
let bursting = false;
let deferrals = 0;
/** Turns that a batch may wait while its sender goes on sending: well under a millisecond. */
const DEFERRALS = 8;

/** Flushes `outbox` after the code that runs now and the promises that it settled. */
export function flushSoon(outbox: Outbox): void {
  // nextTick runs when no promise is left to settle: an application that sends in a loop of `await`s fills the batch,
  // one that sends a single message does not wait for it.
  if (dirty.length === 0) process.nextTick(flushAll);
  dirty.push(outbox);
}

function flushAll(): void {
  if (bursting && deferrals < DEFERRALS) {
    bursting = false;
    deferrals++;
    setImmediate(flushAll);
    return;
  }
  bursting = false;
  deferrals = 0;
  const outboxes = dirty;
  dirty = spare;
  let done = 0;
  try {
    while (done < outboxes.length) outboxes[done++]!.flush();
  } finally {
    // Something threw: an outbox that waits here does not ask again.
    for (; done < outboxes.length; done++) flushSoon(outboxes[done]!);
    outboxes.length = 0;
    spare = outboxes;
  }
}

let turning: Promise<void> | null = null;

/** Resolves in the next turn of the event loop. The same promise for everyone who asks in this turn. */
export function nextTurn(): Promise<void> {
  turning ??= new Promise((resolve) => {
    setImmediate(() => {
      turning = null;
      resolve();
    });
  });
  return turning;
}

/**
 * Whoever sends goes on at once: small batches may wait for more, a few turns at most. A publisher with many subscribers
 * would otherwise write a handful of messages to each. (bench: pub-sub-10k, node-pubsub-10k)
 */
export function inBurst(): void {
  bursting = true;
}

/** A read of node's is 64 KiB at most, less the messages that it tore. */
const FULL_READ = 60_000;

/** A run of so many octets came in one read: its sender goes on, too. */
export function inBurstIfFull(octets: number): void {
  if (octets >= FULL_READ) inBurst();
}
