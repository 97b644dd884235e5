/**
 * What a consumer knows of the records that it was sent: which wait to be handed out, which the application has, which
 * are acknowledged. From this it tells what the node sends again after a reconnect (dropped, or acknowledged again) from
 * what has to be delivered (again).
 */
import type { Range } from '../wire/numbers.ts';
import { Intervals } from './intervals.ts';

/** Ranges that a set may have beyond the credit: what the application forgets must not add up. */
const SPARE = 1024;

export class Ledger {
  readonly #bound: number;
  /** In the queue of the consumer. */
  readonly #waiting: Intervals = new Intervals();
  /** With the application. */
  readonly #handed: Intervals = new Intervals();
  /** Of these, what the node is going to send again after a reconnect. */
  #repeated: Intervals = new Intervals();
  /** Given back by the application, or dropped, and not delivered again yet. */
  readonly #returned: Intervals = new Intervals();
  readonly #acked: Intervals = new Intervals();
  /** Of these, what was not said yet. */
  readonly #unsaid: Intervals = new Intervals();
  unsaidCount = 0;
  /** Everything up to it came, or will not come as something new. */
  #highest = 0;
  /** The highest sequence whose time is known, and that time. */
  #timed = 0;
  #time = 0;

  constructor(credit: number) {
    this.#bound = credit + SPARE;
  }

  /** Everything before it is acknowledged, or not for this consumer. */
  get floor(): number {
    return Math.min(this.#waiting.min, this.#handed.min, this.#returned.min, this.#highest + 1);
  }

  /** Nothing before `next` will come as something new. */
  begin(next: number): void {
    if (next - 1 > this.#highest) this.#highest = next - 1;
  }

  /** These will never come. */
  gone(first: number, last: number): void {
    if (last > this.#highest) this.#highest = last;
    this.#returned.cut(first, last);
  }

  /** Sequences `first` to `last` came, the first of them taken at `time`. True: all of them are new, and wait now. */
  arrived(first: number, last: number, time: number): boolean {
    // Times never fall in a stream: a low sequence with a late time is from a stream that began anew.
    if (first <= this.#timed && time > this.#time) this.#forget();
    if (first > this.#timed) {
      this.#timed = first;
      this.#time = time;
    }
    if (first <= this.#highest) return false;
    this.#highest = last;
    this.#waiting.add(first, last);
    return true;
  }

  /** For one record that is not new: does it wait now? Otherwise it is here still, or acknowledged. */
  again(sequence: number): boolean {
    if (sequence > this.#highest) this.#highest = sequence;
    if (this.#waiting.has(sequence)) return false;
    if (this.#acked.has(sequence)) {
      this.#say(sequence);
      return false;
    }
    // After `ackTimeout` the node sends what the application has once more, on purpose.
    if (this.#handed.has(sequence) && this.#repeated.remove(sequence)) return false;
    this.#returned.remove(sequence);
    this.#waiting.add(sequence, sequence);
    return true;
  }

  /** The next in the queue goes to the application. False: it is not wanted any more. */
  handed(sequence: number): boolean {
    if (!this.#waiting.remove(sequence)) return false;
    this.#handed.add(sequence, sequence);
    this.#handed.bound(this.#bound);
    return true;
  }

  /** False: it is acknowledged or given back already. */
  acked(sequence: number): boolean {
    if (!this.#handed.remove(sequence)) return false;
    // It may have come a second time, after `ackTimeout`.
    this.#waiting.remove(sequence);
    this.#acked.add(sequence, sequence);
    this.#acked.bound(this.#bound);
    this.#say(sequence);
    return true;
  }

  /** False: it is acknowledged or given back already. */
  nacked(sequence: number): boolean {
    if (!this.#handed.remove(sequence)) return false;
    this.#returned.add(sequence, sequence);
    this.#returned.bound(this.#bound);
    return true;
  }

  /** What is to be acknowledged; it counts as said. */
  say(): Range[] {
    const ranges = this.#unsaid.list();
    this.hush();
    return ranges;
  }

  /** Nothing is to be acknowledged: the node sends again what it does not know. */
  hush(): void {
    this.#unsaid.clear();
    this.unsaidCount = 0;
  }

  /** A session begins: the node sends again what it does not know to be acknowledged. What waits is dropped for that. */
  rejoin(): void {
    this.hush();
    for (const { first, last } of this.#waiting.list()) this.#returned.add(first, last);
    this.#returned.bound(this.#bound);
    this.#waiting.clear();
    this.#repeated = this.#handed.copy();
  }

  #say(sequence: number): void {
    this.#unsaid.add(sequence, sequence);
    this.unsaidCount++;
  }

  #forget(): void {
    this.#waiting.clear();
    this.#handed.clear();
    this.#repeated.clear();
    this.#returned.clear();
    this.#acked.clear();
    this.hush();
    this.#highest = 0;
    this.#timed = 0;
  }
}
