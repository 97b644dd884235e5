/**
 * An input of the handshake fuzzer: octets that are read one decision after the other. When they are used up every
 * decision is 0, which everywhere means "do nothing": the empty input is a good handshake, and a short one damages little.
 */

export class Decisions {
  readonly #octets: Uint8Array;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  octet(): number {
    return this.#octets[this.#at++] ?? 0;
  }

  /** From 0 to `limit` - 1, at most 65536. */
  below(limit: number): number {
    if (limit <= 256) return this.octet() % Math.max(1, limit);
    return (this.octet() * 256 + this.octet()) % limit;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  noise(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.octet()));
  }
}

/** A new input: from nothing, or from one that led somewhere. */
export function mutated(next: () => number, corpus: readonly Uint8Array[]): Uint8Array {
  const below = (limit: number): number => Math.floor(next() * limit);
  const from = corpus.length > 0 && next() < 0.7 ? [...corpus[below(corpus.length)]!] : [];
  if (from.length === 0)
    return Uint8Array.from({ length: 1 + below(40) }, () => (next() < 0.5 ? 0 : below(256)));
  for (let i = 1 + below(4); i > 0; i--) {
    const at = below(from.length + 1);
    switch (below(5)) {
      case 0:
        from.splice(at, 1 + below(4));
        break;
      case 1:
        from.splice(at, 0, below(256));
        break;
      case 2:
        from.push(...Array.from({ length: 1 + below(6) }, () => below(256)));
        break;
      case 3: {
        const other = corpus[below(corpus.length)]!;
        from.splice(at, from.length, ...other.subarray(below(other.length + 1)));
        break;
      }
      default:
        if (at < from.length) from[at] = next() < 0.3 ? 0 : below(256);
    }
  }
  return Uint8Array.from(from.slice(0, 96));
}
