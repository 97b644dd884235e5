/**
 * The routes of a configuration file and nothing else: no control API, no health, no metrics. What these cost is the
 * difference to `zeroth run`.
 */
import { setFlagsFromString } from 'node:v8';
import type { ForeignDriver } from './common.ts';
import { sayReady } from './common.ts';

/** Made like the files of the node itself, by scripts/doors.mjs; this file runs as bench/.out/src/driver/bare-node.js. */
const DOORS = new URL('../../../dist/bare/', import.meta.url);

interface Load {
  loadConfig(from: { path: string }): { readonly config: unknown };
}
interface Flow {
  startNode(config: unknown): Promise<unknown>;
}

export const bareNode: ForeignDriver = async ({ endpoint: path }) => {
  // As cli/run.ts has it.
  setFlagsFromString('--no-incremental-marking');
  const { loadConfig } = (await import(new URL('load.js', DOORS).href)) as Load;
  const { startNode } = (await import(new URL('topology.js', DOORS).href)) as Flow;
  await startNode(loadConfig({ path }).config);
  sayReady(path);
  await new Promise(() => {});
};
