/**
 * The table of sessions: HELLO, who is replaced, who comes back, who has been silent for too long.
 *
 * Guarantees: one session for each name; a session ends by BYE, by a newer instance of its name, or after three
 * heartbeats of silence. Time in which the node itself did not run is no silence of others.
 */
import { type Hello, PROTOCOL, type Trouble, type Welcome } from '@zeroth/client/wire';
import { type Connection, Session } from './session.ts';

/** Milliseconds; nobody's heartbeat is shorter. */
const LEAST_HEARTBEAT = 50;
/** Milliseconds between two looks at all sessions, at most. */
const LOOK = 1000;

export interface TableHost {
  readonly node: string;
  /** As they are now. `heartbeatInterval` is in milliseconds. */
  limits(): {
    readonly maxSessions: number;
    readonly maxMessageSize: number;
    readonly heartbeatInterval: number;
  };
  readonly window: number;
  /** The connection is not that of the session any more; the session goes on. */
  suspended(session: Session): void;
  /** `lost`: without a word of its client. */
  ended(session: Session, lost: boolean): void;
  /** Its old connection hears that a newer instance has taken the name. */
  replaced(connection: Connection): void;
}

export type Greeting =
  | { readonly type: 'WELCOME'; readonly welcome: Welcome }
  | { readonly type: 'ERROR'; readonly trouble: Trouble };

export class SessionTable {
  readonly #host: TableHost;
  readonly #sessions: Map<string, Session> = new Map();

  constructor(host: TableHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#sessions.size;
  }

  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  hello(connection: Connection, { protocol, name, instance, heartbeat }: Hello): Greeting {
    const host = this.#host;
    const { maxSessions, maxMessageSize, heartbeatInterval } = host.limits();
    if (protocol !== PROTOCOL) return trouble('PROTOCOL_VERSION', `this node speaks version ${PROTOCOL}`);
    let session = this.#sessions.get(name);
    // A connection that says who else it is leaves the one that it was.
    if (connection.session !== null && connection.session !== session) this.suspend(connection.session);
    if (session !== undefined && session.instance !== instance) {
      if (session.connection !== null && session.connection !== connection) host.replaced(session.connection);
      this.end(session, true);
      session = undefined;
    }
    const resumed = session !== undefined;
    if (session === undefined) {
      if (this.#sessions.size >= maxSessions)
        return trouble('TOO_MANY_SESSIONS', `the node serves ${maxSessions} clients at most`);
      session = new Session(name, instance);
      this.#sessions.set(name, session);
    } else this.suspend(session);
    session.heartbeat = Math.max(LEAST_HEARTBEAT, Math.min(heartbeat, heartbeatInterval));
    session.heard = true;
    session.connection = connection;
    connection.session = session;
    const welcome = {
      protocol: PROTOCOL,
      node: host.node,
      heartbeat: session.heartbeat,
      window: host.window,
      maxMessageSize,
      resumed,
      trace: true,
    };
    return { type: 'WELCOME', welcome };
  }

  /** The session has no connection now. */
  suspend(session: Session): void {
    const { connection } = session;
    if (connection === null) return;
    connection.session = null;
    session.connection = null;
    this.#host.suspended(session);
  }

  end(session: Session, lost: boolean): void {
    if (session.ended) return;
    session.ended = true;
    this.#sessions.delete(session.name);
    this.#host.ended(session, lost);
    if (session.connection !== null) session.connection.session = null;
    session.connection = null;
  }

  /** Milliseconds until the next `sweep`. */
  get pace(): number {
    let least = LOOK;
    for (const { heartbeat } of this.#sessions.values()) least = Math.min(least, heartbeat / 2);
    return least;
  }

  /**
   * `elapsed` ms have gone by, of which the node was there to listen. Ends those who were silent for too long; returns
   * those to whom nothing was said for a heartbeat.
   */
  sweep(elapsed: number): Session[] {
    const quiet: Session[] = [];
    for (const session of this.#sessions.values()) {
      session.silent = session.heard ? 0 : session.silent + elapsed;
      session.quiet = session.spoke ? 0 : session.quiet + elapsed;
      session.heard = false;
      session.spoke = false;
      if (session.silent >= 3 * session.heartbeat) this.end(session, true);
      else if (session.quiet >= session.heartbeat && session.connection !== null) quiet.push(session);
    }
    return quiet;
  }
}

function trouble(code: string, message: string): Greeting {
  return { type: 'ERROR', trouble: { code, message } };
}
