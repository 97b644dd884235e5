/** docs/metrics.md, made from the table of metrics. test/unit/metrics/table.test.ts compares the file with this. */
import type { Family } from '../../src/metrics/family.ts';
import { GROUP_LIMIT } from '../../src/metrics/groups.ts';
import { COMMIT_BOUNDS, REQUEST_BOUNDS } from '../../src/metrics/histogram.ts';
import { PEER_LIMIT } from '../../src/metrics/peers.ts';
import { GROUPS } from '../../src/metrics/table.ts';

const INTRO = `# Metrics

<!-- Made from packages/node/src/metrics by \`UPDATE_DOCS=1 npm test\`. Do not edit. -->

\`GET /metrics\` has them in the text format of Prometheus; with \`telemetry\` in the configuration the same metrics, under the
same names, go to a collector of OpenTelemetry. [operations.md](operations.md#metrics-and-telemetry) says how to use them,
[examples/monitoring](../examples/monitoring) has alerts and a dashboard.

- Everything is read when somebody asks, from what the node counts anyway. A family without values is left out.
- Counters count since the start of the node, those of a route or stream since it was added or
  its endpoints were changed, those of a peer since it connected.
- Labels are bounded. Routes and streams are those of the configuration. At most ${PEER_LIMIT} peers of a route have series of their
  own, the troubled and busy first; the others are summed under \`peer="other"\`, whose counters never go back. \`peer\` is the
  routing id if the peer has one of at most 64 characters, else its address. At most ${GROUP_LIMIT} groups of a stream have series,
  those that are furthest behind; the rest is \`group="other"\`.
- Durations are seconds. Buckets: requests ${span(REQUEST_BOUNDS)}, commits ${span(COMMIT_BOUNDS)}.
`;

export function metricsDocs(): string {
  return `${INTRO}${GROUPS.map(({ title, families }) => `\n## ${title}\n\n${table(families)}`).join('')}`;
}

function table(families: readonly Family[]): string {
  const rows = families.map(({ name, type, labels, help }) => {
    const list = labels.length === 0 ? '' : labels.map((label) => `\`${label}\``).join(' ');
    return `| \`${name}\` | ${type} | ${list} | ${help} |\n`;
  });
  return `| metric | type | labels | what it is |\n|---|---|---|---|\n${rows.join('')}`;
}

function span(bounds: readonly number[]): string {
  return `from ${(bounds[0] ?? 0) * 1e6} us to ${bounds.at(-1)} s`;
}
