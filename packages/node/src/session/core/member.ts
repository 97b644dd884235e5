/** One consumer in a group: what it holds, and how much more it may get. */
import { Leases } from './leases.ts';

export class Member {
  /** Records that may be with it. */
  credit: number;
  /** Octets that may be with it; one record may go over. */
  window: number;
  /** Its client can be reached. */
  connected = true;
  /** What it got and has not acknowledged. */
  readonly leases: Leases = new Leases();
  /** Sharded: what waits for it, in order of sequence. */
  readonly queue: Leases = new Leases();
  /** After a reconnect: what it holds is sent again, from this sequence on. 0: all of it was. */
  resendAt = 0;

  constructor(credit: number, window: number) {
    this.credit = credit;
    this.window = window;
  }

  /** Records that it may get now. */
  get free(): number {
    if (!this.connected || this.resendAt > 0 || this.leases.octets >= this.window) return 0;
    return Math.max(0, this.credit - this.leases.count);
  }
}
