/**
 * Counts the peers that a route refused: of a refused peer nothing is left to read later.
 *
 * Guarantees: a number for each side of a route, forgotten with the route; `close` ends the listening.
 */
import type { NodeFigures } from './sources.ts';

export class Refusals {
  readonly #counts: Map<string, number> = new Map();
  readonly #stop: () => void;

  constructor(node: NodeFigures) {
    this.#stop = node.watch(({ route, side, type }) => {
      if (type !== 'refused') return;
      const key = `${route}/${side}`;
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    });
  }

  of(route: string, side: string): number {
    return this.#counts.get(`${route}/${side}`) ?? 0;
  }

  /** Forgets all but these. */
  keep(routes: ReadonlySet<string>): void {
    for (const key of this.#counts.keys())
      if (!routes.has(key.slice(0, key.lastIndexOf('/')))) this.#counts.delete(key);
  }

  close(): void {
    this.#stop();
  }
}
