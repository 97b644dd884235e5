/** What a running node tells of its routes: their state, their sides, their peers. */
import type { PeerInfo, SocketStats, ZmqError } from '@zeroth/zmq';
import type { RoutePattern } from '../config/types.ts';
import type { Side } from './errors.ts';

/** `failed`: the forwarding ended on its own; the error is in the log and in `Route.ended`. */
export type RouteState = 'opening' | 'running' | 'stopping' | 'stopped' | 'failed';

export interface EndpointStatus {
  readonly how: 'bind' | 'connect';
  /** As it stands in the configuration. */
  readonly configured: string;
  /** The real address: a bound port 0 or wildcard is resolved. */
  readonly address: string;
}

/** The counters of a socket, since it was made. */
export interface SideStatus extends SocketStats {
  /** ZeroMQ's name of the node's socket. */
  readonly socketType: string;
  /** ZeroMQ's name of the peers it is for. */
  readonly peerType: string;
  readonly endpoints: readonly EndpointStatus[];
}

export interface Direction {
  readonly messages: number;
  readonly bytes: number;
  readonly dropped: number;
}

export interface RouteStreamStatus {
  /** Sequence of the oldest record that is kept, and the one that the next record gets. */
  readonly first: number;
  readonly next: number;
  /** Octets on the disk. */
  readonly bytes: number;
  /** Records of a pipeline that no consumer has yet. */
  readonly waiting: number;
  /** About when the first of them was appended, in ms since 1970; null: none waits, or it is not known. */
  readonly waitingSince: number | null;
  /** Why the stream accepts no records, so that producers are held up; null: it does. */
  readonly trouble: string | null;
}

export interface RouteStatus {
  readonly name: string;
  readonly pattern: RoutePattern;
  readonly state: RouteState;
  readonly frontend: SideStatus;
  readonly backend: SideStatus;
  readonly toBack: Direction;
  readonly toFront: Direction;
  /** Null for a route without a stream. */
  readonly stream: RouteStreamStatus | null;
}

/** A peer of a route, or an endpoint that it connects to, in whatever state. */
export interface RoutePeer {
  readonly route: string;
  readonly side: Side;
  readonly pattern: RoutePattern;
  /** Milliseconds between pings; 0: there are none. */
  readonly heartbeatInterval: number;
  /** Milliseconds that a request may be unanswered; 0: no limit. */
  readonly timeout: number;
  readonly info: PeerInfo;
}

/** What happened to a peer of a route. */
export interface PeerEvent {
  readonly route: string;
  readonly side: Side;
  readonly type: 'gone' | 'unreachable' | 'refused';
  /** Null: it was none yet. */
  readonly peer: PeerInfo | null;
  /** The endpoint; the far side of a peer that was refused. */
  readonly address: string;
  /** Null: it left in good order. */
  readonly error: ZmqError | null;
}
