/**
 * Figures of routes and streams, and how fast they grow between two looks.
 *
 * Guarantees: pure; a counter that began anew (the route was changed, the node restarted) is no negative rate.
 */
import type { RouteView, Status, StreamView } from './types.ts';

export interface RouteFigures {
  readonly name: string;
  readonly pattern: string;
  readonly state: string;
  /** From the frontend to the backend; of reqrep the requests. */
  readonly messages: number;
  readonly messagesPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  /** Waiting in the node, in memory or in the stream of a pipeline. */
  readonly queued: number;
  readonly dropped: number;
  readonly droppedPerSecond: number | null;
  readonly frontendPeers: number;
  readonly backendPeers: number;
}

export interface StreamFigures {
  readonly name: string;
  readonly records: number;
  readonly recordsPerSecond: number | null;
  readonly bytes: number;
  readonly trouble: string | null;
  readonly groups: StreamView['groups'];
}

export interface Figures {
  readonly routes: readonly RouteFigures[];
  readonly streams: readonly StreamFigures[];
}

/** Of one look; with the look before, also the rates. */
export function figuresOf(now: Status, before: Status | null): Figures {
  const same = before !== null && before.node.pid === now.node.pid;
  const elapsed = same ? (now.node.uptimeMs - before.node.uptimeMs) / 1000 : 0;
  const rate = (value: number, old: number | undefined): number | null =>
    old === undefined || elapsed <= 0 ? null : Math.max(0, (value - old) / elapsed);
  return {
    routes: now.routes.map((route) => {
      const old = same ? before.routes.find(({ name }) => name === route.name) : undefined;
      return {
        name: route.name,
        pattern: route.pattern,
        state: route.state,
        messages: route.toBack.messages,
        messagesPerSecond: rate(route.toBack.messages, old?.toBack.messages),
        bytesPerSecond: rate(bytesOf(route), old === undefined ? undefined : bytesOf(old)),
        queued: queuedOf(route),
        dropped: droppedOf(route),
        droppedPerSecond: rate(droppedOf(route), old === undefined ? undefined : droppedOf(old)),
        frontendPeers: route.frontend.peers,
        backendPeers: route.backend.peers,
      };
    }),
    streams: now.streams.map(({ name, first, next, bytes, trouble, groups }) => {
      const old = same ? before.streams.find((stream) => stream.name === name) : undefined;
      const records = next - first;
      return { name, records, recordsPerSecond: rate(next, old?.next), bytes, trouble, groups };
    }),
  };
}

function bytesOf({ toBack, toFront }: RouteView): number {
  return toBack.bytes + toFront.bytes;
}

function droppedOf({ frontend, backend }: RouteView): number {
  return frontend.dropped + backend.dropped;
}

function queuedOf({ frontend, backend, stream }: RouteView): number {
  const waiting = stream?.waiting ?? 0;
  return waiting + frontend.queuedIn + frontend.queuedOut + backend.queuedIn + backend.queuedOut;
}
