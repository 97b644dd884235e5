/**
 * The rows of the table: what is compared with whom, and what is asked for.
 *
 * Guarantees: ids are stable; a row whose peer is missing says so and does not disappear.
 */
import { codecRows } from './codec-rows.ts';
import { lookRows } from './look-rows.ts';
import { connectionMemory, idleMemory, stalledMemory } from './memory.ts';
import type { Peer, Peers } from './peers.ts';
import type { Row, Side } from './row.ts';
import { DEFAULTS, most, NONE, ratio, side, time } from './row.ts';
import { nodeRelay, proxyRelay } from './servers.ts';
import { startRows } from './start-rows.ts';
import { streamRows } from './stream-rows.ts';
import { transportRows } from './transport-rows.ts';
import type { Timing, Work } from './works.ts';
import {
  inFlight,
  natsPubSub,
  natsRoundTrip,
  pubSub,
  pushPull,
  relayedInFlight,
  relayedPubSub,
  relayedPushPull,
  relayedRoundTrip,
  roundTrip,
} from './works.ts';

const DROP_IN = 'Two processes, `await send` in one and `for await` in the other; the receiver counts.';
const PACED =
  'All marks are raised alike to 200,000 and at most 50,000 messages are unacknowledged (a PUSH to PULL connection carries the credits), so nothing is dropped, or the run stalls; counted by the subscribers.';

export function rowsFor(peers: Peers, timing: Timing, quick: boolean): Row[] {
  const { zeroth, zeromqJs, libzmq, node, natsServer, natsClient, residentSizes } = peers;
  const cs = (make: (peer: readonly string[]) => Work): Side =>
    side('libzmq in C', [libzmq], (c = NONE) => make(c));
  const us = (make: (peer: readonly string[]) => Work): Side =>
    side('@zeroth/zmq', [zeroth], (z = NONE) => make(z));
  const js = (make: (peer: readonly string[]) => Work): Side =>
    side('zeromq.js', [zeromqJs], (j = NONE) => make(j));
  type Between = (relay: ReturnType<typeof nodeRelay>, c: readonly string[]) => Work;
  const relays = (work: Between, ...extra: Peer[]): Pick<Row, 'ours' | 'theirs'> => ({
    ours: side('zeroth run', [node, libzmq, ...extra], (n = NONE, c = NONE) => work(nodeRelay(n), c)),
    theirs: side('zmq_proxy in C', [libzmq, ...extra], (c = NONE) => work(proxyRelay(c), c)),
  });

  const alone = (work: (relay: ReturnType<typeof nodeRelay>) => Work): Pick<Row, 'ours' | 'theirs'> => ({
    ours: side('zeroth run', [node, residentSizes], (n = NONE) => work(nodeRelay(n))),
    theirs: side('zmq_proxy in C', [libzmq, residentSizes], (c = NONE) => work(proxyRelay(c))),
  });

  const sizes = [
    { name: '8', label: '8 B', bytes: 8, js: 20, c: ratio(1, 1.3), relay: 2 },
    { name: '64', label: '64 B', bytes: 64, js: 20, c: ratio(1, 1.3), relay: 2 },
    { name: '1k', label: '1 KiB', bytes: 1024, js: null, c: ratio(1, 2), relay: 1.2 },
    { name: '64k', label: '64 KiB', bytes: 65536, js: null, c: ratio(1), relay: 1 },
  ] as const;

  const sockets = sizes.flatMap((size): Row[] => {
    const work = (peer: readonly string[]): Work => pushPull(peer, timing, size.bytes);
    const row = { ...DEFAULTS, title: `PUSH to PULL, ${size.label}`, ours: us(work), method: DROP_IN };
    const toC: Row = { ...row, id: `push-pull-${size.name}:libzmq`, target: size.c, theirs: cs(work) };
    if (size.js === null) return [toC];
    return [
      { ...row, id: `push-pull-${size.name}:zeromq.js`, target: ratio(size.js), theirs: js(work) },
      toC,
    ];
  });

  const pipelines = sizes.map(
    (size): Row => ({
      ...DEFAULTS,
      id: `node-pipeline-${size.name}:zmq_proxy`,
      title: `node, pipeline, ${size.label}`,
      target: ratio(size.relay),
      ...relays((relay, c) => relayedPushPull(relay, c, timing, size.bytes)),
      method: 'PUSH in C, the relay, PULL in C: three processes. Counted by the PULL.',
    }),
  );

  return [
    ...sockets,
    {
      ...DEFAULTS,
      id: 'batch-64:libzmq',
      title: 'PUSH to PULL, 64 B, batch API',
      target: ratio(1.5),
      ours: us((peer) => pushPull(peer, timing, 64, ['--batch'])),
      theirs: cs((peer) => pushPull(peer, timing, 64)),
      method: 'As above, with `trySend` and `waitWritable` in one process, `receiveBatch` in the other.',
    },
    {
      ...DEFAULTS,
      id: 'req-rep-64:libzmq',
      title: 'REQ to REP and back, 64 B, one at a time',
      unit: 'us',
      target: time(0.6),
      ours: us((peer) => roundTrip(peer, timing)),
      theirs: cs((peer) => roundTrip(peer, timing)),
      method:
        'Median of all round trips of a measurement (99th percentile in brackets), as the REQ sees them.',
    },
    {
      ...DEFAULTS,
      id: 'req-rep-64:zeromq.js',
      title: 'REQ to REP and back, 64 B, one at a time',
      unit: 'us',
      ours: us((peer) => roundTrip(peer, timing)),
      theirs: js((peer) => roundTrip(peer, timing)),
      method: 'As above.',
    },
    {
      ...DEFAULTS,
      id: 'dealer-router-64:libzmq',
      title: '1,000 requests in flight, DEALER to ROUTER and back, 64 B',
      target: ratio(1),
      ours: us((peer) => inFlight(peer, timing)),
      theirs: cs((peer) => inFlight(peer, timing)),
      method: 'ROUTER echoes; DEALER sends each reply out again as the next request, and counts replies.',
    },
    {
      ...DEFAULTS,
      id: 'pub-sub-10k:libzmq',
      title: 'PUB to 20 SUB, 10,000 prefixes, 64 B',
      target: ratio(1),
      ours: us((peer) => pubSub(peer, timing, 20, 10_000)),
      theirs: cs((peer) => pubSub(peer, timing, 20, 10_000)),
      method: `20 subscribers in one process hold 500 of 10,000 prefixes each; the publisher takes the topics in turn, each message matches one. ${PACED}`,
    },
    ...transportRows(peers, timing),
    ...pipelines,
    {
      ...DEFAULTS,
      id: 'node-pubsub-all:zmq_proxy',
      title: 'node, pubsub, one subscriber of everything, 64 B',
      target: ratio(1.5),
      ...relays((relay, c) => relayedPubSub(relay, c, timing, 1, 0)),
      method: `PUB in C, the relay, SUB in C. ${PACED}`,
    },
    {
      ...DEFAULTS,
      id: 'node-pubsub-10k:zmq_proxy',
      title: 'node, pubsub, 20 subscribers, 10,000 prefixes, 64 B',
      target: ratio(1.5),
      ...relays((relay, c) => relayedPubSub(relay, c, timing, 20, 10_000)),
      method: `PUB in C, the relay, 20 SUB in one C process with 500 prefixes each. ${PACED}`,
    },
    {
      ...DEFAULTS,
      id: 'node-reqrep-64:zmq_proxy',
      title: 'node, reqrep, 1,000 requests in flight, 64 B',
      target: ratio(1),
      ...relays((relay, c) => relayedInFlight(relay, c, timing)),
      method: 'DEALER in C, the relay, an echoing ROUTER in C. Counted by the DEALER.',
    },
    {
      ...DEFAULTS,
      id: 'nats-pubsub-64:nats',
      title: 'PUB, the node, SUB against core NATS, 64 B',
      ours: side('zeroth run', [node, zeroth], (n = NONE, z = NONE) =>
        relayedPubSub(nodeRelay(n), z, timing, 1, 0),
      ),
      theirs: side('NATS', [natsServer, natsClient], (s = NONE, c = NONE) => natsPubSub(s, c, timing)),
      method: `For information. Clients in Node on both sides of a broker. ${PACED} NATS has the same window, its credits are messages.`,
    },
    {
      ...DEFAULTS,
      id: 'nats-request-64:nats',
      title: 'REQ, the node, REP against a NATS request, 64 B',
      unit: 'us',
      ours: side('zeroth run', [node, zeroth], (n = NONE, z = NONE) =>
        relayedRoundTrip(nodeRelay(n), z, timing),
      ),
      theirs: side('NATS', [natsServer, natsClient], (s = NONE, c = NONE) => natsRoundTrip(s, c, timing)),
      method:
        'For information. One request at a time through a broker, clients in Node, median (99th percentile).',
    },
    {
      ...DEFAULTS,
      id: 'memory-idle:zmq_proxy',
      title: 'node, idle: resident memory',
      unit: 'MB',
      target: most(70),
      maxRounds: 3,
      ...alone((relay) => idleMemory(relay)),
      method: 'One pubsub route, nobody connected, 1.5 s after the start.',
    },
    {
      ...DEFAULTS,
      id: 'memory-connection:zmq_proxy',
      title: 'node, each idle connection: resident memory',
      unit: 'KB',
      target: most(20),
      maxRounds: 3,
      ...alone((relay) => connectionMemory(relay)),
      method:
        'Growth from 100 to 1,100 bare TCP subscribers with one subscription each, divided by 1,000, 1.5 s after the last.',
    },
    {
      ...DEFAULTS,
      id: 'memory-stalled:zmq_proxy',
      title: 'node, a subscriber that never reads: growth of memory',
      unit: 'MB',
      target: most(64),
      maxRounds: quick ? 1 : 3,
      ...relays((relay, c) => stalledMemory(relay, c, quick ? 512 : 2048), residentSizes),
      method: `Highest growth over the idle relay while ${quick ? '512 MB' : '2 GB'} in messages of 1 KiB pass, at marks of 10,000 messages; one subscriber takes all of it, the other handshakes, subscribes to everything and never reads.`,
    },
    ...startRows(peers),
    ...lookRows(peers, quick),
    ...codecRows(peers, timing),
    ...streamRows(peers, timing, quick),
  ];
}
