/** Gives to each peer that has room in turn (RFC 30, The PUSH Socket Type: "round-robin"). */
import type { Pipe } from './pipe.ts';

export class LoadBalancer {
  readonly #pipes: Pipe[] = [];
  // Those of #pipes that have room, as far as is known: a full one leaves when it is met.
  readonly #ready: Pipe[] = [];
  #current = 0;

  add(pipe: Pipe): void {
    this.#pipes.push(pipe);
    if (!pipe.outbox.full) this.#ready.push(pipe);
  }

  remove(pipe: Pipe): void {
    const index = this.#pipes.indexOf(pipe);
    if (index >= 0) this.#pipes.splice(index, 1);
    this.#leave(this.#ready.indexOf(pipe));
  }

  has(pipe: Pipe): boolean {
    return this.#pipes.includes(pipe);
  }

  /** A full pipe has room again. */
  room(pipe: Pipe): void {
    if (this.has(pipe) && !this.#ready.includes(pipe)) this.#ready.push(pipe);
  }

  /** How many have room. */
  get ready(): number {
    return this.#ready.length;
  }

  /** The pipe whose turn it is, or null when none has room. Its turn is over with this call. */
  next(): Pipe | null {
    const ready = this.#ready;
    while (ready.length > 0) {
      if (this.#current >= ready.length) this.#current = 0;
      const pipe = ready[this.#current]!;
      if (!pipe.outbox.full) {
        this.#current++;
        return pipe;
      }
      this.#leave(this.#current);
    }
    return null;
  }

  /** Passes over `count` turns. */
  skip(count: number): void {
    if (this.#ready.length > 0) this.#current = (this.#current + count) % this.#ready.length;
  }

  /** True when `next` would give a pipe. */
  get writable(): boolean {
    return this.#ready.some(hasRoom);
  }

  #leave(index: number): void {
    if (index < 0) return;
    this.#ready.splice(index, 1);
    if (this.#current > index) this.#current--;
  }
}

function hasRoom(pipe: Pipe): boolean {
  return !pipe.outbox.full;
}
