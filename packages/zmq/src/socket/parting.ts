/**
 * How a session parts from its peer: what is queued goes out first. After `finish` nothing is received any more; with
 * `retire` what the peer still has to say is, until both sides have ended theirs.
 */
import type { Pattern } from '../patterns/pattern.ts';
import type { Pipe } from '../patterns/pipe.ts';
import type { Connection } from '../transport/transport.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import type { PeerInfo } from './events.ts';
import { answers, type Exchange, takesIn } from './exchange.ts';

export type SessionState = PeerInfo['state'] | 'ended';

/** What a parting needs of its session. */
export interface PartingHost {
  readonly type: WireSocketType;
  readonly pattern: Pattern;
  readonly pipe: Pipe;
  readonly exchange: Exchange;
  state(): SessionState;
  connection(): Connection | null;
  /** From now on the pattern does not know the peer. */
  detach(): void;
  /** No pings, and nobody waits for an answer to one. */
  stopHeartbeat(): void;
  /** Ends at once: what is queued is dropped. */
  destroy(): void;
  /** Ends, and closes the connection, over which all is sent. */
  leave(connection: Connection): void;
}

export class Parting {
  /** Until the peer's end what it sends is taken. */
  retiring = false;
  /** Our side of the connection is ended, the peer's may not be. */
  shut = false;
  #finishing = false;
  #lingering: NodeJS.Timeout | null = null;
  readonly #host: PartingHost;

  constructor(host: PartingHost) {
    this.#host = host;
  }

  /** See `Session.finish`. */
  finish(time: number): void {
    const host = this.#host;
    if (this.#finishing) return;
    this.#finishing = true;
    this.retiring = false;
    if (this.shut) {
      host.destroy();
      return;
    }
    host.detach();
    host.pipe.outbox.flush();
    if (time >= 0) this.#lingering = setTimeout(() => host.destroy(), time);
    this.goOn();
  }

  /** See `Session.retire`. */
  retire(): void {
    const host = this.#host;
    const { type, pipe } = host;
    this.retiring = true;
    if (!host.pattern.isolate(pipe, true) && !answers(type)) host.detach();
    pipe.outbox.flush();
    if (!takesIn(type) || host.connection() === null) this.shutIfDone();
  }

  /** Retiring: ends our side if all is sent, and answered unless `unanswered` is no matter. */
  shutIfDone(unanswered = false): void {
    const host = this.#host;
    if (!this.retiring || this.shut || host.state() === 'ended') return;
    const { outbox } = host.pipe;
    outbox.flush();
    const connection = host.connection();
    const ready = host.state() === 'ready';
    if (!outbox.idle || (ready && host.exchange.owed !== 0 && !unanswered)) return;
    if (connection === null) {
      host.destroy();
      return;
    }
    if (!ready) return;
    this.shut = true;
    host.stopHeartbeat();
    host.detach();
    outbox.seal();
    host.pipe.release();
    connection.endWriting();
  }

  /** Something may have been sent: the next step, if it was the last. */
  goOn(): void {
    if (this.retiring) {
      this.shutIfDone();
      return;
    }
    const host = this.#host;
    if (host.state() === 'ended' || !host.pipe.outbox.idle) return;
    const connection = host.connection();
    if (connection === null || host.state() !== 'ready') host.destroy();
    else host.leave(connection);
  }

  /** The session has ended. */
  over(): void {
    if (this.#lingering !== null) clearTimeout(this.#lingering);
  }
}
