/**
 * The way of a session to its peer: attempts to connect with growing pauses between them, then the handshake.
 * All of it has one timer, which holds the process while something waits to be sent, and not otherwise.
 */
import { ZmqError } from '../errors.ts';
import type { Outbox } from '../patterns/outbox.ts';
import type { Connection } from '../transport/transport.ts';
import { IDENTITY, SOCKET_TYPE } from '../zmtp/metadata.ts';
import { type PeerEvents, type WirePeer, ZmtpPeer } from '../zmtp/peer.ts';
import { RawPeer } from '../zmtp/raw.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import { backoff } from './backoff.ts';
import type { OptionValues } from './options.ts';
import type { PeerReport } from './peer-report.ts';
import type { Security } from './security.ts';

/** Starts an attempt to connect; returns the function that cancels it. */
export type Dial = (done: (error: Error | null, connection: Connection | null) => void) => () => void;

interface ApproachOwner {
  readonly type: WireSocketType;
  readonly options: OptionValues;
  readonly blocky: boolean;
}

export class Approach {
  readonly #owner: ApproachOwner;
  readonly #outbox: Outbox;
  readonly #report: PeerReport;
  readonly #security: Security;
  #failures = 0;
  #cancel: (() => void) | null = null;
  /** Delay before the next attempt, or limit of the handshake. */
  #timer: NodeJS.Timeout | null = null;

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
        this.#report.emit({ type: 'peer:unreachable', address, error });
      } else this.#report.emit({ type: 'connect', address });
      done(connection);
    });
  }

  /** The pause before the next attempt. */
  pause(again: () => void): void {
    const interval = backoff(this.#owner.options, ++this.#failures, Math.random());
    this.#report.emit({ type: 'connect:retry', address: this.#report.endpoint, interval });
    this.#start(again, interval);
  }

  /** For the handshake over a connection, which has to be done in time. */
  handshake(connection: Connection, events: PeerEvents, late: (error: ZmqError) => void): WirePeer {
    const { options, type } = this.#owner;
    if (type === 'STREAM') return new RawPeer(events);
    // 0 is no limit, and a timer all the same: it holds the process while there is something to send.
    const limit = options.handshakeInterval > 0 ? options.handshakeInterval : 0x7fff_ffff;
    this.#start(() => {
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

  /** The peer was let in: the pauses begin anew. */
  arrived(): void {
    this.#failures = 0;
  }

  /** Something was queued. */
  queued(): void {
    if (this.#timer !== null) this.#refer(this.#timer);
  }

  /** No pause and no limit any more. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** No attempt either. */
  stop(): void {
    this.clear();
    this.#cancel?.();
    this.#cancel = null;
  }

  #start(over: () => void, time: number): void {
    this.#timer = setTimeout(over, time);
    this.#refer(this.#timer);
  }

  #refer(timer: NodeJS.Timeout): void {
    if (this.#owner.blocky && !this.#outbox.idle) timer.ref();
    else timer.unref();
  }
}
