/**
 * How much a client may have under way, over all its streams: octets that were sent and not answered are bounded by the
 * node's window, and all that is not answered by what the application allows. Producers that meet a full window are
 * called in turn when there is room again.
 */
import type { Welcome } from '../wire/messages.ts';

/** What a record costs beside its octets: its promise and its place in the batch. */
const OVERHEAD = 128;
/** What PUBLISH has beside the run, generously. */
const ENVELOPE = 256;

export class Window {
  /** Octets of the largest record. */
  limit = 0;
  /** Octets of records in PUBLISH that may be unanswered; from WELCOME. */
  #size = 0;
  #underWay = 0;
  /** Octets that may wait beyond the window. */
  readonly #spare: number;
  #held = 0;
  readonly #blocked = new Set<() => void>();
  readonly #writable: (() => void)[] = [];

  constructor(spare: number) {
    this.#spare = spare;
  }

  /** A session begins: nothing is under way. */
  open({ window, maxMessageSize }: Welcome): void {
    this.#size = window;
    this.limit = maxMessageSize - ENVELOPE;
    this.#underWay = 0;
  }

  /** Takes a record in; false: no room for it. */
  hold(octets: number): boolean {
    const held = this.#held + octets + OVERHEAD;
    if (held > this.#size + this.#spare && this.#held > 0) return false;
    this.#held = held;
    return true;
  }

  /** Records were answered, or are given up. */
  release(octets: number, records: number): void {
    this.#held -= octets + records * OVERHEAD;
    if (this.writable) for (const resolve of this.#writable.splice(0)) resolve();
  }

  /** Less waits than the window lets on the way. */
  get writable(): boolean {
    return this.#held < this.#size;
  }

  /** Resolves when it is writable. */
  async room(): Promise<void> {
    while (!this.writable) {
      await new Promise<void>((resolve) => {
        this.#writable.push(resolve);
      });
    }
  }

  /** May so much be sent now? If not, `pump` is called when it may. One batch may always be under way. */
  send(octets: number, pump: () => void): boolean {
    if (this.#underWay > 0 && this.#underWay + octets > this.#size) {
      this.#blocked.add(pump);
      return false;
    }
    this.#underWay += octets;
    return true;
  }

  /** What was sent is answered, or has to be sent again. */
  arrived(octets: number): void {
    this.#underWay -= octets;
    if (this.#blocked.size === 0) return;
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const pump of blocked) pump();
  }

  /** Nobody waits any more. */
  end(): void {
    this.#blocked.clear();
    this.#size = Number.POSITIVE_INFINITY;
    for (const resolve of this.#writable.splice(0)) resolve();
  }
}
