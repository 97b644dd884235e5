/** As much of Node's EventEmitter as the sources use. */

type Listener = (data: unknown) => void;

export class EventEmitter {
  readonly #listeners = new Map<string, readonly Listener[]>();

  on(type: string, listener: Listener): this {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    return this;
  }

  /** Takes out the one that was added last. */
  off(type: string, listener: Listener): this {
    const listeners = this.#listeners.get(type) ?? [];
    const at = listeners.lastIndexOf(listener);
    if (at >= 0) this.#listeners.set(type, listeners.toSpliced(at, 1));
    return this;
  }

  emit(type: string, data: unknown): boolean {
    const listeners = this.#listeners.get(type) ?? [];
    for (const listener of listeners) listener.call(this, data);
    return listeners.length > 0;
  }
}
