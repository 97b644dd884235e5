/**
 * What health tells, and what it needs to know.
 *
 * Guarantees: types only. Durations are milliseconds, times milliseconds since 1970, sizes octets.
 */
import type { Config } from '../config/types.ts';
import type { Side } from '../flow/errors.ts';
import type { PeerEvent, RoutePeer, RouteStatus } from '../flow/status.ts';
import type { Log } from '../log/log.ts';
import type { SessionsStatus } from '../session/server.ts';
import type { Stream } from '../store/store.ts';

/**
 * - `healthy`: it is heard, or there is no way to know better;
 * - `slow`: it is there and does not keep up with what is sent to it;
 * - `silent`: it is connected, and neither says nor takes anything; or it has requests and answers none;
 * - `gone`: there is no connection.
 */
export type PeerState = 'healthy' | 'slow' | 'silent' | 'gone';

/** Of worse and worse. `unhealthy` gets no messages and requests. */
export type Verdict = 'healthy' | 'degraded' | 'unhealthy';

/**
 * What the operating system knows about a silent connection: `network`: nobody acknowledges what was sent;
 * `program`: the far machine is there, its program does not read or answer.
 */
export type Evidence = 'network' | 'program';

export interface PeerHealth {
  readonly route: string;
  readonly side: Side;
  /** PeerInfo.id. */
  readonly id: number;
  readonly remote: string;
  readonly socketType: string | null;
  /** As text where it is text, otherwise `0x…`; null: it gave none. */
  readonly routingId: string | null;
  readonly status: PeerState;
  /** The worse one of what its connection tells and what it said of itself in the registry. */
  readonly verdict: Verdict;
  /** Of the status. */
  readonly since: number;
  /** Why the status is not `healthy`. */
  readonly reason: string | null;
  readonly evidence: Evidence | null;
  /** It is given no messages and requests until it is well again. */
  readonly isolated: boolean;
  /** Milliseconds since it was heard, as far as this process was there to listen. */
  readonly quietMs: number;
  /** Messages that wait to be sent to it, and how long those have waited that were there at the last mark. */
  readonly queued: number;
  readonly waitedMs: number;
  /** reqrep: requests that it has not answered. */
  readonly unanswered: number;
}

/** `up`: all is well; `degraded`: it works, and somebody should look; `down`: it does not do its work. */
export type ComponentStatus = 'up' | 'degraded' | 'down';

export interface Component {
  readonly status: ComponentStatus;
  /** What is wrong, one sentence. */
  readonly message?: string;
  readonly [figure: string]: string | number | boolean | undefined;
}

export interface HealthReport {
  /** The worst of the components. */
  readonly status: ComponentStatus;
  /** The process turns, and no route has failed: false asks for a restart. */
  readonly live: boolean;
  /** It takes and forwards: false asks to be sent no work. */
  readonly ready: boolean;
  readonly components: Readonly<Record<string, Component>>;
}

/** A configuration centre, as who follows it sees it. */
export interface SourceHealth {
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly message: string | null;
}

/** What became of the last reload. */
export interface ReloadHealth {
  readonly ok: boolean;
  readonly message: string | null;
  readonly at: number;
}

/** What health needs of a running node. */
export interface WatchedNode {
  readonly config: Config;
  /** Since when it takes nothing in, because somebody wants so; null: it does. */
  readonly pausedSince: number | null;
  status(): readonly RouteStatus[];
  sessionStatus(): SessionsStatus | null;
  streams(): readonly Stream[];
  peers(): readonly RoutePeer[];
  isolate(route: string, side: Side, peer: number, on: boolean): boolean;
  watch(listener: (event: PeerEvent) => void): () => void;
}

export interface HealthOptions {
  readonly node: WatchedNode;
  readonly config: Config;
  readonly log: Log;
  /** Asked at each report. */
  readonly sources?: () => readonly SourceHealth[];
  /** Asked at each report; null: there was none. */
  readonly reload?: () => ReloadHealth | null;
}
