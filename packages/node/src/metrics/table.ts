/**
 * Every metric of the node, in the order in which they are written.
 *
 * Guarantees: names are unique and follow Prometheus' conventions (test/unit/metrics/table.test.ts); docs/metrics.md is
 * made from this table, and the alerts and the dashboard in examples/monitoring use no other names.
 */
import { NODE_FAMILIES } from './families/node.ts';
import { PEER_FAMILIES } from './families/peers.ts';
import { PROCESS_FAMILIES } from './families/process.ts';
import { ROUTE_FAMILIES } from './families/routes.ts';
import { STREAM_FAMILIES } from './families/streams.ts';
import type { Family } from './family.ts';

export const GROUPS: readonly { readonly title: string; readonly families: readonly Family[] }[] = [
  { title: 'Routes', families: ROUTE_FAMILIES },
  { title: 'Peers', families: PEER_FAMILIES },
  { title: 'Streams and sessions', families: STREAM_FAMILIES },
  { title: 'The node', families: NODE_FAMILIES },
  { title: 'The process', families: PROCESS_FAMILIES },
];

export const FAMILIES: readonly Family[] = GROUPS.flatMap(({ families }) => families);
