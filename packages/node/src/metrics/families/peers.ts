/** Metrics of each peer: of at most 100 of a route by name, the others together as `other` (../peers.ts). */
import type { Family } from '../family.ts';
import type { PeerCounters, PeerRow } from '../peers.ts';

const LABELS: readonly string[] = ['route', 'side', 'peer'];

type PerPeer = (row: PeerRow, add: (value: number, ...labels: readonly string[]) => void) => void;

function eachPeer(collect: PerPeer): Family['collect'] {
  return ({ peers }, add) => {
    for (const row of peers)
      collect(row, (value, ...labels) => add(value, row.route, row.side, row.peer, ...labels));
  };
}

const counter = (key: keyof PeerCounters): Family['collect'] =>
  eachPeer(({ counters }, add) => add(counters[key]));

export const PEER_FAMILIES: readonly Family[] = [
  {
    name: 'zeroth_peer_messages_total',
    type: 'counter',
    unit: null,
    labels: [...LABELS, 'direction'],
    help: 'Messages of a peer: in, received from it; out, handed to the operating system for it.',
    collect: eachPeer(({ counters }, add) => {
      add(counters.messagesIn, 'in');
      add(counters.messagesOut, 'out');
    }),
  },
  {
    name: 'zeroth_peer_bytes_total',
    type: 'counter',
    unit: 'bytes',
    labels: [...LABELS, 'direction'],
    help: 'Bytes of a peer, framing included.',
    collect: eachPeer(({ counters }, add) => {
      add(counters.bytesIn, 'in');
      add(counters.bytesOut, 'out');
    }),
  },
  {
    name: 'zeroth_peer_dropped_messages_total',
    type: 'counter',
    unit: null,
    labels: LABELS,
    help: 'Messages for a peer that were dropped.',
    collect: counter('dropped'),
  },
  {
    name: 'zeroth_peer_high_water_mark_hits_total',
    type: 'counter',
    unit: null,
    labels: LABELS,
    help: 'Times that a queue of the peer reached its high-water mark, in either direction.',
    collect: counter('highWaterMarkHits'),
  },
  {
    name: 'zeroth_peer_queued_messages',
    type: 'gauge',
    unit: null,
    labels: [...LABELS, 'queue'],
    help: 'Messages of a peer that wait: in, received and not forwarded; out, not taken by the operating system yet.',
    collect: eachPeer(({ queuedIn, queuedOut }, add) => {
      add(queuedIn, 'in');
      add(queuedOut, 'out');
    }),
  },
  {
    name: 'zeroth_peer_queue_age_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [...LABELS, 'queue'],
    help: 'How long the oldest queued message of a peer has waited; sampled like zeroth_route_queue_age_seconds.',
    collect: eachPeer(({ ageIn, ageOut }, add) => {
      add(ageIn / 1000, 'in');
      add(ageOut / 1000, 'out');
    }),
  },
  {
    name: 'zeroth_peer_unanswered_requests',
    type: 'gauge',
    unit: null,
    labels: LABELS,
    help: 'reqrep: requests that a worker has not answered.',
    collect: ({ peers, routes }, add) => {
      const requests = new Set(routes.filter(({ pattern }) => pattern === 'reqrep').map(({ name }) => name));
      for (const { route, side, peer, unanswered } of peers)
        if (side === 'backend' && requests.has(route)) add(unanswered, route, side, peer);
    },
  },
  {
    name: 'zeroth_peer_unhealthy',
    type: 'gauge',
    unit: null,
    labels: [...LABELS, 'status'],
    help: '1 for a peer that is slow, silent or gone (of `other` their number); nothing for one that is healthy.',
    collect: eachPeer(({ troubled }, add) => {
      for (const [status, count] of Object.entries(troubled)) add(count, status);
    }),
  },
];
