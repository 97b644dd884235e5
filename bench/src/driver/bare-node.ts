/**
 * The routes of a configuration file and nothing else: no control API, no health, no metrics. What these cost is the
 * difference to `zeroth run`.
 */
import { setFlagsFromString } from 'node:v8';
import type { ForeignDriver } from './common.ts';
import { sayReady } from './common.ts';

/** The node's modules as its tests have them: this file runs as bench/.out/src/driver/bare-node.js. */
const MODULES = new URL('../../../../packages/node/.out/src/', import.meta.url);

interface Load {
  loadConfig(from: { path: string }): { readonly config: unknown };
}
interface Flow {
  startNode(config: unknown): Promise<unknown>;
}

export const bareNode: ForeignDriver = async ({ endpoint: path }) => {
  // As cli/run.ts has it.
  setFlagsFromString('--no-incremental-marking');
  const { loadConfig } = (await import(new URL('config/load.js', MODULES).href)) as Load;
  const { startNode } = (await import(new URL('flow/topology.js', MODULES).href)) as Flow;
  await startNode(loadConfig({ path }).config);
  sayReady(path);
  await new Promise(() => {});
};
