/**
 * A process that receives a flood and keeps one message in 1,000, so that what it holds can be measured: run with
 * --expose-gc. Prints what it kept and what its memory grew by meanwhile, in octets. The sender is a thread, whose memory
 * is not counted, but for inproc, which does not leave its thread.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as zmq from '../../src/index.ts';

const EVERY = 1000;
const [endpoint = '', way = '', size = '64', count = '0', learning = '0'] = process.argv.slice(2);
const collect = (globalThis as unknown as { gc: () => void }).gc;

async function settled(): Promise<number> {
  // What a collection finds may be freed by another thread, a moment later.
  for (let i = 0; i < 3; i++) {
    collect();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function sender(to: string): (messages: number) => Promise<void> {
  const push = new zmq.Push({ linger: 0 });
  push.connect(to);
  const body = Buffer.alloc(Number(size), 'x');
  return async (messages) => {
    for (let sent = 0; sent < messages; ) {
      while (sent < messages && push.trySend(body)) sent++;
      await push.waitWritable();
    }
  };
}

if (!isMainThread) {
  const send = sender(workerData as string);
  parentPort?.on('message', (messages: number) => void send(messages));
  // The rest is for the main thread.
  await new Promise(() => {});
}

const pull = new zmq.Pull();
await pull.bind(endpoint);
const to = pull.lastEndpoint as string;
const thread = to.startsWith('inproc')
  ? null
  : new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), workerData: to });
const flood = thread === null ? sender(to) : async (messages: number) => thread.postMessage(messages);

const kept: Buffer[] = [];
let received = 0;
function take(message: Buffer[]): void {
  if (++received % EVERY === 0) kept.push(message[0] as Buffer);
}

async function receive(messages: number): Promise<void> {
  const flooding = flood(messages);
  const end = received + messages;
  if (way === 'iterate') {
    for await (const message of pull) {
      take(message);
      if (received >= end) break;
    }
  }
  while (received < end) {
    for (const message of await pull.receiveBatch()) take(message);
  }
  await flooding;
}

// The code is compiled and optimised, pools are filled.
await receive(Number(count) / 3);
// Collections that the growth of memory would bring about later.
for (let done = 0; done < Number(learning); done += 25_000) {
  await receive(25_000);
  collect();
  await turn();
}
// What the process itself grows or shrinks by now and then, a compiled function or a larger table, is in one round and
// not in the others: what is kept is in all. The middle one counts.
const rounds: { kept: number; octets: number; grown: number }[] = [];
while (rounds.length < 3) {
  kept.length = 0;
  const before = await settled();
  await receive(Number(count));
  const grown = (await settled()) - before;
  const octets = kept.reduce((sum, body) => sum + body.length, 0);
  rounds.push({ kept: kept.length, octets, grown });
}
rounds.sort((a, b) => a.grown - b.grown);
console.log(JSON.stringify(rounds[1]));
pull.close();
process.exit();
