/**
 * The order of what an XPUB announces. What subscribers say is received in fair turns; announcements are received in the
 * order in which they came about, whichever peers they are of: whoever hears "nobody wants it any more" after "somebody wants
 * it", and it was the other way round, believes something wrong for good. The messages themselves are in the inboxes of
 * their pipes; here is what is known of those that nobody has received yet.
 */
import type { Pipe } from './pipe.ts';

export interface Announcement {
  readonly pipe: Pipe;
  /** Its message. */
  readonly frame: Uint8Array;
  /** Who it is about: what is announced under one key is opened and closed in turns. */
  readonly key: string;
  /** `repeats`: whoever receives it knows it already. */
  readonly turn: 'opens' | 'repeats' | 'closes';
}

export class Announcements {
  #all: Announcement[] = [];
  #head = 0;

  /** The one to be received next. */
  get first(): Announcement | undefined {
    return this.#all[this.#head];
  }

  push(announcement: Announcement): void {
    this.#all.push(announcement);
  }

  /** The first was received. */
  shift(): void {
    if (++this.#head === this.#all.length) {
      this.#all.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#all.length) {
      this.#all = this.#all.slice(this.#head);
      this.#head = 0;
    }
  }

  /**
   * Forgets those that tell nothing any more, and returns their messages: a subscription together with its end, and a
   * repetition of a peer that is gone. Whoever receives the rest knows the same at its end. `fixed` stays.
   */
  settle(fixed: Uint8Array | null): ReadonlySet<Uint8Array> {
    const moot = new Set<Uint8Array>();
    const open = new Map<string, Uint8Array[]>();
    const pending = this.#all.slice(this.#head);
    for (const { pipe, frame, key, turn } of pending) {
      if (frame === fixed) continue;
      const since = open.get(key);
      if (turn === 'opens') open.set(key, [frame]);
      else if (turn === 'repeats') {
        if (pipe.identity === null) moot.add(frame);
        else since?.push(frame);
      } else if (since !== undefined) {
        open.delete(key);
        for (const each of since) moot.add(each);
        moot.add(frame);
      }
    }
    this.#all = pending.filter(({ frame }) => !moot.has(frame));
    this.#head = 0;
    return moot;
  }
}
