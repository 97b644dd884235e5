/**
 * The shape of a checked configuration, as the rest of the node sees it.
 *
 * Guarantees: every value is present (defaults are filled in) and normalised: durations are milliseconds, sizes are
 * bytes, endpoints are lists, paths are absolute. The object is frozen all the way down. The compiler holds
 * these types and the table in spec.ts together.
 */

/** RFC names in lower case: XSUB to XPUB, ROUTER to DEALER, PULL to PUSH. */
export type RoutePattern = 'pubsub' | 'reqrep' | 'pipeline';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** `auto` is `pretty` on a terminal and `json` anywhere else. */
export type LogFormat = 'auto' | 'pretty' | 'json';

export interface NodeConfig {
  /** Name of this node, in its log. */
  readonly name: string;
  /** Absolute path. */
  readonly dataDir: string;
  /** Milliseconds that a stop may take to deliver what was accepted. */
  readonly stopTimeout: number;
  /** A change of the file is loaded without being asked to. */
  readonly watch: boolean;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/** When an append counts as committed: on the disk, or with the operating system. */
export type FsyncPolicy = 'always' | 'interval' | 'never';

/** How much of a stream is kept. 0 is unlimited, for each. Whole segments go, oldest first. */
export interface RetainConfig {
  readonly bytes: number;
  /** Milliseconds. */
  readonly age: number;
  /** Records. */
  readonly count: number;
}

/** A durable stream, of a route or on its own. */
export interface StreamSettings {
  readonly retain: RetainConfig;
  readonly fsync: FsyncPolicy;
  /** Milliseconds between two syncs with `fsync: interval`. */
  readonly fsyncInterval: number;
}

export interface StreamConfig extends StreamSettings {
  readonly name: string;
}

/** Where clients of the session protocol connect. */
export interface SessionsConfig {
  readonly bind: readonly string[];
  readonly maxSessions: number;
  /** Bytes of a whole message. */
  readonly maxMessageSize: number;
  /** Milliseconds; a client that asks for a longer heartbeat gets this one. */
  readonly heartbeatInterval: number;
  /** IPv6 addresses; `*` binds both families. */
  readonly ipv6: boolean;
  /** Origins of web pages that may connect over ws, separated by spaces; empty: those of the same host. */
  readonly wsOrigins: string;
}

/** One side of a route. At least one of the two lists has an element. */
export interface SideConfig {
  readonly bind: readonly string[];
  readonly connect: readonly string[];
}

/** What the spec table describes of a route; the name is the key it stands under. */
export interface RouteSettings {
  readonly pattern: RoutePattern;
  readonly frontend: SideConfig;
  readonly backend: SideConfig;
  /** Messages per peer that wait to be sent; 0 is unlimited. */
  readonly sendHighWaterMark: number;
  /** Messages per peer that wait to be forwarded; 0 is unlimited. */
  readonly receiveHighWaterMark: number;
  /** Bytes of a whole message, all its frames together. */
  readonly maxMessageSize: number;
  /** Peers on each side at one time; 0 is unlimited. */
  readonly maxPeers: number;
  /** Milliseconds between pings; 0 sends none. */
  readonly heartbeatInterval: number;
  /** Milliseconds without any traffic after a ping until the peer counts as gone. */
  readonly heartbeatTimeout: number;
  /** Milliseconds that a peer may take for the ZMTP handshake. */
  readonly handshakeInterval: number;
  /** Milliseconds until the first attempt to reconnect. */
  readonly reconnectInterval: number;
  /** Milliseconds between attempts, at most; the wait doubles up to here. */
  readonly reconnectMaxInterval: number;
  /** IPv6 addresses and names; `*` binds both families. */
  readonly ipv6: boolean;
  /** Origins of web pages that may connect over ws, separated by spaces; empty: those of the same host. */
  readonly wsOrigins: string;
  /** Ask the operating system for TCP keep-alive probes. */
  readonly tcpKeepalive: boolean;
  /** Milliseconds of silence before the first TCP keep-alive probe; 0 leaves it to the operating system. */
  readonly tcpKeepaliveIdle: number;
  /** reqrep: milliseconds without an answer after which a worker is given nothing more until it answers; 0: no limit. */
  readonly timeout: number;
  /** The stream, of the route's name, that keeps what passes; null: nothing is kept. */
  readonly stream: StreamSettings | null;
}

export interface RouteConfig extends RouteSettings {
  readonly name: string;
}

/** Who sees the components of the health. */
export type HealthDetails = 'always' | 'authorized' | 'never';

/** The control API over HTTP. The local socket is there whatever stands here. */
export interface AdminConfig {
  /** tcp and ipc endpoints. */
  readonly bind: readonly string[];
  /** Secret; empty: none. */
  readonly token: string;
  /** Absolute path; empty: none. */
  readonly tokenFile: string;
  readonly details: HealthDetails;
}

export interface HealthConfig {
  /** Heartbeat intervals of silence after which a peer is unhealthy. */
  readonly missedHeartbeats: number;
  /** Bytes that the disk of the streams should have free; 0: whatever. */
  readonly diskFree: number;
  /** Milliseconds that the event loop may be held up. */
  readonly loopDelay: number;
}

/** A configuration centre. Empty texts: not given. */
export interface SourceConfig {
  readonly kind: 'nats' | 'etcd' | 'consul' | 'nacos';
  /** One URL, or several separated by commas. */
  readonly url: string;
  readonly key: string;
  readonly bucket: string;
  readonly namespace: string;
  readonly user: string;
  /** Secret. */
  readonly password: string;
  /** Secret. */
  readonly token: string;
  /** Milliseconds. */
  readonly timeout: number;
}

/** OpenTelemetry. */
export interface TelemetryConfig {
  readonly endpoint: string;
  /** `name=value`, separated by commas. Secret. */
  readonly headers: string;
  /** Milliseconds between two exports of metrics. */
  readonly interval: number;
  readonly metrics: boolean;
  readonly logs: boolean;
  readonly traces: boolean;
  /** Of a hundred traces. */
  readonly traceSample: number;
}

export interface Config {
  readonly node: NodeConfig;
  readonly log: LogConfig;
  readonly health: HealthConfig;
  readonly admin: AdminConfig;
  /** Null: the file is everything. */
  readonly source: SourceConfig | null;
  /** Null: OpenTelemetry is off. */
  readonly telemetry: TelemetryConfig | null;
  /** In the order of the file. Names are unique. */
  readonly routes: readonly RouteConfig[];
  /** Streams that belong to no route, in the order of the file. No name is that of a route with a stream. */
  readonly streams: readonly StreamConfig[];
  /** Null: there are no sessions. */
  readonly sessions: SessionsConfig | null;
}
