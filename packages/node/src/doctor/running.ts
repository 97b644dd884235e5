/**
 * The nodes of this user that run on this machine: taken ports and a taken data folder may be theirs.
 *
 * Guarantees: asks local sockets only, each for {@link WITHIN} ms at most and for a bounded answer; who does not answer
 * is left out.
 */
import { request } from 'node:http';
import { localPath, localSockets } from '../admin/local.ts';
import { configValues } from '../config/diff.ts';
import { realFiles } from '../store/files.ts';
import { ownerOf } from '../store/lock.ts';
import type { ConfiguredSurroundings } from './check.ts';

const WITHIN = 700;
const MOST = 16 * 1024 * 1024;

export interface RunningNode {
  readonly name: string;
  readonly pid: number;
  /** What it runs with, by key, as {@link configValues} writes it. */
  readonly values: ReadonlyMap<string, string>;
}

export async function runningNodes(surroundings: ConfiguredSurroundings): Promise<readonly RunningNode[]> {
  const { signal } = surroundings;
  const found = await Promise.all(
    (await sockets(surroundings)).map(async ({ path, pid }) => {
      const [node, config] = await Promise.all([
        ask(path, '/v1/node', signal),
        ask(path, '/v1/config', signal),
      ]);
      const { name } = (node ?? {}) as { name?: unknown };
      const { values } = (config ?? {}) as { values?: unknown };
      return typeof name === 'string' && Array.isArray(values) ? { name, pid, values: pairs(values) } : null;
    }),
  );
  return found.filter((node) => node !== null);
}

interface Socket {
  readonly path: string;
  readonly pid: number;
}

async function sockets({ environment, opened }: ConfiguredSurroundings): Promise<readonly Socket[]> {
  const listed = localSockets(environment);
  if (process.platform !== 'win32' || listed.length > 0) return listed;
  // Not everybody may list pipes: one can be guessed.
  const { name, dataDir } = opened.config.node;
  const owner = await ownerOf(realFiles, dataDir, Date.now).catch(() => null);
  return owner === null ? [] : [{ path: localPath(environment, name, owner.pid), pid: owner.pid }];
}

/** The keys of this configuration that a running node of its name runs as they stand here. */
export async function runnersOf(surroundings: ConfiguredSurroundings): Promise<ReadonlySet<string>> {
  const { config } = surroundings.opened;
  const nodes = (await runningNodes(surroundings)).filter(({ name }) => name === config.node.name);
  const same = configValues(config).filter(({ key, value }) =>
    nodes.some(({ values }) => values.get(key) === value),
  );
  return new Set(same.map(({ key }) => key));
}

function pairs(values: readonly unknown[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const each of values) {
    const { key, value } = (each ?? {}) as { key?: unknown; value?: unknown };
    if (typeof key === 'string' && typeof value === 'string') map.set(key, value);
  }
  return map;
}

/** The JSON that is answered; null: none is. */
function ask(socketPath: string, path: string, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const headers = { Host: 'localhost', Accept: 'application/json' };
    const sent = request({ socketPath, path, headers, agent: false, signal });
    const timer = setTimeout(() => sent.destroy(), WITHIN);
    const end = (value: unknown): void => {
      clearTimeout(timer);
      sent.destroy();
      resolve(value);
    };
    sent.on('error', () => end(null));
    sent.on('close', () => end(null));
    sent.once('response', (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('error', () => end(null));
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > MOST) end(null);
      });
      answer.on('end', () => end(parsed(Buffer.concat(chunks).toString())));
    });
    sent.end();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
