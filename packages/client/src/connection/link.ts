/**
 * One connection to one endpoint, from the attempt to its end: a DEALER socket that is thrown away when it ends, so that
 * nothing of a session can turn up in the next one.
 */
import { Dealer, type ZmqError } from '@zeroth/zmq';
import { ClientError } from '../errors.ts';

export interface Link {
  /** Queues a message; it goes out at the end of the turn, or when the connection is there. */
  send(frames: Uint8Array[]): void;
  /** Ends the connection; what is queued is sent for `linger` milliseconds. */
  close(linger: number): Promise<void>;
}

/** Never called before `dial` has returned, nor after `close`. */
export interface LinkEvents {
  message(frames: readonly Uint8Array[]): void;
  /** It is over, or never came to be. */
  lost(error: ClientError): void;
}

/** Starts a connection. @throws for an endpoint that can't be. */
export type Dial = (endpoint: string, events: LinkEvents) => Link;

/** Frames of one message from the node; memory follows what has arrived, so this bounds only a node gone mad. */
const MESSAGE_LIMIT = 1024 * 1024 * 1024;

export const dialSocket: Dial = (endpoint, events) => new SocketLink(endpoint, events);

class SocketLink implements Link {
  readonly #socket: Dealer;
  readonly #events: LinkEvents;
  #over = false;

  constructor(endpoint: string, events: LinkEvents) {
    this.#events = events;
    this.#socket = new Dealer({
      reconnectInterval: -1,
      linger: 0,
      // What is sent is bounded by the window and the credit, and must not wait behind a mark.
      sendHighWaterMark: 0,
      maxMessageSize: MESSAGE_LIMIT,
      ipv6: endpoint.includes('['),
    });
    const lost = ({ error }: { error?: ZmqError }): void => this.#lost(endpoint, error);
    const observer = this.#socket.events;
    observer.on('peer:unreachable', lost).on('peer:refused', lost).on('peer:gone', lost);
    try {
      this.#socket.connect(endpoint);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
    void this.#read();
  }

  send(frames: Uint8Array[]): void {
    if (!this.#over) this.#socket.trySend(frames);
  }

  async close(linger: number): Promise<void> {
    this.#over = true;
    await this.#socket.drain({ timeout: linger });
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const frames = await this.#socket.receive();
        this.#hand(frames);
      }
    } catch {
      // Closed.
    }
  }

  #hand(first: Uint8Array[]): void {
    for (let frames: Uint8Array[] | null = first; frames !== null && !this.#over; ) {
      this.#events.message(frames);
      frames = this.#socket.closed ? null : this.#socket.tryReceive();
    }
  }

  #lost(endpoint: string, error: ZmqError | undefined): void {
    if (this.#over) return;
    // What has arrived before the end counts.
    const rest = this.#socket.closed ? null : this.#socket.tryReceive();
    if (rest !== null) this.#hand(rest);
    if (this.#over) return;
    this.#over = true;
    const reason = error === undefined ? 'the node closed the connection' : describe(error);
    const details = error === undefined ? { endpoint } : { endpoint, cause: error };
    this.#events.lost(new ClientError('ERR_CONNECTION_LOST', `${endpoint}: ${reason}`, details));
  }
}

function describe({ code, message, detail }: ZmqError): string {
  return `${code}, ${detail ?? message}`;
}
