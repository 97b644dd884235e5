/**
 * Memory of a relay as the operating system sees it: resident set size of its process.
 *
 * Guarantees: the connections are bare TCP with just enough ZMTP 3.0 to be let in, so that nothing of ours or of libzmq
 * at the other end shapes the figure.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './children.ts';
import { within } from './children.ts';
import type { Outcome, StartRelay, Work } from './works.ts';

const SETTLE = 1500;
const MIB = 1024 * 1024;

/** Bytes. */
function residentSize(pid: number): number {
  if (process.platform === 'linux') {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kib) * 1024;
  }
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024;
}

/** Greeting, READY of a SUB, and one subscription in the form of ZMTP 3.0. */
function subscriberBytes(prefix: string): Buffer {
  const greeting = Buffer.alloc(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  greeting.write('NULL', 12, 'latin1');
  const ready = Buffer.from('\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB', 'latin1');
  const subscription = Buffer.from(`\x01${prefix}`, 'latin1');
  return Buffer.concat([
    greeting,
    Buffer.from([0x04, ready.length]),
    ready,
    Buffer.from([0x00, subscription.length]),
    subscription,
  ]);
}

/** Connects, and resolves when the other side has sent its greeting and its READY. Then it never reads again. */
async function rawSubscriber(stage: Stage, endpoint: string, prefix: string): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  const socket: Socket = connect(Number(port), hostname);
  stage.atEnd(() => void socket.destroy());
  socket.write(subscriberBytes(prefix));
  await new Promise<void>((resolve, reject) => {
    let bytes = 0;
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes < 64 + 2 + 6) return;
      socket.pause();
      resolve();
    });
  });
}

async function open(stage: Stage, endpoint: string, from: number, to: number): Promise<void> {
  const all = Array.from({ length: to - from }, (_, i) =>
    rawSubscriber(stage, endpoint, `idle.${from + i}.`),
  );
  await within(20, 'idle connections', Promise.all(all));
}

function outcome(value: number): Outcome {
  return { value, p99: null };
}

/** MB of a relay with nothing to do. */
export function idleMemory(relay: StartRelay): Work {
  return async (stage) => {
    const { pid } = await relay(stage, 'pubsub', null);
    await delay(SETTLE);
    return outcome(residentSize(pid) / MIB);
  };
}

/** KB that each of 1,000 connections adds, after 100 others. */
export function connectionMemory(relay: StartRelay): Work {
  return async (stage) => {
    const { pid, back } = await relay(stage, 'pubsub', null);
    await open(stage, back, 0, 100);
    await delay(SETTLE);
    const before = residentSize(pid);
    await open(stage, back, 100, 1100);
    await delay(SETTLE);
    return outcome((residentSize(pid) - before) / 1000 / 1024);
  };
}

/** MB that the peak lies over the idle relay while one subscriber reads and one does not. */
export function stalledMemory(relay: StartRelay, libzmq: readonly string[], megabytes: number): Work {
  return async (stage) => {
    const { pid, front, back } = await relay(stage, 'pubsub', null);
    await within(20, 'stalled subscriber', rawSubscriber(stage, back, ''));
    await delay(SETTLE);
    const before = residentSize(pid);
    // In flight stays well under the default mark of 1000, so that the reading subscriber gets all of it.
    const paced = ['--window', '400'];
    const count = ['--count', String(megabytes * 1024)];
    const pub = await stage.start([...libzmq, 'pub', front, '1024', '--connect', ...paced, ...count]);
    const acks = pub.endpoints[1] ?? '';
    await stage.start([...libzmq, 'sub', back, '--acks', acks, '--time', '600', ...paced]);
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, residentSize(pid));
    }, 20);
    try {
      await pub.result(60);
    } finally {
      clearInterval(timer);
    }
    return outcome((Math.max(peak, residentSize(pid)) - before) / MIB);
  };
}
