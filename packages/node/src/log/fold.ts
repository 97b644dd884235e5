/**
 * Folds storms: the first few events of a kind are told one by one, the rest of the same window as one count.
 *
 * Guarantees: at most `burst + 1` tellings for each kind and window, whatever happens; nothing is forgotten (each event is
 * told alone or counted); memory grows with the number of kinds, not of events; the timers hold no process open.
 */

export interface FoldLimits {
  /** Events of a kind that are told one by one in each window. Default 10. */
  readonly burst?: number;
  /** Milliseconds. Default 1000. */
  readonly window?: number;
}

/** What was folded: how many events, and the sum of their weights. */
export interface Folded {
  readonly events: number;
  readonly weight: number;
}

/** Tells one event (null), or those that were folded. */
export type Tell = (folded: Folded | null) => void;

interface Window {
  told: number;
  events: number;
  weight: number;
  /** Of the last event. */
  tell: Tell;
  readonly timer: NodeJS.Timeout;
}

export class Fold {
  readonly #open: Map<string, Window> = new Map();

  /** One event of a kind: calls `tell` now, or that of the last one when the window ends. */
  note(kind: string, tell: Tell, { burst = 10, window = 1000 }: FoldLimits = {}, weight = 1): void {
    let open = this.#open.get(kind);
    if (open === undefined) {
      const timer = setTimeout(() => this.#close(kind), window);
      timer.unref();
      open = { told: 0, events: 0, weight: 0, tell, timer };
      this.#open.set(kind, open);
    }
    if (open.told < burst) {
      open.told++;
      tell(null);
      return;
    }
    open.events++;
    open.weight += weight;
    open.tell = tell;
  }

  /** Tells what is still held, and stops the timers. */
  flush(): void {
    for (const kind of [...this.#open.keys()]) this.#close(kind);
  }

  #close(kind: string): void {
    const open = this.#open.get(kind);
    if (open === undefined) return;
    clearTimeout(open.timer);
    this.#open.delete(kind);
    if (open.events > 0) open.tell({ events: open.events, weight: open.weight });
  }
}
