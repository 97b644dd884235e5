/** A node that runs in this process, with its health and metrics, for one test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/types.ts';
import { type Node, type StartOptions, startNode } from '../../src/flow/topology.ts';
import { startHealth } from '../../src/health/health.ts';
import { silentLog } from '../../src/log/log.ts';
import { Timings } from '../../src/metrics/measures.ts';
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts';

export interface Monitored {
  readonly node: Node;
  readonly metrics: Metrics;
  readonly config: Config;
  /** Of a route's side, the first. */
  address(route: string, side: 'frontend' | 'backend'): string;
}

/** `yaml` without `node`; the folder for data is the test's. */
export async function monitored(
  t: TestContext,
  yaml: string,
  options: Omit<StartOptions, 'log' | 'measures'> = {},
): Promise<Monitored> {
  const folder = await mkdtemp(join(tmpdir(), 'zeroth-monitored-'));
  const config = configOf(`node: { name: tested, dataDir: ${JSON.stringify(folder)} }\n${yaml}`);
  const timings = new Timings();
  const node = await startNode(config, { ...options, measures: timings });
  const health = startHealth({ node, config, log: silentLog });
  const metrics = createMetrics({
    node,
    health,
    timings,
    version: '0.0.0',
    configuration: () => ({
      version: 3,
      reloads: { accepted: 2, refused: 1 },
      overrides: 1,
      sources: [{ name: 'nats', up: true }],
    }),
  });
  t.after(async () => {
    metrics.close();
    health.stop();
    await node.stop({ timeout: 0 });
    await rm(folder, { recursive: true, force: true });
  });
  const address = (route: string, side: 'frontend' | 'backend'): string =>
    node.status().find(({ name }) => name === route)?.[side].endpoints[0]?.address ?? '';
  return { node, metrics, config, address };
}

export function configOf(text: string): Config {
  const { config, problems } = loadConfig({ text, source: 'test' });
  if (config === null) throw new Error(problems.map(({ message }) => message).join('\n'));
  return config;
}

/** The value of a series, found by its whole name with labels; null: there is none. */
export function seriesOf(text: string, series: string): number | null {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}
