/** PAIR: one peer at a time (RFC 31). */
import type { Sendable } from './message.ts';
import { Pattern, queue } from './pattern.ts';
import type { Pipe } from './pipe.ts';

export class PairPattern extends Pattern {
  #pipe: Pipe | null = null;
  // The pipe before, while it has something to receive.
  #former: Pipe[] = [];

  override attach(pipe: Pipe): boolean {
    // RFC 31, The PAIR Socket Type: "SHALL NOT accept" a second one.
    if (this.#pipe !== null) return false;
    this.#pipe = pipe;
    this.host.writable();
    return true;
  }

  override detach(pipe: Pipe): void {
    if (this.#pipe !== pipe) return;
    this.#pipe = null;
    if (pipe.inbox.queued > 0 && !this.#former.includes(pipe)) this.#former.push(pipe);
  }

  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, count: number): void {
    // From one that is parted from, and was empty then.
    if (pipe !== this.#pipe && !this.#former.includes(pipe)) this.#former.push(pipe);
    pipe.inbox.push(bytes, start, end, count);
    this.host.readable();
    pipe.checkMark();
  }

  override send(message: Sendable): boolean {
    const pipe = this.#pipe;
    if (pipe === null || pipe.outbox.full) return false;
    queue(pipe.outbox, message);
    return true;
  }

  override next(): Buffer[] | null {
    const pipe = this.peek();
    if (pipe === null) return null;
    const frames = pipe.inbox.next();
    this.took(pipe);
    return frames;
  }

  override get readable(): boolean {
    return this.peek() !== null;
  }

  override get writable(): boolean {
    return this.#pipe !== null && !this.#pipe.outbox.full;
  }

  override peek(): Pipe | null {
    while (this.#former.length > 0 && this.#former[0]!.inbox.queued === 0) this.#former.shift();
    const pipe = this.#former[0] ?? this.#pipe;
    return pipe !== null && pipe.inbox.queued > 0 ? pipe : null;
  }

  override took(pipe: Pipe): void {
    pipe.checkRoom();
  }

  override sendRun(
    _prefix: Uint8Array | null,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): number {
    return this.#pipe?.outbox.pushRun(bytes, start, end, count) ?? 0;
  }
}
