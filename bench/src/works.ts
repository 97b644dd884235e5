/**
 * The work of each row, for any side: which processes stand where, and which figure counts.
 *
 * Guarantees: a work is the same arrangement for ours and theirs; the receiver, or the requester, measures.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from './children.ts';
import { type Stage, within } from './children.ts';

export interface Outcome {
  readonly value: number;
  readonly p99: number | null;
}

/** One measurement: everything that it starts belongs to the stage. */
export type Work = (stage: Stage) => Promise<Outcome>;

export interface Timing {
  readonly warm: number;
  readonly time: number;
}

/** What forwards between the two sides of a node row. */
export interface Relay {
  readonly pid: number;
  readonly front: string;
  readonly back: string;
}
export type StartRelay = (stage: Stage, pattern: Pattern, hwm: number | null) => Promise<Relay>;
export type Pattern = 'pipeline' | 'pubsub' | 'reqrep';

type Command = readonly string[];

const ANY = 'tcp://127.0.0.1:*';
/**
 * PUB drops at its mark, so pub/sub rows raise all marks alike and keep far fewer messages in flight. Half of the mark
 * would be too many: libzmq reports what was read in steps of half a mark, and a busy PUB looks at such reports about
 * once in a millisecond. At this window libzmq is as fast as it gets; a fifth of it halves its figure.
 */
const PACED_HWM = 200_000;
const PACED_WINDOW = 50_000;
const PACED: Command = ['--hwm', String(PACED_HWM), '--window', String(PACED_WINDOW)];

function flags({ warm, time }: Timing): string[] {
  return ['--warm', String(warm), '--time', String(time)];
}

function endpointOf(child: Child, index = 0): string {
  return child.endpoints[index] ?? '';
}

async function rate(receiver: Child, { warm, time }: Timing): Promise<Outcome> {
  const { rate: value = 0 } = await receiver.result(warm + time);
  return { value, p99: null };
}

async function latency(requester: Child, { warm, time }: Timing): Promise<Outcome> {
  const { p50 = 0, p99 = 0 } = await requester.result(warm + time);
  return { value: p50, p99 };
}

export function pushPull(peer: Command, timing: Timing, size: number, extra: Command = []): Work {
  return async (stage) => {
    const pull = await stage.start([...peer, 'pull', ANY, String(size), ...extra, ...flags(timing)]);
    await stage.start([...peer, 'push', endpointOf(pull), String(size), ...extra]);
    return rate(pull, timing);
  };
}

export function roundTrip(peer: Command, timing: Timing): Work {
  return async (stage) => {
    const rep = await stage.start([...peer, 'rep', ANY]);
    return latency(await stage.start([...peer, 'req', endpointOf(rep), '64', ...flags(timing)]), timing);
  };
}

export function inFlight(peer: Command, timing: Timing): Work {
  return async (stage) => {
    const router = await stage.start([...peer, 'router', ANY]);
    const dealer = [...peer, 'dealer', endpointOf(router), '64', '--window', '1000', ...flags(timing)];
    return rate(await stage.start(dealer), timing);
  };
}

export function pubSub(peer: Command, timing: Timing, subs: number, topics: number): Work {
  const spread = [...PACED, '--topics', String(topics)];
  return async (stage) => {
    const pub = await stage.start([...peer, 'pub', ANY, '64', ...spread]);
    const to = [endpointOf(pub), '--acks', endpointOf(pub, 1), '--subs', String(subs)];
    return rate(await stage.start([...peer, 'sub', ...to, ...spread, ...flags(timing)]), timing);
  };
}

export function relayedPushPull(relay: StartRelay, peer: Command, timing: Timing, size: number): Work {
  return async (stage) => {
    const { front, back } = await relay(stage, 'pipeline', null);
    const pull = await stage.start([...peer, 'pull', back, String(size), '--connect', ...flags(timing)]);
    await stage.start([...peer, 'push', front, String(size)]);
    return rate(pull, timing);
  };
}

export function relayedPubSub(
  relay: StartRelay,
  peer: Command,
  timing: Timing,
  subs: number,
  topics: number,
): Work {
  const spread = [...PACED, '--topics', String(topics)];
  return async (stage) => {
    const { front, back } = await relay(stage, 'pubsub', PACED_HWM);
    const pub = await stage.start([...peer, 'pub', front, '64', '--connect', ...spread]);
    const to = [back, '--acks', endpointOf(pub, 1), '--subs', String(subs)];
    return rate(await stage.start([...peer, 'sub', ...to, ...spread, ...flags(timing)]), timing);
  };
}

export function relayedInFlight(relay: StartRelay, peer: Command, timing: Timing): Work {
  return async (stage) => {
    const { front, back } = await relay(stage, 'reqrep', null);
    await stage.start([...peer, 'router', back, '--connect']);
    const dealer = [...peer, 'dealer', front, '64', '--window', '1000', ...flags(timing)];
    return rate(await stage.start(dealer), timing);
  };
}

export function relayedRoundTrip(relay: StartRelay, peer: Command, timing: Timing): Work {
  return async (stage) => {
    const { front, back } = await relay(stage, 'reqrep', null);
    await stage.start([...peer, 'rep', back, '--connect']);
    return latency(await stage.start([...peer, 'req', front, '64', ...flags(timing)]), timing);
  };
}

export function natsPubSub(server: Command, client: Command, timing: Timing): Work {
  return async (stage) => {
    const at = await startNats(stage, server);
    const sub = await stage.start([...client, 'nats-sub', at, '64', ...PACED, ...flags(timing)]);
    await stage.start([...client, 'nats-pub', at, '64', ...PACED]);
    return rate(sub, timing);
  };
}

export function natsRoundTrip(server: Command, client: Command, timing: Timing): Work {
  return async (stage) => {
    const at = await startNats(stage, server);
    await stage.start([...client, 'nats-rep', at]);
    return latency(await stage.start([...client, 'nats-req', at, '64', ...flags(timing)]), timing);
  };
}

async function startNats(stage: Stage, server: Command): Promise<string> {
  const [port] = await freePorts(1);
  const { ended } = stage.launch([...server, '-a', '127.0.0.1', '-p', String(port)], () => {});
  await listening([port ?? 0], ended);
  return `tcp://127.0.0.1:${port}`;
}

let scratch: string | null = null;

/** For the files of one node at a time; gone when the benchmark ends. */
function scratchFolder(): string {
  if (scratch !== null) return scratch;
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  scratch = folder;
  return folder;
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
    const file = join(scratchFolder(), 'zeroth.yaml');
    const marks = hwm === null ? '' : `    sendHighWaterMark: ${hwm}\n    receiveHighWaterMark: ${hwm}\n`;
    writeFileSync(
      file,
      `node: { name: bench, dataDir: ./data }
routes:
  bench:
    pattern: ${pattern}
    frontend: { bind: "tcp://127.0.0.1:${front}" }
    backend: { bind: "tcp://127.0.0.1:${back}" }
${marks}`,
    );
    const { pid, ended } = stage.launch([...node, file], () => {});
    await listening([front, back], ended);
    return { pid, front: `tcp://127.0.0.1:${front}`, back: `tcp://127.0.0.1:${back}` };
  };
}

async function freePorts(count: number): Promise<number[]> {
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
