/** What `/v1/status` answers, as far as the commands look at it (docs/openapi.json has all of it). */

export interface Status {
  readonly time: string;
  readonly node: {
    readonly name: string;
    readonly version: string;
    readonly pid: number;
    readonly startedAt: string;
    readonly uptimeMs: number;
    /** Null: it takes in. */
    readonly pausedSince: string | null;
  };
  readonly health: {
    readonly status: 'up' | 'degraded' | 'down';
    readonly components: Readonly<Record<string, { readonly status: string; readonly message?: string }>>;
  };
  readonly config: {
    readonly version: number;
    readonly origin: string;
    readonly appliedAt: string;
    readonly by: ActorView;
    readonly overrides: readonly OverrideView[];
    readonly restart: readonly string[];
    readonly sources: readonly SourceView[];
  };
  readonly routes: readonly RouteView[];
  readonly streams: readonly StreamView[];
  readonly sessions: {
    readonly connected: number;
    readonly sessions: number;
    readonly consumers: number;
  } | null;
  readonly peers: { readonly total: number; readonly troubled: readonly PeerView[] };
}

export interface ActorView {
  readonly via: string;
  readonly who: string;
}

export interface OverrideView {
  readonly key: string;
  readonly value: string;
  readonly expiresAt: string | null;
}

interface SourceView {
  readonly name: string;
  readonly state: string;
  readonly error: string | null;
}

export interface SideView {
  readonly peers: number;
  readonly queuedIn: number;
  readonly queuedOut: number;
  readonly dropped: number;
}

interface DirectionView {
  readonly messages: number;
  readonly bytes: number;
}

export interface RouteView {
  readonly name: string;
  readonly pattern: string;
  readonly state: string;
  readonly frontend: SideView;
  readonly backend: SideView;
  readonly toBack: DirectionView;
  readonly toFront: DirectionView;
  readonly stream: { readonly waiting: number; readonly trouble: string | null } | null;
}

export interface StreamView {
  readonly name: string;
  readonly first: number;
  readonly next: number;
  readonly bytes: number;
  readonly trouble: string | null;
  readonly groups: readonly {
    readonly group: string;
    readonly consumers: number;
    readonly inFlight: number;
    readonly lag: number;
  }[];
}

export interface PeerView {
  readonly route: string;
  readonly side: string;
  readonly remote: string;
  readonly routingId: string | null;
  readonly status: string;
  readonly since: string;
  readonly reason: string | null;
  readonly isolated: boolean;
}
