/**
 * Finds out that a peer is gone though its connection is not (RFC 37, Connection Heartbeating): we ping, and expect some
 * traffic; the peer's own ping may say how long it wants to be waited for.
 */
import { ZmqError } from '../errors.ts';
import type { Pipe } from '../patterns/pipe.ts';
import { encodePing } from '../zmtp/command.ts';
import type { OptionValues } from './options.ts';

type Options = Pick<OptionValues, 'heartbeatInterval' | 'heartbeatTimeout' | 'heartbeatTimeToLive'>;

/** What is needed of a connection. `ping`: it has heartbeats of its own. */
interface Beaten {
  readonly remote: string;
  ping?(): void;
}

export class Heartbeat {
  readonly #pipe: Pipe;
  readonly #connection: Beaten;
  readonly #gone: (error: ZmqError) => void;
  #beat: NodeJS.Timeout | null = null;
  #pingDue: NodeJS.Timeout | null = null;
  #lifeDue: NodeJS.Timeout | null = null;

  /** `gone` is called when nothing came in time. */
  constructor(pipe: Pipe, connection: Beaten, options: Options, gone: (error: ZmqError) => void) {
    this.#pipe = pipe;
    this.#connection = connection;
    this.#gone = gone;
    this.begin(options);
  }

  /** Pings as the options say, from now on; also when they change. */
  begin(options: Options): void {
    this.#stopPings();
    const pipe = this.#pipe;
    const { heartbeatInterval, heartbeatTimeout, heartbeatTimeToLive } = options;
    // RFC 23 peers (ZMTP 3.0) don't know PING; RFC 45 leaves it to WebSocket.
    const connection = this.#connection;
    const known = connection.ping !== undefined || pipe.identity!.minor >= 1;
    if (heartbeatInterval <= 0 || !known) return;
    const timeout = heartbeatTimeout > 0 ? heartbeatTimeout : heartbeatInterval;
    const ping = encodePing(heartbeatTimeToLive);
    this.#beat = setInterval(() => {
      if (!pipe.outbox.stalled) {
        if (connection.ping === undefined) pipe.outbox.pushControl(ping);
        else connection.ping();
      }
      this.#pingDue ??= this.#expect(timeout, 'heartbeatTimeout');
    }, heartbeatInterval);
    this.#beat.unref();
  }

  /** The peer is pinged. */
  get active(): boolean {
    return this.#beat !== null;
  }

  /** The peer's ping came, with the milliseconds after which it wants to be given up; 0: none. */
  pinged(timeToLive: number): void {
    if (this.#lifeDue !== null) clearTimeout(this.#lifeDue);
    this.#lifeDue = timeToLive > 0 ? this.#expect(timeToLive, 'the time-to-live of its own ping') : null;
  }

  stop(): void {
    this.#stopPings();
    if (this.#lifeDue !== null) clearTimeout(this.#lifeDue);
    this.#lifeDue = null;
  }

  #stopPings(): void {
    if (this.#beat !== null) clearInterval(this.#beat);
    if (this.#pingDue !== null) clearTimeout(this.#pingDue);
    this.#beat = null;
    this.#pingDue = null;
  }

  /** Gives the peer up unless something comes from it within the time. */
  #expect(time: number, limit: string): NodeJS.Timeout {
    const before = this.#pipe.heard;
    const judge = (): void => {
      if (this.#pingDue === timer) this.#pingDue = null;
      else if (this.#lifeDue === timer) this.#lifeDue = null;
      else return;
      if (this.#pipe.heard !== before) return;
      // While we don't read, the silence is our own doing; while the peer doesn't, it is busy, and may not even have
      // seen the ping. Whether it is still there, TCP finds out.
      if (this.#pipe.paused || this.#pipe.outbox.stalled) return;
      const detail = `nothing came from ${this.#connection.remote} for ${time} ms (${limit})`;
      this.#gone(new ZmqError('ERR_ZMTP_HEARTBEAT_TIMEOUT', { detail, address: this.#connection.remote }));
    };
    // The time is over, and what came in it may not have been read: a program that is busy itself gets to its timers
    // first. Sockets are next, then this.
    const timer = setTimeout(() => setImmediate(judge), time);
    timer.unref();
    return timer;
  }
}
