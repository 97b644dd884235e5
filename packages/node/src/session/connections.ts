/**
 * The connections of the ROUTER, from their handshake to their end.
 *
 * Guarantees: a connection that has no session for too long is named once, to be ended, and forgotten.
 */
import type { Connection } from './session.ts';

export class Connections {
  /** Milliseconds that a connection may be without a session. */
  patience: number;
  readonly #all: Map<string, Connection> = new Map();

  constructor(patience: number) {
    this.patience = patience;
  }

  get size(): number {
    return this.#all.size;
  }

  /** The connection of the peer with this routing id. */
  of(id: Buffer): Connection {
    const key = id.toString('latin1');
    let connection = this.#all.get(key);
    if (connection === undefined) {
      connection = { id, session: null, alone: 0, cut: false };
      this.#all.set(key, connection);
    }
    return connection;
  }

  /** The peer has left; null: nothing was known of it. */
  gone(id: Buffer): Connection | null {
    const key = id.toString('latin1');
    const connection = this.#all.get(key) ?? null;
    this.#all.delete(key);
    return connection;
  }

  /**
   * `elapsed` ms have gone by. Forgets and returns those without a session that have had their time. Some of them have
   * left long ago: their last message was read after they were gone.
   */
  sweep(elapsed: number): Connection[] {
    const late: Connection[] = [];
    for (const [key, connection] of this.#all) {
      connection.alone = connection.session === null ? connection.alone + elapsed : 0;
      if (connection.alone < this.patience) continue;
      this.#all.delete(key);
      late.push(connection);
    }
    return late;
  }
}
