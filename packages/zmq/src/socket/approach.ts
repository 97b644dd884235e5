/**
 * The way of a session to its peer: attempts to connect with growing pauses between them, then the handshake.
 * All of it has one timer. It does not hold the process: at-exit.ts does, while something waits to be sent.
 */
import { ZmqError } from '../errors.ts';
import type { Outbox } from '../patterns/outbox.ts';
import type { Connection } from '../transport/transport.ts';
import { datagramPeer } from '../zmtp/datagram.ts';
import type { Credentials } from '../zmtp/mechanism/mechanism.ts';
import { IDENTITY, SOCKET_TYPE } from '../zmtp/metadata.ts';
import { type PeerEvents, type WirePeer, ZmtpPeer } from '../zmtp/peer.ts';
import { RawPeer } from '../zmtp/raw.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import { type Undelivered, waitsForPeer, waitsNoLonger } from './at-exit.ts';
import { backoff, calm } from './backoff.ts';
import type { Context } from './context.ts';
import type { OptionValues } from './options.ts';
import type { PeerReport } from './peer-report.ts';
import type { Security } from './security.ts';
import { type Decision, type Inquiry, inquire } from './zap.ts';

/** Starts an attempt to connect; returns the function that cancels it. */
export type Dial = (done: (error: Error | null, connection: Connection | null) => void) => () => void;

interface ApproachOwner extends Undelivered {
  readonly type: WireSocketType;
  readonly options: OptionValues;
  readonly context: Context;
}

/** How long a peer that was refused may take to end. */
const REFUSED_MS = 1000;

const nobody = (): void => {};

export class Approach {
  readonly #owner: ApproachOwner;
  readonly #outbox: Outbox;
  readonly #report: PeerReport;
  #security: Security;
  /** What the options ask for since they were changed; for a peer that refuses us. */
  #newer: Security | null = null;
  #failures = 0;
  /** The last connection ended with a refusal of our credentials, or of the peer's. */
  #refused = false;
  /** Ends a pause. */
  #again: (() => void) | null = null;
  #inquiry: Inquiry | null = null;
  #decided: (decision: Decision) => void = nobody;
  #cancel: (() => void) | null = null;
  /** Delay before the next attempt, or limit of the handshake. */
  #timer: NodeJS.Timeout | null = null;
  #waits = false;

  constructor(owner: ApproachOwner, outbox: Outbox, report: PeerReport, security: Security) {
    this.#owner = owner;
    this.#security = security;
    this.#outbox = outbox;
    this.#report = report;
  }

  /** One attempt; null: nobody is there. */
  attempt(dial: Dial, done: (connection: Connection | null) => void): void {
    const { endpoint: address } = this.#report;
    this.#cancel = dial((failure, connection) => {
      this.#cancel = null;
      if (connection === null) {
        const error = ZmqError.fromSystem(failure, { address });
        this.#report.emit({ type: 'close', address });
        // Somebody is there, and is not who was looked for (ws, wss).
        const refused = error.code.startsWith('ERR_');
        this.#report.emit({ type: refused ? 'peer:refused' : 'peer:unreachable', address, error });
      } else this.#report.emit({ type: 'connect', address });
      done(connection);
    });
  }

  /** The pause before the next attempt. */
  pause(again: () => void): void {
    const { options } = this.#owner;
    const failures = ++this.#failures;
    const interval = this.#refused ? calm(options, Math.random()) : backoff(options, failures, Math.random());
    this.#report.emit({ type: 'connect:retry', address: this.#report.endpoint, interval });
    this.#again = again;
    this.#start(() => {
      this.#again = null;
      again();
    }, interval);
  }

  /**
   * The options ask for something else now. A peer that has let us in, or may do so, keeps what it was given; one that
   * refuses gets this, at once.
   */
  secure(security: Security): void {
    // What a transport agreed upon stays.
    if (security.mechanism !== this.#security.mechanism) return;
    this.#newer = security;
    if (!this.#refused || this.#again === null) return;
    const again = this.#again;
    this.#again = null;
    this.clear();
    this.#renew();
    again();
  }

  /** A connection is over before the peer was there. */
  ended(error: ZmqError | null): void {
    this.#refused = error !== null && /^ERR_(?:AUTHENTICATION$|ZAP_)/.test(error.code);
    if (this.#refused && this.#newer !== null) this.#renew();
  }

  #renew(): void {
    if (this.#newer !== null) this.#security = this.#newer;
    this.#newer = null;
    this.#refused = false;
    this.#failures = 0;
  }

  /** For the handshake over a connection, which has to be done in time. */
  handshake(connection: Connection, events: PeerEvents, late: (error: ZmqError) => void): WirePeer {
    const { options, type } = this.#owner;
    if (type === 'STREAM') return new RawPeer(events);
    if (connection.datagrams === true) return datagramPeer(type, events);
    // 0 is no limit, and a timer all the same: while it runs what is queued waits for the peer.
    const limit = options.handshakeInterval > 0 ? options.handshakeInterval : 0x7fff_ffff;
    this.#start(() => {
      if (this.#inquiry !== null) {
        const decision = this.#inquiry.late(limit);
        this.#inquiry = null;
        this.#decided(decision);
        return;
      }
      const detail = `no complete handshake within ${limit} ms (handshakeInterval)`;
      late(new ZmqError('ERR_ZMTP_HANDSHAKE_TIMEOUT', { detail, address: connection.remote }));
    }, limit);
    const properties: [string, Uint8Array][] = [[SOCKET_TYPE, Buffer.from(type)]];
    // RFC 37, The NULL Security Mechanism: REQ, DEALER and ROUTER sockets announce their identity.
    if (type === 'REQ' || type === 'DEALER' || type === 'ROUTER') {
      properties.push([IDENTITY, Buffer.from(options.routingId ?? '')]);
    }
    const mechanism = this.#security.begin(properties);
    const negotiated = connection.negotiated !== undefined;
    const { maxMessageSize } = options;
    return new ZmtpPeer({ socketType: type, mechanism, maxMessageSize, negotiated }, events);
  }

  /** Asks about the peer. `decided` is called once, later, unless the connection ends before. */
  authenticate(credentials: Credentials, remote: string, decided: (decision: Decision) => void): void {
    const { context, options } = this.#owner;
    this.#decided = decided;
    this.#inquiry = inquire(context, options, this.#security.zap, remote, credentials, (decision) => {
      this.#inquiry = null;
      decided(decision);
    });
  }

  /** The handshake failed, and the connection is being ended. `over`: the peer goes on all the same. */
  failed(over: () => void): void {
    this.#start(over, REFUSED_MS);
  }

  /** The peer was let in: the pauses begin anew. */
  arrived(): void {
    this.#failures = 0;
    this.#refused = false;
  }

  /** Something was queued. */
  queued(): void {
    if (this.#timer !== null) this.#wait();
  }

  /** No pause and no limit any more. */
  clear(): void {
    this.#endTimer();
    this.#inquiry?.cancel();
    this.#inquiry = null;
    this.#decided = nobody;
  }

  /** No attempt either. */
  stop(): void {
    this.clear();
    this.#cancel?.();
    this.#cancel = null;
  }

  #start(over: () => void, time: number): void {
    this.#endTimer();
    this.#timer = setTimeout(() => {
      this.#endTimer();
      over();
    }, time).unref();
    this.#wait();
  }

  #endTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#waits) return;
    this.#waits = false;
    waitsNoLonger(this.#owner);
  }

  #wait(): void {
    if (this.#waits || this.#outbox.idle) return;
    this.#waits = true;
    waitsForPeer(this.#owner);
  }
}
