/** A node in a folder of its own, and configurations for it, written short. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Socket } from '@zeroth/zmq';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/types.ts';
import type { Applied, Node, StartOptions } from '../../../src/flow/topology.ts';
import { startNode } from '../../../src/flow/topology.ts';

export const LIMIT = 10_000;

/** An address that nobody else uses, where the system has more than one: a port that is free for a moment stays free. */
const [high, middle, low] = [process.pid >> 16, process.pid >> 8, process.pid].map(
  (part) => (part & 127) + 1,
);
export const HOST: string = process.platform === 'linux' ? `127.${high}.${middle}.${low}` : '127.0.0.1';

export async function until(done: () => boolean, what: string): Promise<void> {
  const end = performance.now() + LIMIT;
  while (!done()) {
    if (performance.now() > end) throw new Error(`waited ${LIMIT} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export interface Bench {
  readonly node: Node;
  readonly dir: string;
  config(text: string): Config;
  apply(text: string): Promise<Applied>;
  /** The real address of the endpoint of a side. */
  at(route: string, side: 'frontend' | 'backend', index?: number): string;
}

/** A checked configuration; `dir` is its data folder. */
function configOf(dir: string, text: string): Config {
  const node = `node: { dataDir: ${JSON.stringify(dir)}, stopTimeout: 5s }\n`;
  const { config, problems } = loadConfig({
    text: text.includes('node:') ? text : node + text,
    source: 'test',
  });
  assert.deepEqual(problems, []);
  return config as Config;
}

export async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'zeroth-flow-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export async function running(t: TestContext, text: string, options: StartOptions = {}): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'zeroth-flow-'));
  const config = (each: string): Config => configOf(dir, each);
  const node = await startNode(config(text), options);
  t.after(async () => {
    await node.stop({ timeout: 0 });
    await rm(dir, { recursive: true, force: true });
  });
  return {
    node,
    dir,
    config,
    apply: (each) => node.apply(config(each)),
    at: (route, side, index = 0) => node.routes.get(route)?.[side].endpoints[index]?.address as string,
  };
}

/** Connects a socket for one test, and counts its connections and their ends. */
export function connected<S extends Socket>(
  t: TestContext,
  socket: S,
  address: string,
): { socket: S; counts: { ready: number; gone: number } } {
  const counts = { ready: 0, gone: 0 };
  socket.events.on('peer:ready', () => counts.ready++);
  socket.events.on('peer:gone', () => counts.gone++);
  t.after(() => socket.close());
  socket.connect(address);
  return { socket, counts };
}

/** A port of HOST that somebody else has. */
export async function takenPort(t: TestContext): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

/** A route, both sides bound to any port unless said otherwise: endpoints separated by a space, `>` before one to connect to. */
export function route(
  name: string,
  { pattern = 'pipeline', front = 'tcp://127.0.0.1:*', back = 'tcp://127.0.0.1:*', more = '' } = {},
): string {
  const side = (endpoints: string): string => {
    const quoted = (how: string): string =>
      endpoints
        .split(' ')
        .filter((each) => each.startsWith('>') === (how === 'connect'))
        .map((each) => JSON.stringify(each.replace('>', '')))
        .join(', ');
    const keys = ['bind', 'connect'].filter((how) => quoted(how) !== '');
    return `{ ${keys.map((how) => `${how}: [${quoted(how)}]`).join(', ')} }`;
  };
  const rest = more === '' ? '' : `, ${more}`;
  return `  ${name}: { pattern: ${pattern}, frontend: ${side(front)}, backend: ${side(back)}${rest} }\n`;
}

export function routes(...each: string[]): string {
  return `routes:\n${each.join('')}`;
}

export async function texts(socket: { receive(): Promise<Buffer[]> }, count: number): Promise<string[]> {
  const all: string[] = [];
  while (all.length < count) all.push((await socket.receive()).map(String).join(' '));
  return all;
}

export const words = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `m${first + i}`);
