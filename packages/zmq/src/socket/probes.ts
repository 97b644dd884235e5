/**
 * How long requests take, seen by a proxy that decodes nothing: a few of them are timed, by counting. A peer that has
 * nothing else outstanding has its answer when one more reply than before is queued for it.
 */
import type { Pipe } from '../patterns/pipe.ts';

/** Requests that are timed at once. */
const MAX_OPEN = 16;
/** Pause between the begins of two. */
const PAUSE_MS = 1;
/** One that waits longer makes place for another. */
const STALE_MS = 60_000;

interface Probe {
  readonly pipe: Pipe;
  /** The number of replies to this peer that means "answered". */
  readonly target: number;
  /** The number of requests from a peer that asks one thing at a time; -1: it may ask on meanwhile. */
  readonly only: number;
  readonly begun: number;
}

export class Probes {
  readonly #answered: (milliseconds: number) => void;
  readonly #open: Probe[] = [];
  #last = 0;

  constructor(answered: (milliseconds: number) => void) {
    this.#answered = answered;
  }

  /** `count` requests of the peer were forwarded. */
  asked(pipe: Pipe, count: number): void {
    if (count !== 1 || pipe.inbox.queued > 0) return;
    const target = replies(pipe) + 1;
    // A REQ asks one thing at a time, also when an earlier request went without a reply.
    const only = pipe.identity?.socketType === 'REQ' ? pipe.receivedMessages : -1;
    if (only < 0 && pipe.receivedMessages !== target) return;
    const now = performance.now();
    if (now - this.#last < PAUSE_MS) return;
    if (this.#open.length === MAX_OPEN) {
      const stale = this.#open.findIndex(({ begun }) => now - begun > STALE_MS);
      if (stale < 0) return;
      this.#remove(stale);
    }
    this.#last = now;
    this.#open.push({ pipe, target, only, begun: now });
  }

  /** Replies were forwarded. */
  check(): void {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const { pipe, target, only, begun } = this.#open[i]!;
      // A REQ that has asked again has given up what is timed here.
      const over = only >= 0 && pipe.receivedMessages !== only;
      if (over || pipe.ended || pipe.identity === null) this.#remove(i);
      else if (replies(pipe) >= target) {
        this.#remove(i);
        this.#answered(performance.now() - begun);
      }
    }
  }

  #remove(index: number): void {
    const last = this.#open.pop()!;
    if (index < this.#open.length) this.#open[index] = last;
  }
}

function replies(pipe: Pipe): number {
  return pipe.outbox.sentMessages + pipe.outbox.queued;
}
