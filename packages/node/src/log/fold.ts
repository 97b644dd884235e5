/**
 * Folds storms: the first few events of a kind are told one by one, the rest of the same second as one count.
 *
 * Guarantees: at most `burst + 1` lines for each kind and window, whatever happens; nothing is forgotten (each event is
 * told alone or counted); memory grows with the number of kinds, not of events; the timer holds no process open.
 */

export interface FoldOptions {
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

interface Window {
  told: number;
  events: number;
  weight: number;
  many: (folded: Folded) => void;
  timer: NodeJS.Timeout;
}

export class Fold {
  readonly #burst: number;
  readonly #window: number;
  readonly #open: Map<string, Window> = new Map();

  constructor(options: FoldOptions = {}) {
    this.#burst = options.burst ?? 10;
    this.#window = options.window ?? 1000;
  }

  /** One event of a kind: calls `one` now, or `many` once when the window ends. */
  note(kind: string, one: () => void, many: (folded: Folded) => void, weight = 1): void {
    let window = this.#open.get(kind);
    if (window === undefined) {
      const timer = setTimeout(() => this.#close(kind), this.#window);
      timer.unref();
      window = { told: 0, events: 0, weight: 0, many, timer };
      this.#open.set(kind, window);
    }
    if (window.told < this.#burst) {
      window.told++;
      one();
      return;
    }
    window.events++;
    window.weight += weight;
    window.many = many;
  }

  /** Tells what is still held, and stops the timers. */
  flush(): void {
    for (const kind of [...this.#open.keys()]) this.#close(kind);
  }

  #close(kind: string): void {
    const window = this.#open.get(kind);
    if (window === undefined) return;
    clearTimeout(window.timer);
    this.#open.delete(kind);
    if (window.events > 0) window.many({ events: window.events, weight: window.weight });
  }
}
