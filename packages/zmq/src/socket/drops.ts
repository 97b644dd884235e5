/** Counts what is dropped, and reports it: the first drop of a kind at once, those of the next second together. */
import type { DropReason } from '../patterns/pattern.ts';

const FOLD_MS = 1000;

export class DropCounter {
  total = 0;
  readonly by: Partial<Record<DropReason, number>> = {};
  readonly #report: (count: number, reason: DropReason) => void;
  /** Since the last report of each reason. */
  readonly #folded = new Map<DropReason, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(report: (count: number, reason: DropReason) => void) {
    this.#report = report;
  }

  /** `observed`: somebody reads the reports. */
  add(reason: DropReason, count: number, observed: boolean): void {
    this.total += count;
    this.by[reason] = (this.by[reason] ?? 0) + count;
    if (!observed) return;
    const folded = this.#folded.get(reason);
    if (folded !== undefined) {
      this.#folded.set(reason, folded + count);
      return;
    }
    this.#folded.set(reason, 0);
    this.#report(count, reason);
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.flush(), FOLD_MS);
    this.#timer.unref();
  }

  /** Reports what has come together, and ends the waiting for more. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const folded = [...this.#folded];
    this.#folded.clear();
    for (const [reason, count] of folded) if (count > 0) this.#report(count, reason);
  }
}
