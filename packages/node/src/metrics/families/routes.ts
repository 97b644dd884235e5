/** Metrics of each route: what passed, what waits, what was dropped, who is there. */
import type { RouteStatus, SideStatus } from '../../flow/status.ts';
import type { Add, Family } from '../family.ts';
import type { View } from '../view.ts';

const SIDES = ['frontend', 'backend'] as const;
const SIDE_LABELS: readonly string[] = ['route', 'side'];
const PEER_STATES = ['healthy', 'slow', 'silent', 'gone'] as const;

/** What a route may drop for. They are there before the first drop, so that `increase` sees that one, too. */
const UNDROPPED: SideStatus['droppedBy'] = { highWaterMark: 0, unroutable: 0, disconnected: 0, malformed: 0 };

type PerSide = (status: SideStatus, add: (value: number, ...labels: readonly string[]) => void) => void;

/** A value, or some, of each side of each route. */
function eachSide(collect: PerSide): Family['collect'] {
  return ({ routes }, add) => {
    for (const route of routes)
      for (const side of SIDES)
        collect(route[side], (value, ...labels) => add(value, route.name, side, ...labels));
  };
}

/** A value of each direction of each route. */
function eachDirection(value: (direction: RouteStatus['toBack']) => number): Family['collect'] {
  return ({ routes }, add) => {
    for (const { name, toBack, toFront } of routes) {
      add(value(toBack), name, 'toBack');
      add(value(toFront), name, 'toFront');
    }
  };
}

export const ROUTE_FAMILIES: readonly Family[] = [
  {
    name: 'zeroth_route_up',
    type: 'gauge',
    unit: null,
    labels: ['route', 'pattern'],
    help: '1 while the route forwards, 0 otherwise.',
    collect: ({ routes }, add) => {
      for (const { name, pattern, state } of routes) add(state === 'running' ? 1 : 0, name, pattern);
    },
  },
  {
    name: 'zeroth_route_messages_total',
    type: 'counter',
    unit: null,
    labels: ['route', 'direction'],
    help: 'Messages forwarded, toBack (frontend to backend) and toFront.',
    collect: eachDirection(({ messages }) => messages),
  },
  {
    name: 'zeroth_route_bytes_total',
    type: 'counter',
    unit: 'bytes',
    labels: ['route', 'direction'],
    help: 'Bytes forwarded, framing included.',
    collect: eachDirection(({ bytes }) => bytes),
  },
  {
    name: 'zeroth_route_dropped_messages_total',
    type: 'counter',
    unit: null,
    labels: [...SIDE_LABELS, 'reason'],
    help: "Messages dropped by ZeroMQ's rules, by reason.",
    collect: eachSide(({ droppedBy }, add) => {
      for (const [reason, count] of Object.entries({ ...UNDROPPED, ...droppedBy })) add(count, reason);
    }),
  },
  {
    name: 'zeroth_route_high_water_mark_hits_total',
    type: 'counter',
    unit: null,
    labels: SIDE_LABELS,
    help: 'Times that a queue of a peer reached its high-water mark, in either direction.',
    collect: eachSide(({ highWaterMarkHits }, add) => add(highWaterMarkHits)),
  },
  {
    name: 'zeroth_route_queued_messages',
    type: 'gauge',
    unit: null,
    labels: [...SIDE_LABELS, 'queue'],
    help: 'Messages that wait: in, received and not forwarded; out, not taken by the operating system yet.',
    collect: eachSide(({ queuedIn, queuedOut }, add) => {
      add(queuedIn, 'in');
      add(queuedOut, 'out');
    }),
  },
  {
    name: 'zeroth_route_queue_age_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [...SIDE_LABELS, 'queue'],
    help: 'How long the oldest queued message has waited. Sampled each second, so to within a second; to within an eighth when it is long.',
    collect: ({ routes, ages }, add) => {
      for (const { name } of routes)
        for (const side of SIDES) {
          const age = ages.get(`${name}/${side}`) ?? { in: 0, out: 0 };
          add(age.in / 1000, name, side, 'in');
          add(age.out / 1000, name, side, 'out');
        }
    },
  },
  {
    name: 'zeroth_route_peers',
    type: 'gauge',
    unit: null,
    labels: SIDE_LABELS,
    help: 'Peers that are connected.',
    collect: eachSide(({ peers }, add) => add(peers)),
  },
  {
    name: 'zeroth_route_peer_health',
    type: 'gauge',
    unit: null,
    labels: [...SIDE_LABELS, 'status'],
    help: 'Peers by their health: healthy, slow, silent, gone.',
    collect: peerHealth,
  },
  {
    name: 'zeroth_route_connections_total',
    type: 'counter',
    unit: null,
    labels: SIDE_LABELS,
    help: 'Connections whose handshake was completed.',
    collect: eachSide(({ connections }, add) => add(connections)),
  },
  {
    name: 'zeroth_route_reconnects_total',
    type: 'counter',
    unit: null,
    labels: SIDE_LABELS,
    help: 'Connections that replaced a lost one (connect endpoints).',
    collect: eachSide(({ reconnects }, add) => add(reconnects)),
  },
  {
    name: 'zeroth_route_refused_peers_total',
    type: 'counter',
    unit: null,
    labels: SIDE_LABELS,
    help: 'Peers refused before or in their handshake, also because of maxPeers.',
    collect: ({ routes, refusals }, add) => {
      for (const { name } of routes) for (const side of SIDES) add(refusals.of(name, side), name, side);
    },
  },
  {
    name: 'zeroth_route_request_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: ['route'],
    help: 'reqrep: from a request that is forwarded to its answer. A sample of the requests, not all of them.',
    collect: ({ timings }, add) => {
      for (const [route, histogram] of timings.answers) add(histogram.value(), route);
    },
  },
];

function peerHealth({ routes, peerHealth: all }: View, add: Add): void {
  const counts = new Map<string, number>();
  for (const { route, side, status } of all) {
    const key = `${route}/${side}/${status}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const { name } of routes)
    for (const side of SIDES)
      for (const status of PEER_STATES) add(counts.get(`${name}/${side}/${status}`) ?? 0, name, side, status);
}
