/**
 * How much of a signal waits for the collector.
 *
 * Guarantees: counts everything once, as exported, failed or dropped; the SDK's own queues never overflow, because what has
 * no room here is not given to them.
 */
import type { ExportFigures } from '../metrics/sources.ts';

export class Backlog {
  readonly limit: number;
  readonly #figures: ExportFigures;
  #waiting = 0;

  constructor(limit: number, figures: ExportFigures) {
    this.limit = limit;
    this.#figures = figures;
  }

  get hasRoom(): boolean {
    return this.#waiting < this.limit;
  }

  enter(): void {
    this.#waiting++;
  }

  drop(): void {
    this.#figures.dropped++;
  }

  leave(count: number, exported: boolean): void {
    this.#waiting -= count;
    if (exported) this.#figures.exported += count;
    else this.#figures.failed += count;
  }
}
