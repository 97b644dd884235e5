/** What producers, consumers and requests need of the connection, and it of them. */
import type { ClientError } from '../errors.ts';
import type { ClientMessage, Welcome } from '../wire/messages.ts';

export interface Port {
  /** The session, null while there is none. */
  readonly session: Welcome | null;
  /** Sends at once. Without a session it is dropped: `joined` comes, and it is said again. */
  send(message: ClientMessage): void;
  /** The node does not keep to the protocol: begin again with a new connection. */
  fail(reason: string): void;
}

/** Whoever talks over a port. */
export interface Party {
  /** A session begins; nothing is known at the node but what it has kept, `resumed` says how much. */
  joined(welcome: Welcome): void;
  /** The session is gone, with the answers to all that was sent. */
  lost(): void;
  /** There will be no session any more. */
  ended(error: ClientError): void;
}
