/**
 * Nothing is broken: load in bursts over routes of each pattern, with peers of both libraries and short heartbeats. Health
 * must not call anybody silent or slow, and nobody may be cut off.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as zeroth from '@zeroth/zmq';
import * as libzmq from 'zeromq';
import type { Random } from '../support/random.ts';
import { pause } from './load.ts';
import { ChaosNode, freeEndpoints } from './node.ts';
import type { Figures, Run } from './run.ts';

/** A route and where its consumers connect to. */
export interface Line {
  readonly pattern: 'pipeline' | 'pubsub' | 'reqrep';
  readonly frontend: string;
  readonly backend: string;
}

/** Name, pattern and further keys. The last one has the heartbeats that everybody has. */
const ROUTES: readonly (readonly [name: string, pattern: Line['pattern'], more: object])[] = [
  ['jobs', 'pipeline', { heartbeatInterval: '500ms' }],
  ['orders', 'reqrep', { heartbeatInterval: '1s', timeout: '10s' }],
  ['telemetry', 'pubsub', { heartbeatInterval: '1s' }],
  [
    'kept',
    'pipeline',
    { heartbeatInterval: '2s', stream: { fsync: 'interval', retain: { bytes: '64MiB' } } },
  ],
  ['plain', 'pipeline', {}],
];
/** What must not happen while nothing is wrong. */
const ALARMS: readonly string[] = ['peer:silent', 'peer:slow', 'peer:gone', 'peer:failed'];
const PEERS = fileURLToPath(new URL('calm-peers.js', import.meta.url));
const LIBRARIES = ['libzmq', 'zeroth'] as const;
const NAP: readonly [number, number] = [1000, 3000];

/** Sends in bursts, most of them small, with pauses between them, some of them long. */
class Producer {
  sent = 0;
  answered = 0;
  #stopping = false;
  readonly #random: Random;
  readonly #socket: zeroth.Push | zeroth.Dealer | zeroth.Publisher;
  readonly #done: Promise<unknown>;
  readonly #body = Buffer.alloc(65_536, 'x');

  constructor({ pattern, frontend }: Line, library: (typeof LIBRARIES)[number], random: Random) {
    const { Dealer, Publisher, Push } = library === 'libzmq' ? (libzmq as unknown as typeof zeroth) : zeroth;
    this.#random = random;
    const socket = pattern === 'reqrep' ? new Dealer() : pattern === 'pubsub' ? new Publisher() : new Push();
    socket.linger = 0;
    socket.connect(frontend);
    this.#socket = socket;
    this.#done = Promise.allSettled([
      this.#send(),
      pattern === 'reqrep' ? this.#receive(socket as zeroth.Dealer) : null,
    ]);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#socket.close();
    await this.#done;
  }

  async #send(): Promise<void> {
    const random = this.#random;
    const asks = this.#socket instanceof zeroth.Dealer || this.#socket instanceof libzmq.Dealer;
    while (!this.#stopping) {
      const burst = random.chance(0.01) ? 20_000 : random.between(1, 500);
      for (let left = burst; left > 0 && !this.#stopping; left -= 1) {
        const size = random.chance(0.01) ? 65_536 : random.between(1, random.chance(0.2) ? 4096 : 200);
        const body = this.#body.subarray(0, size);
        await this.#socket.send(asks ? ['', body] : body);
        this.sent += 1;
        // What libzmq is given resolves at once: the rest of this process is there, too.
        if (left % 256 === 0) await pause(0);
      }
      await pause(random.chance(0.01) ? random.between(...NAP) : random.between(1, 50));
    }
  }

  async #receive(socket: zeroth.Dealer): Promise<void> {
    for await (const _ of socket) this.answered += 1;
  }
}

export async function calm(run: Run): Promise<Figures> {
  const node = run.use(await ChaosNode.create({ streams: [], segment: 1000 }, run.random, run.report));
  const endpoints = await freeEndpoints(2 * ROUTES.length, run.random.fork('calm'));
  const lines = ROUTES.map(([, pattern], index): Line => {
    const [frontend = '', backend = ''] = endpoints.slice(2 * index);
    return { pattern, frontend, backend };
  });
  const config = {
    node: { name: 'calm', dataDir: './data', stopTimeout: '5s' },
    log: { level: 'info', format: 'json' },
    routes: Object.fromEntries(
      ROUTES.map(([name, pattern, more], index) => {
        const { frontend, backend } = lines[index] as Line;
        return [name, { pattern, frontend: { bind: frontend }, backend: { bind: backend }, ...more }];
      }),
    ),
  };
  // JSON is YAML.
  await writeFile(join(node.dir, 'zeroth.yaml'), JSON.stringify(config, null, 2));
  node.listener = (line) => {
    if (ALARMS.includes(line.event)) run.report.add('alarm', JSON.stringify(line));
  };
  await node.start();
  const got = LIBRARIES.map((library) => consumers(run, library, lines));
  const producers = LIBRARIES.flatMap((library) =>
    lines.map((line, index) => new Producer(line, library, run.random.fork(`${library} ${index}`))),
  );
  const total = (): number => got.reduce((sum, each) => sum + each.messages, 0);
  const sent = (): number => producers.reduce((sum, producer) => sum + producer.sent, 0);
  let stuck = false;
  while (!run.over && !stuck) {
    const before = total();
    stuck = !(await run.until('messages', total, () => total() > before));
    run.progress(`${sent()} sent, ${total()} arrived, ${alarmsOf(node)}`);
  }
  // Whoever leaves from here on is meant to.
  node.listener = null;
  const figures = { sent: sent(), arrived: total(), alarms: alarmsOf(node) };
  await Promise.all(producers.map((producer) => producer.stop()));
  for (const each of got) each.end();
  await node.stop();
  return figures;
}

function alarmsOf(node: ChaosNode): string {
  return ALARMS.map((event) => `${event} ${node.told(event)}`).join(', ');
}

function consumers(run: Run, library: string, lines: readonly Line[]): { messages: number; end(): void } {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS']) delete env[name];
  const child = spawn(process.execPath, [PEERS, library, JSON.stringify(lines)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env,
  });
  const counting = { messages: 0, end: () => void child.kill('SIGKILL') };
  run.use({ close: async () => counting.end() });
  createInterface({ input: child.stdout }).on('line', (line) => {
    counting.messages = Number(line);
  });
  return counting;
}
