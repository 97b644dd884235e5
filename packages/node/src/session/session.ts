/**
 * What the node knows of a client: who it is, over which connection it can be reached now, what it publishes and
 * consumes. And the connections themselves, which may come before a session and outlive it.
 */
import { encodeNodeMessage, type NodeMessage } from '@zeroth/client/wire';
import { type Router, ZmqError } from '@zeroth/zmq';
import type { Consumer } from './consumer.ts';
import type { Publisher } from './publisher.ts';

/** A peer of the ROUTER. */
export interface Connection {
  readonly id: Buffer;
  session: Session | null;
  /** Small answers since somebody looked whether the peer reads them. */
  answers: number;
}

export class Session {
  readonly name: string;
  readonly instance: string;
  /** Milliseconds. */
  heartbeat = 0;
  /** Null: the connection is lost, the session waits for its client. */
  connection: Connection | null = null;
  /** Something came, something was sent, since the last look at it. */
  heard = true;
  spoke = true;
  /** Milliseconds in which the node was there to listen and heard nothing; and in which it has sent nothing. */
  silent = 0;
  quiet = 0;
  /** By stream. */
  readonly publishers: Map<string, Publisher> = new Map();
  /** By the client's number. */
  readonly consumers: Map<number, Consumer> = new Map();
  /** Octets that were published and not answered. */
  unanswered = 0;
  ended = false;

  constructor(name: string, instance: string) {
    this.name = name;
    this.instance = instance;
  }
}

/** After so many answers it is looked whether the peer reads them, and so many may wait for it. */
const ANSWERS = 1000;
/** In place of their number: it does not read, and gets no more. */
const MUTED: number = Number.POSITIVE_INFINITY;

/** Sends messages to connections. Nothing that goes through here waits or is dropped for a high-water mark. */
export class Outlet {
  readonly #router: Router;
  readonly #lost: (connection: Connection) => void;

  /** `lost` is told of connections that are not there any more. */
  constructor(router: Router, lost: (connection: Connection) => void) {
    this.#router = router;
    this.#lost = lost;
  }

  /** What the node sends on its own account: bounded by the credit of consumers and the window of publishers. */
  send(session: Session, message: NodeMessage): boolean {
    const { connection } = session;
    if (connection === null) return false;
    session.spoke = true;
    return this.#send(connection, message);
  }

  /** The answer to a message: a peer that asks and asks but never reads gets none after a while. */
  answer(connection: Connection, message: NodeMessage): void {
    if (connection.answers === MUTED) return;
    if (connection.answers >= ANSWERS) {
      connection.answers = MUTED;
      this.listen([connection]);
      if (connection.answers === MUTED) return;
    }
    connection.answers++;
    if (connection.session !== null) connection.session.spoke = true;
    this.#send(connection, message);
  }

  /** Looks which of those who get no answers read what they were sent: they get answers again. */
  listen(connections: Iterable<Connection>): void {
    const muted: Connection[] = [];
    for (const connection of connections) if (connection.answers === MUTED) muted.push(connection);
    if (muted.length === 0) return;
    const queued = new Map<string, number>();
    for (const { routingId, queuedOut } of this.#router.peers())
      if (routingId !== null) queued.set(routingId.toString('latin1'), queuedOut);
    for (const connection of muted) {
      const waiting = queued.get(connection.id.toString('latin1')) ?? Number.POSITIVE_INFINITY;
      if (waiting <= ANSWERS) connection.answers = 0;
    }
  }

  #send(connection: Connection, message: NodeMessage): boolean {
    const frames = encodeNodeMessage(message);
    frames.unshift(connection.id);
    try {
      return this.#router.trySend(frames);
    } catch (error) {
      if (!(error instanceof ZmqError)) throw error;
      // EHOSTUNREACH, or EBADF: the socket is closed.
      this.#lost(connection);
      return false;
    }
  }
}
