/**
 * What stands between two sides: the relays, the node with a stream, nats-server.
 *
 * Guarantees: a server is started as its users start it, as a process, and accepts when the promise resolves; its files
 * lie in one folder of the benchmark (TMPDIR says on which disk) and are gone with the stage.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child, Stage } from './children.ts';
import { within } from './children.ts';

export type Command = readonly string[];

export const ANY = 'tcp://127.0.0.1:*';

/** What forwards between the two sides of a node row. */
export interface Relay {
  readonly pid: number;
  readonly front: string;
  readonly back: string;
}
export type StartRelay = (stage: Stage, pattern: Pattern, hwm: number | null) => Promise<Relay>;
export type Pattern = 'pipeline' | 'pubsub' | 'reqrep';

/** A node with one durable stream, `bench`. */
export interface StreamNode extends Relay {
  readonly sessions: string;
}

/** A node that can be looked at. */
export interface WatchedNode extends Relay {
  /** Port of its control API. */
  readonly admin: number;
  readonly token: string;
}

/** For a node that is gone when its row is. */
const TOKEN = 'bench-0123456789abcdef0123456789abcdef';

export function endpointOf(child: Child, index = 0): string {
  return child.endpoints[index] ?? '';
}

let scratch: string | null = null;

/** Gone when the benchmark ends. */
function scratchFolder(): string {
  if (scratch !== null) return scratch;
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  scratch = folder;
  return folder;
}

/** An empty folder; without a stage it stays until the benchmark ends. */
export function newFolder(stage: Stage | null): string {
  const folder = mkdtempSync(join(scratchFolder(), 'data-'));
  stage?.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** With a folder, JetStream is on and keeps its files there. */
export async function startNats(stage: Stage, server: Command, folder: string | null): Promise<string> {
  const [port = 0] = await freePorts(1);
  const jetStream = folder === null ? [] : ['-js', '-sd', folder];
  const command = [...server, '-a', '127.0.0.1', '-p', String(port), ...jetStream];
  const { ended } = stage.launch(command, () => {});
  await listening([port], ended);
  return loopback(port);
}

/** zmq_proxy in C. */
export function proxyRelay(libzmq: Command): StartRelay {
  return async (stage, pattern, hwm) => {
    const marks = hwm === null ? [] : ['--hwm', String(hwm)];
    const proxy = await stage.start([...libzmq, 'proxy', pattern, ANY, ANY, ...marks]);
    return { pid: proxy.pid, front: endpointOf(proxy), back: endpointOf(proxy, 1) };
  };
}

/** `zeroth run` with one route, as its users run it. */
export function nodeRelay(node: Command): StartRelay {
  return async (stage, pattern, hwm) => {
    const [front = 0, back = 0] = await freePorts(2);
    const marks = hwm === null ? '' : `    sendHighWaterMark: ${hwm}\n    receiveHighWaterMark: ${hwm}\n`;
    const keys = route(pattern, front, back) + marks;
    const pid = await startNode(stage, node, newFolder(stage), keys, [front, back]);
    return { pid, front: loopback(front), back: loopback(back) };
  };
}

/** `zeroth run` with one pipeline and its control API, and the same routes with nothing around them. */
export async function watchedNode(stage: Stage, node: Command): Promise<WatchedNode> {
  const [front = 0, back = 0, admin = 0] = await freePorts(3);
  const keys = `${route('pipeline', front, back)}admin: { bind: "${loopback(admin)}", token: ${TOKEN} }\n`;
  const pid = await startNode(stage, node, newFolder(stage), keys, [front, back, admin]);
  return { pid, front: loopback(front), back: loopback(back), admin, token: TOKEN };
}

export async function bareNode(stage: Stage, driver: Command): Promise<Relay> {
  const [front = 0, back = 0] = await freePorts(2);
  const file = join(newFolder(stage), 'zeroth.yaml');
  writeFileSync(file, route('pipeline', front, back));
  const { pid } = await stage.start([...driver, 'bare-node', file]);
  return { pid, front: loopback(front), back: loopback(back) };
}

/** `zeroth run` over this folder with a stream that only clients use. */
export async function streamNode(
  stage: Stage,
  node: Command,
  folder: string,
): Promise<Pick<StreamNode, 'pid' | 'sessions'>> {
  const [sessions = 0] = await freePorts(1);
  const keys = `streams: { bench: ${STREAM} }\n${sessionKeys(sessions)}`;
  const pid = await startNode(stage, node, folder, keys, [sessions]);
  return { pid, sessions: loopback(sessions) };
}

/** `zeroth run` with a durable pipeline, and sessions to look into its stream. */
export async function pipelineNode(stage: Stage, node: Command): Promise<StreamNode> {
  const [front = 0, back = 0, sessions = 0] = await freePorts(3);
  const keys = `${route('pipeline', front, back)}    stream: ${STREAM}\n${sessionKeys(sessions)}`;
  const pid = await startNode(stage, node, newFolder(stage), keys, [front, back, sessions]);
  return { pid, front: loopback(front), back: loopback(back), sessions: loopback(sessions) };
}

const STREAM = '{ retain: { bytes: 0B }, fsync: always }';

function sessionKeys(port: number): string {
  return `sessions: { bind: "${loopback(port)}" }\n`;
}

function route(pattern: Pattern, front: number, back: number): string {
  return `routes:
  bench:
    pattern: ${pattern}
    frontend: { bind: "${loopback(front)}" }
    backend: { bind: "${loopback(back)}" }
`;
}

async function startNode(
  stage: Stage,
  node: Command,
  folder: string,
  keys: string,
  ports: readonly number[],
): Promise<number> {
  const file = join(folder, 'zeroth.yaml');
  writeFileSync(file, `node: { name: bench, dataDir: ./data }\n${keys}`);
  const { pid, ended } = stage.launch([...node, file], () => {});
  await listening(ports, ended);
  return pid;
}

export function loopback(port: number): string {
  return `tcp://127.0.0.1:${port}`;
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
}

/** Resolves when all these ports of a program accept; fails when it ends before that. */
async function listening(ports: readonly number[], ended: Promise<never>): Promise<void> {
  const tryPort = async (port: number): Promise<void> => {
    for (;;) {
      const socket = connect(port, '127.0.0.1');
      const accepted = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      socket.destroy();
      if (accepted) return;
      await delay(10);
    }
  };
  await within(15, `port ${ports.join(', ')}`, Promise.race([Promise.all(ports.map(tryPort)), ended]));
}
