/**
 * Memory of a relay as the operating system sees it: resident set size of its process.
 *
 * Guarantees: the connections are bare TCP with just enough ZMTP 3.0 to be let in, so that nothing of ours or of libzmq
 * at the other end shapes the figure.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './children.ts';
import { within } from './children.ts';
import type { StartRelay } from './servers.ts';
import type { Outcome, Work } from './works.ts';

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

/** Greeting and READY of a SUB, as ZMTP 3.0 has them. */
function handshake(): Buffer {
  const greeting = Buffer.alloc(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  greeting.write('NULL', 12, 'latin1');
  const ready = Buffer.from('\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB', 'latin1');
  return Buffer.concat([greeting, Buffer.from([0x04, ready.length]), ready]);
}

/** Connects, waits for READY, subscribes, and never reads again. */
async function rawSubscriber(stage: Stage, endpoint: string, prefix: string): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  const socket = connect(Number(port), hostname);
  stage.atEnd(() => void socket.destroy());
  socket.write(handshake());
  await new Promise<void>((resolve, reject) => {
    let seen = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the relay refused a bare subscriber')));
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      // 64 bytes of greeting, then the flags and the length of READY.
      if (seen.length < 66 || seen.length < 66 + seen.readUInt8(65)) return;
      socket.pause();
      // Not earlier: libzmq closes a connection on which traffic comes before it has sent its own READY.
      const subscription = Buffer.from(`\x01${prefix}`, 'latin1');
      socket.write(Buffer.concat([Buffer.from([0x00, subscription.length]), subscription]));
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
    const { pid, front, back } = await relay(stage, 'pubsub', 10_000);
    await within(20, 'stalled subscriber', rawSubscriber(stage, back, ''));
    await delay(SETTLE);
    const before = residentSize(pid);
    // Well under half of the mark (see PACED_HWM), so that the subscriber that reads gets all of it.
    const paced = ['--hwm', '10000', '--window', '2000'];
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
