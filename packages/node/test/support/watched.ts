/**
 * A node in this process with its health, and workers that are processes.
 *
 * Guarantees: waiting is for a condition, never for a time; everything is ended with its test, frozen processes too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { PeerInfo } from '@zeroth/zmq';
import { loadConfig } from '../../src/config/load.ts';
import { type Node, startNode } from '../../src/flow/topology.ts';
import { type Health, startHealth } from '../../src/health/health.ts';
import type { PeerHealth, PeerState } from '../../src/health/types.ts';
import type { Log } from '../../src/log/log.ts';
import { testLog } from './log.ts';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const PATIENCE = 30_000;
const LOOK = 5;

/** Waits until the condition holds; after half a minute it fails with what `else` says. */
export async function until(condition: () => boolean, otherwise: () => string): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${otherwise()}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

export class Worker {
  readonly child: ChildProcess;
  readonly lines: string[] = [];

  /** `before`: a command that runs the process, such as `nsenter …`. */
  constructor(args: readonly string[], before: readonly string[] = []) {
    const [command, ...rest] = [...before, process.execPath, WORKER, ...args] as [string, ...string[]];
    const env = { ...process.env };
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS']) delete env[name];
    this.child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'], env });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.lines.push(line));
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await exit;
  }
}

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly reason?: string;
}

export class WatchedNode {
  readonly node: Node;
  readonly health: Health;
  /** What health has logged. */
  readonly lines: Line[] = [];

  private constructor(node: Node) {
    this.node = node;
    const { config } = node;
    this.health = startHealth({ node, config, log: this.#log() });
  }

  /** `yaml`: the text of the configuration. */
  static async start(yaml: string): Promise<WatchedNode> {
    const { config, problems } = loadConfig({ text: yaml, source: 'test' });
    if (config === null) throw new Error(JSON.stringify(problems));
    return new WatchedNode(await startNode(config));
  }

  /** With workers, for one test. */
  static async forTest(
    t: TestContext,
    yaml: string,
  ): Promise<WatchedNode & { worker(...args: string[]): Worker }> {
    const watched = await WatchedNode.start(yaml);
    const workers: Worker[] = [];
    t.after(async () => {
      await Promise.all(workers.map((worker) => worker.end()));
      await watched.stop();
    });
    return Object.assign(watched, {
      worker: (...args: string[]): Worker => {
        const worker = new Worker(args);
        workers.push(worker);
        return worker;
      },
    });
  }

  async stop(): Promise<void> {
    this.health.stop();
    await this.node.stop({ timeout: 0 });
  }

  address(route: string, side: 'frontend' | 'backend'): string {
    const status = this.node.status().find(({ name }) => name === route);
    return status?.[side].endpoints[0]?.address ?? '';
  }

  /** As health sees it; undefined: not at all. */
  peer(id: number): PeerHealth | undefined {
    return this.health.peers().find((peer) => peer.id === id);
  }

  info(id: number): PeerInfo {
    const peer = this.node.peers().find(({ info }) => info.id === id);
    if (peer === undefined) throw new Error(`no peer ${id}`);
    return peer.info;
  }

  /** Waits for the next peer at the backend of a route; resolves with its id. */
  async joined(route: string, known: readonly number[] = []): Promise<number> {
    const found = (): PeerHealth | undefined =>
      this.health
        .peers()
        .find(
          (peer) =>
            peer.route === route &&
            peer.side === 'backend' &&
            peer.status !== 'gone' &&
            !known.includes(peer.id),
        );
    await until(
      () => found() !== undefined,
      () => `no worker came to ${route}`,
    );
    return found()!.id;
  }

  async becomes(id: number, status: PeerState): Promise<PeerHealth> {
    await until(
      () => this.peer(id)?.status === status,
      () => `${id} is to be ${status}: ${JSON.stringify(this.health.peers())}`,
    );
    return this.peer(id)!;
  }

  #log(): Log {
    return testLog((level, fields) => this.lines.push({ ...(fields as unknown as Line), level }));
  }
}
