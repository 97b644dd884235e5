/**
 * Who subscribes to a publisher of ours.
 *
 * Guarantees: answers as soon as a subscription matches; holds the distinct subscriptions only.
 */
import type { XPublisher } from '@zeroth/zmq';

export type Found = 'subscriber' | 'no subscriber' | 'no peer';

const SUBSCRIBE = 1;

export class SubscriberWatch {
  readonly #socket: XPublisher;
  readonly #subscriptions: Set<string> = new Set();
  #changed: () => void = () => {};

  constructor(socket: XPublisher) {
    this.#socket = socket;
    void this.#read();
  }

  /**
   * Waits until somebody subscribes to a prefix of `topic`: `wait` milliseconds once a peer is there, and `timeout`
   * (null: for ever) for a peer.
   */
  async waitFor(topic: Buffer, wait: number, timeout: number | null, signal: AbortSignal): Promise<Found> {
    const begin = performance.now();
    const wanted = topic.toString('latin1');
    const onAbort = (): void => this.#changed();
    signal.addEventListener('abort', onAbort);
    this.#socket.events.on('peer:ready', onAbort);
    try {
      for (let peerSince: number | null = null; ; ) {
        if (this.#matches(wanted) || signal.aborted) return 'subscriber';
        const now = performance.now();
        if (peerSince === null && this.#hasPeer()) peerSince = now;
        const end = peerSince === null ? begin + (timeout ?? Number.POSITIVE_INFINITY) : peerSince + wait;
        if (now >= end) return peerSince === null ? 'no peer' : 'no subscriber';
        await this.#change(end - now);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#socket.events.off('peer:ready', onAbort);
    }
  }

  #matches(topic: string): boolean {
    for (const prefix of this.#subscriptions) if (topic.startsWith(prefix)) return true;
    return false;
  }

  #hasPeer(): boolean {
    return this.#socket.peers().some((peer) => peer.state === 'ready');
  }

  #change(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(milliseconds, 0x7fffffff));
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #read(): Promise<void> {
    try {
      for await (const [message] of this.#socket) {
        if (message === undefined || message.length === 0) continue;
        const prefix = message.toString('latin1', 1);
        if (message[0] === SUBSCRIBE) this.#subscriptions.add(prefix);
        else this.#subscriptions.delete(prefix);
        this.#changed();
      }
    } catch {
      // The socket was closed: nobody waits any more.
    }
  }
}
