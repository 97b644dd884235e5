/** Counts what is dropped, and reports it: the first drop at once, those of the next second together. */
import type { DropReason } from '../patterns/pattern.ts';

const FOLD_MS = 1000;

export class DropCounter {
  total = 0;
  readonly by: Partial<Record<DropReason, number>> = {};
  readonly #report: (count: number, reason: DropReason) => void;
  #fold: { count: number; reason: DropReason; timer: NodeJS.Timeout } | null = null;

  constructor(report: (count: number, reason: DropReason) => void) {
    this.#report = report;
  }

  /** `observed`: somebody reads the reports. */
  add(reason: DropReason, count: number, observed: boolean): void {
    this.total += count;
    this.by[reason] = (this.by[reason] ?? 0) + count;
    if (!observed) return;
    if (this.#fold !== null) {
      this.#fold.count += count;
      return;
    }
    this.#report(count, reason);
    const timer = setTimeout(() => this.flush(), FOLD_MS);
    timer.unref();
    this.#fold = { count: 0, reason, timer };
  }

  /** Reports what has come together, and ends the waiting for more. */
  flush(): void {
    const fold = this.#fold;
    if (fold === null) return;
    this.#fold = null;
    clearTimeout(fold.timer);
    if (fold.count > 0) this.#report(fold.count, fold.reason);
  }
}
