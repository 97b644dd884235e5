/**
 * The streams of records that were delivered too often. Each is made for the first of them, with the settings of the
 * stream that they come from, unless the configuration has others for it.
 */
import type { StreamSettings } from '../config/types.ts';
import type { Stream, StreamStore } from '../store/store.ts';
import { decodePlace } from './core/place.ts';

export class DeadLetters {
  readonly #store: StreamStore;
  readonly #settingsOf: (stream: string) => StreamSettings | null;

  /** `settingsOf`: of a stream that is configured. */
  constructor(store: StreamStore, settingsOf: (stream: string) => StreamSettings | null) {
    this.#store = store;
    this.#settingsOf = settingsOf;
  }

  /** The one of this name, for what dies of the stream `of`. */
  async open(name: string, of: Stream): Promise<Stream> {
    return this.#store.get(name) ?? (await this.#store.open(name, this.#settingsOf(name) ?? of.settings));
  }

  /** Those of former runs that groups of these streams have. */
  async openFor(streams: readonly Stream[]): Promise<void> {
    const there = await this.#store.list();
    for (const stream of streams) {
      for (const place of stream.places.names()) {
        const bytes = stream.places.get(place);
        const kept = bytes === null ? null : decodePlace(bytes);
        if (kept === null || kept.maxDeliveries === 0 || !there.includes(kept.deadLetter)) continue;
        await this.open(kept.deadLetter, stream);
      }
    }
  }
}
