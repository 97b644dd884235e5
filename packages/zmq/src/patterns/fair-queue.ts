/** Takes from each peer that has something in turn (RFC 30, The PULL Socket Type: "fair-queuing"). */
import type { Run } from '../zmtp/frame.ts';
import type { Pipe } from './pipe.ts';
import { sift } from './sift.ts';

export class FairQueue {
  // Pipes with something in their inbox, in the order in which they got it.
  readonly #active: Pipe[] = [];
  #current = 0;
  /** The pipe that the last message came from. */
  last: Pipe | null = null;

  get empty(): boolean {
    return this.#active.length === 0;
  }

  /** Puts a run into the pipe's inbox. The caller looks at the mark (`Pipe.checkMark`) when it has told the readers. */
  push(pipe: Pipe, bytes: Uint8Array, start: number, end: number, count: number): void {
    if (pipe.inbox.queued === 0) this.#active.push(pipe);
    pipe.inbox.push(bytes, start, end, count);
  }

  /** Keeps only the last message of the pipe. Returns how many are dropped. */
  keepLast(pipe: Pipe, bytes: Uint8Array, start: number, end: number, count: number): number {
    if (pipe.inbox.queued === 0) this.#active.push(pipe);
    return pipe.inbox.keepLast(bytes, start, end, count);
  }

  /**
   * Takes out what is not wanted any more. `wanted` gets the memory of a message, where it begins and ends, and its pipe. It
   * must not call what may receive meanwhile.
   */
  filter(wanted: (bytes: Uint8Array, at: number, next: number, pipe: Pipe) => boolean): void {
    const turn = this.peek();
    const pipes = this.#active.splice(0);
    for (const pipe of pipes) {
      const { inbox } = pipe;
      const runs: Run[] = [];
      for (let run = inbox.peekRun(); run !== null; run = inbox.peekRun()) {
        runs.push(run);
        inbox.advance(run.end, run.count);
      }
      for (const { bytes, start, end } of runs) {
        const found = (at: number, next: number): boolean => wanted(bytes, at, next, pipe);
        sift(bytes, start, end, found, (from, to, count) => this.push(pipe, bytes, from, to, count));
      }
    }
    // Who has peeked may still take from it.
    this.#current = turn === null ? 0 : Math.max(0, this.#active.indexOf(turn));
    for (const pipe of pipes) pipe.checkRoom();
  }

  /** The next message, or null. */
  next(): Buffer[] | null {
    const pipe = this.#active[this.#current];
    if (pipe === undefined) return null;
    const frames = pipe.inbox.next();
    this.last = pipe;
    this.#took(pipe);
    return frames;
  }

  /** As `next`, with the frames added to what `begin` returns for the pipe they come from. */
  nextAfter(begin: (pipe: Pipe) => Buffer[]): Buffer[] | null {
    const pipe = this.#active[this.#current];
    if (pipe === undefined) return null;
    const frames = begin(pipe);
    pipe.inbox.nextInto(frames);
    this.last = pipe;
    this.#took(pipe);
    return frames;
  }

  /** The pipe whose turn it is, for who takes runs: report with `tookRun`. */
  peek(): Pipe | null {
    return this.#active[this.#current] ?? null;
  }

  /** It is the turn of this pipe, which has something. */
  prefer(pipe: Pipe): void {
    this.#current = this.#active.indexOf(pipe);
  }

  /** Messages were taken from the pipe that `peek` gave. */
  tookRun(pipe: Pipe): void {
    this.#took(pipe);
  }

  #took(pipe: Pipe): void {
    const active = this.#active;
    if (pipe.inbox.queued === 0) {
      if (active.length === 1) active.length = 0;
      else active.splice(this.#current, 1);
      if (this.#current >= active.length) this.#current = 0;
    } else if (active.length > 1 && ++this.#current >= active.length) this.#current = 0;
    pipe.checkRoom();
  }
}
