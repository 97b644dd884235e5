/**
 * Receipts: which of the messages that were queued the operating system has taken, and which came back because their
 * peer went away before it had them. Whoever sends runs gives the messages numbers; a number is with one peer at a time.
 *
 * Costs some additions for each run, nothing for a message. Memory: two numbers for each stretch of an outbox.
 */

/** Numbers from `first` to `last`, both included. */
export interface Range {
  /** The lowest number. */
  readonly first: number;
  /** The highest number. */
  readonly last: number;
}

/** What whoever sends wants to know. Neither call may send: an outbox is at work. */
export interface ReceiptEvents {
  /** The operating system has taken messages. */
  taken(): void;
  /** Messages came back: see {@link Receipts.back}. */
  returned(): void;
}

/** Which of the numbered messages that were queued the system has taken, and which came back. */
export class Receipts {
  /** Number of the message that is queued next, in whatever outbox. */
  next = 0;
  readonly #events: ReceiptEvents;
  /** Those of outboxes that hold something. */
  readonly #ledgers = new Set<Ledger>();
  // What came back. In order, and without neighbours, as soon as somebody looks.
  #back: Range[] = [];
  #sorted = true;

  constructor(events: ReceiptEvents) {
    this.#events = events;
  }

  /** The lowest numbers that came back and are to be sent again, or null. */
  get back(): Range | null {
    this.#sort();
    return this.#back[0] ?? null;
  }

  /** Everything that is queued or came back, in order and without neighbours. */
  outstanding(): readonly Range[] {
    const ranges = [...this.#back];
    for (const ledger of this.#ledgers) ledger.addTo(ranges);
    return join(ranges);
  }

  /** Numbers that are to be sent again. */
  giveBack(ranges: readonly Range[]): void {
    if (ranges.length === 0) return;
    this.#back.push(...ranges);
    this.#sorted = false;
  }

  /** What came back up to `last` is queued again, or will never be. */
  settle(last: number): void {
    this.#sort();
    const kept = this.#back.findIndex((range) => range.last > last);
    this.#back.splice(0, kept < 0 ? this.#back.length : kept);
    const first = this.#back[0];
    if (first !== undefined && first.first <= last) this.#back[0] = { first: last + 1, last: first.last };
  }

  /** @internal For an outbox. */
  ledger(): Ledger {
    return new Ledger(this, this.#events, this.#ledgers);
  }

  #sort(): void {
    if (this.#sorted) return;
    this.#back = join(this.#back);
    this.#sorted = true;
  }
}

/** Which messages are in one outbox: first in, first out, as ranges. */
export class Ledger {
  readonly #receipts: Receipts;
  readonly #events: ReceiptEvents;
  readonly #holding: Set<Ledger>;
  /** First number and count of each stretch, from #head on. */
  #stretches: number[] = [];
  #head = 0;

  constructor(receipts: Receipts, events: ReceiptEvents, holding: Set<Ledger>) {
    this.#receipts = receipts;
    this.#events = events;
    this.#holding = holding;
  }

  /** The next `count` numbers are in the outbox. */
  queued(count: number): void {
    const stretches = this.#stretches;
    const first = this.#receipts.next;
    this.#receipts.next = first + count;
    const { length } = stretches;
    if (length === 0) this.#holding.add(this);
    else if (stretches[length - 2]! + stretches[length - 1]! === first) {
      stretches[length - 1]! += count;
      return;
    }
    stretches.push(first, count);
  }

  /** The operating system has the first `count`. */
  taken(count: number): void {
    if (count === 0) return;
    const stretches = this.#stretches;
    let left = count;
    while (left > 0) {
      const held = stretches[this.#head + 1]!;
      if (held > left) {
        stretches[this.#head]! += left;
        stretches[this.#head + 1] = held - left;
        break;
      }
      left -= held;
      this.#head += 2;
    }
    if (this.#head === stretches.length) this.#clear();
    else if (this.#head >= 1024) {
      this.#stretches = stretches.slice(this.#head);
      this.#head = 0;
    }
    this.#events.taken();
  }

  /** The peer is gone: all goes back. */
  returned(): void {
    if (this.#stretches.length === 0) return;
    const ranges: Range[] = [];
    this.addTo(ranges);
    this.#clear();
    this.#receipts.giveBack(ranges);
    this.#events.returned();
  }

  addTo(ranges: Range[]): void {
    const stretches = this.#stretches;
    for (let i = this.#head; i < stretches.length; i += 2) {
      ranges.push({ first: stretches[i]!, last: stretches[i]! + stretches[i + 1]! - 1 });
    }
  }

  #clear(): void {
    this.#stretches.length = 0;
    this.#head = 0;
    this.#holding.delete(this);
  }
}

function join(ranges: Range[]): Range[] {
  ranges.sort((a, b) => a.first - b.first);
  const joined: Range[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && last.last + 1 === range.first)
      joined[joined.length - 1] = { first: last.first, last: range.last };
    else joined.push(range);
  }
  return joined;
}
