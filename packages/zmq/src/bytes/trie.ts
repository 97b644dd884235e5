/**
 * A map from octet prefixes to values that answers "which of the stored prefixes begin this text?" in one walk down
 * the text. Branches that hold nothing are removed, so memory follows what is stored.
 */

class Node<V> {
  value: V | undefined = undefined;
  /** Children for the octets `min .. min + children.length - 1`; a hole where there is none. */
  min = 0;
  children: (Node<V> | undefined)[] = [];
  /** How many of `children` are there. */
  live = 0;
}

export class PrefixTrie<V> {
  #root = new Node<V>();
  #size = 0;

  /** Stored prefixes. */
  get size(): number {
    return this.#size;
  }

  /** The value of the empty prefix, which every text begins with. */
  get everything(): V | undefined {
    return this.#root.value;
  }

  get(prefix: Uint8Array): V | undefined {
    let node: Node<V> | undefined = this.#root;
    for (let i = 0; i < prefix.length && node !== undefined; i++) node = node.children[prefix[i]! - node.min];
    return node?.value;
  }

  set(prefix: Uint8Array, value: V): void {
    let node = this.#root;
    for (let i = 0; i < prefix.length; i++) node = child(node, prefix[i]!);
    if (node.value === undefined) this.#size++;
    node.value = value;
  }

  /** True when there was such a prefix. */
  delete(prefix: Uint8Array): boolean {
    const path: Node<V>[] = [this.#root];
    let node: Node<V> | undefined = this.#root;
    for (let i = 0; i < prefix.length; i++) {
      node = node.children[prefix[i]! - node.min];
      if (node === undefined) return false;
      path.push(node);
    }
    if (node.value === undefined) return false;
    node.value = undefined;
    this.#size--;
    for (let i = prefix.length; i > 0; i--) {
      const empty = path[i]!;
      if (empty.value !== undefined || empty.live > 0) break;
      prune(path[i - 1]!, prefix[i - 1]!);
    }
    return true;
  }

  clear(): void {
    this.#root = new Node<V>();
    this.#size = 0;
  }

  /** Appends the values of all prefixes of `bytes[start, end)` to `into`, shortest first. */
  collect(bytes: Uint8Array, start: number, end: number, into: V[]): void {
    let node: Node<V> | undefined = this.#root;
    for (let at = start; ; at++) {
      if (node.value !== undefined) into.push(node.value);
      if (at >= end || node.live === 0) return;
      // An index below 0 reads undefined as well, but through the slow path of a missing property.
      const index: number = bytes[at]! - node.min;
      if (index < 0 || index >= node.children.length) return;
      node = node.children[index];
      if (node === undefined) return;
    }
  }

  /** True when a stored prefix begins `bytes[start, end)`. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    let node: Node<V> | undefined = this.#root;
    for (let at = start; ; at++) {
      if (node.value !== undefined) return true;
      if (at >= end || node.live === 0) return false;
      const index: number = bytes[at]! - node.min;
      if (index < 0 || index >= node.children.length) return false;
      node = node.children[index];
      if (node === undefined) return false;
    }
  }

  /** All prefixes with their values, in octet order. */
  *entries(): Generator<[prefix: Buffer, value: V]> {
    yield* walk(this.#root, []);
  }
}

function child<V>(node: Node<V>, octet: number): Node<V> {
  if (node.live === 0) {
    node.min = octet;
    node.children = [new Node<V>()];
    node.live = 1;
    return node.children[0]!;
  }
  if (octet < node.min) {
    const gap: undefined[] = new Array(node.min - octet).fill(undefined);
    node.children = [...gap, ...node.children];
    node.min = octet;
  }
  while (octet - node.min >= node.children.length) node.children.push(undefined);
  let next = node.children[octet - node.min];
  if (next === undefined) {
    next = new Node<V>();
    node.children[octet - node.min] = next;
    node.live++;
  }
  return next;
}

function prune<V>(node: Node<V>, octet: number): void {
  node.children[octet - node.min] = undefined;
  node.live--;
  if (node.live === 0) {
    node.children = [];
    node.min = 0;
    return;
  }
  let first = 0;
  while (node.children[first] === undefined) first++;
  let last = node.children.length;
  while (node.children[last - 1] === undefined) last--;
  if (first > 0 || last < node.children.length) {
    node.children = node.children.slice(first, last);
    node.min += first;
  }
}

// Iterative: prefixes may be long enough to exhaust the stack.
function* walk<V>(root: Node<V>, start: readonly number[]): Generator<[Buffer, V]> {
  const stack: [Node<V>, readonly number[]][] = [[root, start]];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [node, path] = top;
    if (node.value !== undefined) yield [Buffer.from(path), node.value];
    for (let i = node.children.length - 1; i >= 0; i--) {
      const next = node.children[i];
      if (next !== undefined) stack.push([next, [...path, node.min + i]]);
    }
  }
}
