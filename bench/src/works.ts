/**
 * The work of each row, for any side: which processes stand where, and which figure counts.
 *
 * Guarantees: a work is the same arrangement for ours and theirs; the receiver, or the requester, measures.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Child, Stage } from './children.ts';
import type { Command, StartRelay } from './servers.ts';
import { ANY, endpointOf, startNats } from './servers.ts';

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

/**
 * PUB drops at its mark, so pub/sub rows raise all marks alike and keep far fewer messages in flight. Half of the mark
 * would be too many: libzmq reports what was read in steps of half a mark, and a busy PUB looks at such reports about
 * once in a millisecond. At this window libzmq is as fast as it gets; a fifth of it halves its figure.
 */
const PACED_HWM = 200_000;
const PACED_WINDOW = 50_000;
const PACED: Command = ['--hwm', String(PACED_HWM), '--window', String(PACED_WINDOW)];

/** The timing as options of a driver. */
export function flags({ warm, time }: Timing): string[] {
  return ['--warm', String(warm), '--time', String(time)];
}

export async function rate(receiver: Child, { warm, time }: Timing): Promise<Outcome> {
  const { rate: value = 0 } = await receiver.result(warm + time);
  return { value, p99: null };
}

export async function latency(requester: Child, { warm, time }: Timing): Promise<Outcome> {
  const { p50 = 0, p99 = 0 } = await requester.result(warm + time);
  return { value: p50, p99 };
}

/** Where the side that binds binds. */
export type Place = (stage: Stage) => string;

const TCP: Place = () => ANY;
export const WS: Place = () => 'ws://127.0.0.1:*';
let places = 0;
export const IPC: Place = (stage) => {
  const file = join(tmpdir(), `zeroth-bench-${process.pid}-${places++}.sock`);
  // Who is killed leaves its file behind.
  stage.atEnd(() => rmSync(file, { force: true }));
  return `ipc://${file}`;
};

export function pushPull(
  peer: Command,
  timing: Timing,
  size: number,
  extra: Command = [],
  place: Place = TCP,
): Work {
  return async (stage) => {
    const pull = await stage.start([...peer, 'pull', place(stage), String(size), ...extra, ...flags(timing)]);
    await stage.start([...peer, 'push', endpointOf(pull), String(size), ...extra]);
    return rate(pull, timing);
  };
}

/** CURVE: the side that binds is the server. */
export function curvePushPull(peer: Command, timing: Timing, size: number, extra: Command = []): Work {
  return async (stage) => {
    const server = [...peer, 'pull', ANY, String(size), '--curve', 'server', ...extra];
    const pull = await stage.start([...server, ...flags(timing)]);
    await stage.start([...peer, 'push', endpointOf(pull), String(size), '--curve', 'client', ...extra]);
    return rate(pull, timing);
  };
}

const INPROC = 'inproc://bench';

/** Both ends in one process. */
export function inprocPushPull(peer: Command, timing: Timing, size: number, extra: Command = []): Work {
  return async (stage) => {
    const both = await stage.start([...peer, 'pushpull', INPROC, String(size), ...extra, ...flags(timing)]);
    return rate(both, timing);
  };
}

export function inprocRoundTrip(peer: Command, timing: Timing): Work {
  return async (stage) =>
    latency(await stage.start([...peer, 'reqrep', INPROC, '64', ...flags(timing)]), timing);
}

export function roundTrip(peer: Command, timing: Timing, place: Place = TCP): Work {
  return async (stage) => {
    const rep = await stage.start([...peer, 'rep', place(stage)]);
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
    const at = await startNats(stage, server, null);
    const sub = await stage.start([...client, 'nats-sub', at, '64', ...PACED, ...flags(timing)]);
    await stage.start([...client, 'nats-pub', at, '64', ...PACED]);
    return rate(sub, timing);
  };
}

export function natsRoundTrip(server: Command, client: Command, timing: Timing): Work {
  return async (stage) => {
    const at = await startNats(stage, server, null);
    await stage.start([...client, 'nats-rep', at]);
    return latency(await stage.start([...client, 'nats-req', at, '64', ...flags(timing)]), timing);
  };
}
