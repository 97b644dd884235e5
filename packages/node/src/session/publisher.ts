/**
 * One producer and one stream: what a session has published there and was not told about.
 *
 * Guarantees: STORED tells only of what is committed, in the order of the producer's numbers; a run whose number is not
 * the expected one is refused, so that the stream never has a hole in a producer's records.
 */
import type { Receipt } from '@zeroth/client/wire';
import type { Appended } from '../store/store.ts';
import type { Hub } from './hub.ts';
import type { Session } from './session.ts';

/** Records that were appended, and when they may be called stored. */
interface Pending {
  first: number;
  last: number;
  /** In the stream; 0: it had them before. */
  sequence: number;
  durableAt: number;
  octets: number;
}

/** Runs of one publisher that may wait for their commit. */
const MAX_PENDING = 100_000;

export class Publisher {
  readonly session: Session;
  readonly hub: Hub;
  /** The number that the next record has to have. */
  expected: number;
  #pending: Pending[] = [];
  #head = 0;

  constructor(session: Session, hub: Hub) {
    this.session = session;
    this.hub = hub;
    this.expected = hub.stream.lastOf(session.name) + 1;
  }

  /** The first number that was not answered. */
  get first(): number {
    return this.#pending[this.#head]?.first ?? this.expected;
  }

  get full(): boolean {
    return this.#pending.length - this.#head >= MAX_PENDING;
  }

  /** Records `first` and following were given to the stream, with this outcome. */
  appended(first: number, outcome: Appended, octets: number): void {
    const { repeated, count, durableAt } = outcome;
    this.session.unanswered += octets;
    if (repeated > 0) {
      this.#push({
        first,
        last: first + repeated - 1,
        sequence: 0,
        durableAt,
        octets: count > 0 ? 0 : octets,
      });
    }
    if (count > 0) {
      const own = first + repeated;
      this.#push({ first: own, last: own + count - 1, sequence: outcome.first, durableAt, octets });
    }
    this.expected = Math.max(this.expected, first + repeated + count);
    this.hub.waiting.add(this);
  }

  /** Receipts for everything that is committed. */
  receipts(): Receipt[] {
    const { committed } = this.hub.stream;
    const receipts: { first: number; last: number; sequence: number }[] = [];
    let last: (typeof receipts)[number] | undefined;
    for (let next = this.#pending[this.#head]; next !== undefined; next = this.#pending[this.#head]) {
      if (next.durableAt > committed) break;
      this.#head++;
      this.session.unanswered -= next.octets;
      const { first, sequence } = next;
      // Many small runs in a row are one receipt.
      if (last !== undefined && last.last + 1 === first && follows(last, sequence)) last.last = next.last;
      else {
        last = { first, last: next.last, sequence };
        receipts.push(last);
      }
    }
    if (this.#head === this.#pending.length) {
      this.hub.waiting.delete(this);
      this.#pending = [];
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
    return receipts;
  }

  /** Nobody is to be told about what was published so far: the client will ask again. */
  forget(): void {
    for (let i = this.#head; i < this.#pending.length; i++)
      this.session.unanswered -= this.#pending[i]!.octets;
    this.#pending = [];
    this.#head = 0;
    this.hub.waiting.delete(this);
  }

  #push(entry: Pending): void {
    const before = this.#pending[this.#pending.length - 1];
    if (
      before !== undefined &&
      before.durableAt === entry.durableAt &&
      before.last + 1 === entry.first &&
      follows(before, entry.sequence)
    ) {
      before.last = entry.last;
      before.octets += entry.octets;
    } else this.#pending.push(entry);
  }
}

function follows(before: Receipt, sequence: number): boolean {
  if (before.sequence === 0) return sequence === 0;
  return sequence === before.sequence + (before.last - before.first + 1);
}
