/** What a socket reports: the events of zeromq.js with their fields, and those that are ours. */
import type { ZmqError } from '../errors.ts';
import type { DropReason } from '../patterns/pattern.ts';

export type { DropReason };

/** One peer of a socket, or one endpoint that is being connected to. */
export interface PeerInfo {
  /** Unique in this process; the same across reconnects of a connect endpoint. */
  readonly id: number;
  /** The endpoint given to connect(), or the bound one. */
  readonly endpoint: string;
  /** The far side's address; the endpoint while there is no connection. */
  readonly remote: string;
  /** Our side of the connection: for a bound endpoint the endpoint; null while there is no connection. */
  readonly local: string | null;
  /** `waiting`: between two attempts to connect. */
  readonly state: 'connecting' | 'handshake' | 'ready' | 'waiting';
  /** As the peer announced it, for example `PULL`. */
  readonly socketType: string | null;
  /** The name that a ROUTER knows it by, or that it announced; null where there is none. */
  readonly routingId: Buffer | null;
  /** Who it is, as the ZAP handler says; null where nobody was asked, or said nothing. */
  readonly userId: string | null;
  /** What else the ZAP handler says of it, by names in lower case; null where it said nothing. */
  readonly metadata: ReadonlyMap<string, Buffer> | null;
  /** Milliseconds since 1970 of the end of the handshake. */
  readonly connectedAt: number | null;
  /** Whole messages received from it. */
  readonly messagesIn: number;
  /** Messages that the operating system has taken for it. */
  readonly messagesOut: number;
  /** Octets of the messages received, with their framing. */
  readonly bytesIn: number;
  /** Octets that the operating system has taken, with the framing. */
  readonly bytesOut: number;
  /** Messages from it that wait to be received. */
  readonly queuedIn: number;
  /** Messages that wait to be taken by the operating system. */
  readonly queuedOut: number;
  /** Messages to it or from it that were not and will not be delivered. */
  readonly dropped: number;
  /** Reads from this peer since it was made: grows whenever anything comes, answers to heartbeats included. */
  readonly heard: number;
  /** Messages for it over this connection less those from it, never below 0: for a worker, what it has not answered. */
  readonly unanswered: number;
  /** PUSH, DEALER, REQ give it nothing for now. */
  readonly isolated: boolean;
  /** The operating system has not taken all of the last write: the peer does not read, or the network is slow. */
  readonly stalled: boolean;
  /** Octets of that write which it has not taken yet. */
  readonly untaken: number;
  /** Nothing is read from it now: what it sent waits to be received. */
  readonly paused: boolean;
  /** It is pinged: `heartbeatInterval` is set, and it speaks ZMTP 3.1. */
  readonly heartbeats: boolean;
  /** Connections after the first one; 0 for a peer of a bound endpoint. */
  readonly reconnects: number;
  /** How often a high-water mark was reached, in either direction. */
  readonly highWaterMarkHits: number;
}

/** Counters of a socket since it was made, peers that are gone included. */
export interface SocketStats {
  /** Whole messages received. */
  readonly messagesIn: number;
  /** Messages that the operating system has taken. */
  readonly messagesOut: number;
  /** Octets of the messages received, with their framing. */
  readonly bytesIn: number;
  /** Octets that the operating system has taken, with the framing. */
  readonly bytesOut: number;
  /** Messages that were not and will not be delivered. */
  readonly dropped: number;
  /** The same, by reason; a reason that has not occurred is absent. */
  readonly droppedBy: Readonly<Partial<Record<DropReason, number>>>;
  /** Peers that are ready now. */
  readonly peers: number;
  /** Messages that wait to be received. */
  readonly queuedIn: number;
  /** Messages that wait to be taken by the operating system. */
  readonly queuedOut: number;
  /** Handshakes that were completed. */
  readonly connections: number;
  /** Of `connections`, those that were not the first of their connect endpoint. */
  readonly reconnects: number;
  /** How often a peer's high-water mark was reached, in either direction. */
  readonly highWaterMarkHits: number;
}

interface At<T extends string> {
  type: T;
  /** The endpoint concerned. */
  address: string;
}

interface Failure<T extends string> extends At<T> {
  error: ZmqError;
}

/** Everything that `socket.events` reports; `type` tells which. */
export type Event =
  | At<'accept'>
  | Failure<'accept:error'>
  | At<'bind'>
  | Failure<'bind:error'>
  | At<'connect'>
  | At<'connect:delay'>
  | (At<'connect:retry'> & { /** Milliseconds until the attempt. */ interval: number })
  | At<'close'>
  | Failure<'close:error'>
  | At<'disconnect'>
  | { type: 'end' }
  | At<'handshake'>
  /** The peer, or the ZAP handler (`error.code` is one of `ERR_ZAP_*`), broke the rules. */
  | Failure<'handshake:error:protocol'>
  /**
   * The ZAP handler did not let the client in: on its side, and on ours when we asked. `error.status` is 400 (no), 300 (not
   * now) or 500 (nobody could tell). A client is told of 400 and 500; of anything else it only sees the connection end.
   */
  /** `error.status` is that of ZAP (RFC 27). */
  | (At<'handshake:error:auth'> & { error: ZmqError & { readonly status: 300 | 400 | 500 } })
  | Failure<'handshake:error:other'>
  | { type: 'unknown' }
  /** The handshake with a peer is done. */
  | (At<'peer:ready'> & { peer: PeerInfo })
  /** A peer that was ready is gone; `error` tells why when it did not leave in good order. */
  | (At<'peer:gone'> & { peer: PeerInfo; error?: ZmqError })
  /** An attempt to connect failed. */
  | Failure<'peer:unreachable'>
  /** A connection ended before its handshake was done; `address` is the far side's. */
  | Failure<'peer:refused'>
  /** Messages were dropped: how many since the last such event of this socket, at most one event a second. */
  | { type: 'drop'; address: string; count: number; reason: DropReason };

/** What an event may be. */
export type EventType = Event['type'];
/** The events of a type: `EventOfType<'connect'>`. */
export type EventOfType<E extends EventType = EventType> = Extract<Event, { type: E }>;
