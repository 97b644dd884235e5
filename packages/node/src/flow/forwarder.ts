/**
 * What moves messages from the frontend of a route to its backend: a proxy, or a stream in between (durable.ts).
 */
import type { DrainOptions, ProxyObserver, ProxyStats } from '@zeroth/zmq';

export interface Drained {
  /** Messages that were accepted and are lost. */
  readonly undelivered: number;
  /** Messages that were accepted, are not delivered, and stay in the stream for the next start. */
  readonly kept?: number;
}

export interface Forwarder {
  readonly stats: ProxyStats;
  /** Records that wait in the stream to be delivered. */
  readonly waiting?: number;
  /** When the first of them was appended, about, in ms since 1970. */
  readonly waitingSince?: number | null;
  /** Told of what was sent on; null: nobody wants to know. */
  observer: ProxyObserver | null;
  /** Nobody will go on where it ended: what waits is not kept for it. */
  forget?(): void;
  /** Takes nothing more from the frontend until it is called with false; what is here, and replies, go on. */
  hold(on: boolean): void;
  /** Forwards from now on; resolves when it has ended. */
  run(): Promise<void>;
  /** Stops accepting, delivers, also when it is held, what was accepted within the time, and closes both sockets. */
  drain(options: DrainOptions): Promise<Drained>;
}
