/**
 * What the node knows of a client: who it is, over which connection it can be reached now, what it publishes and
 * consumes. And the connections themselves, which may come before a session and outlive it.
 */
import { encodeNodeMessage, type NodeMessage } from '@zeroth/client/wire';
import { type Router, ZmqError } from '@zeroth/zmq';
import type { RouterPeers } from '@zeroth/zmq/run';
import type { Consumer } from './consumer.ts';
import type { Publisher } from './publisher.ts';

/** A peer of the ROUTER. */
export interface Connection {
  readonly id: Buffer;
  session: Session | null;
  /** Milliseconds without a session. */
  alone: number;
  /** The node has ended it, and sends no more; that it is gone is told later. */
  cut: boolean;
}

/** What an outlet tells of connections. */
export interface OutletHost {
  /** It is not there any more. */
  lost(connection: Connection): void;
  /** Too much waits for it: it is being ended. */
  cut(connection: Connection): void;
  /** A message from it or to it could not be served: it is being ended. */
  fault(connection: Connection, command: string, err: unknown): void;
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
  /** Streams whose OPEN is answered when the node takes in again. */
  readonly opening: Set<string> = new Set();
  /** Octets that were published and not answered. */
  unanswered = 0;
  ended = false;

  constructor(name: string, instance: string) {
    this.name = name;
    this.instance = instance;
  }
}

/**
 * Octets that may wait for a peer beside what its consumers hold, which is bounded by itself; and for one that has no
 * session. One message may go over.
 */
const BACKLOG = 32 * 1024 * 1024;
const BACKLOG_OF_STRANGER = 64 * 1024;

/**
 * Sends messages to connections. Nothing is dropped for a high-water mark: a connection whose peer does not read what
 * it asks for is ended instead. Its session stays, and the client finds it again.
 */
export class Outlet {
  readonly #router: Pick<Router, 'trySend'>;
  readonly #peers: Pick<RouterPeers, 'waiting' | 'end'>;
  readonly #host: OutletHost;

  constructor(
    router: Pick<Router, 'trySend'>,
    peers: Pick<RouterPeers, 'waiting' | 'end'>,
    host: OutletHost,
  ) {
    this.#router = router;
    this.#peers = peers;
    this.#host = host;
  }

  /** What the node sends on its own account. */
  send(session: Session, message: NodeMessage): boolean {
    const { connection } = session;
    if (connection === null) return false;
    session.spoke = true;
    return this.#send(connection, message);
  }

  /** The answer to a message. */
  answer(connection: Connection, message: NodeMessage): void {
    if (connection.session !== null) connection.session.spoke = true;
    this.#send(connection, message);
  }

  /** Octets that wait to be sent to a client. */
  waiting({ connection }: Session): number {
    return connection === null ? 0 : this.#peers.waiting(connection.id);
  }

  /** Ends a connection. Its session learns of it later, not in the middle of what it does now. */
  end(connection: Connection, reason: string): void {
    connection.cut = true;
    this.#peers.end(connection.id, reason);
  }

  /** A mistake of ours must not end all the others: this connection alone is ended, and its client comes again. */
  fault(connection: Connection, command: string, err: unknown): void {
    this.#host.fault(connection, command, err);
    this.end(connection, 'the node could not serve it');
  }

  #send(connection: Connection, message: NodeMessage): boolean {
    if (connection.cut) return false;
    try {
      if (this.#overdrawn(connection)) {
        this.#host.cut(connection);
        this.end(connection, 'it does not read what it asks for');
        return false;
      }
      const frames = encodeNodeMessage(message);
      frames.unshift(connection.id);
      return this.#router.trySend(frames);
    } catch (error) {
      // EHOSTUNREACH, or EBADF: the socket is closed.
      if (error instanceof ZmqError) this.#host.lost(connection);
      else this.fault(connection, message.type, error);
      return false;
    }
  }

  #overdrawn({ id, session }: Connection): boolean {
    const waiting = this.#peers.waiting(id);
    if (waiting <= BACKLOG_OF_STRANGER) return false;
    if (session === null) return true;
    if (waiting <= BACKLOG) return false;
    let bound = BACKLOG;
    for (const { leases } of session.consumers.values()) bound += leases.octets;
    return waiting > bound;
  }
}
