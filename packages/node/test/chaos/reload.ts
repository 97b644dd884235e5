/**
 * Reloads under load: routes come, change and go while messages pass through all of them, and one file in five is wrong.
 * Nothing is lost, connections of routes that did not change stay, and the node holds no more memory and handles at the
 * end than after the first reloads.
 */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Pull, Push } from '@zeroth/zmq';
import * as libzmq from 'zeromq';
import { idOf, messageOf } from '../support/oracle.ts';
import type { Random } from '../support/random.ts';
import { pause } from './load.ts';
import { ChaosNode, freeEndpoints } from './node.ts';
import type { Figures, Run } from './run.ts';

/** Messages of a producer between two looks at the event loop. */
const BURST = 50;
/** Reloads after which the node has seen everything once: from there on nothing may grow. */
const SETTLED = 0.2;
const MEMORY = 128 * 1024 * 1024;
const HANDLES = 8;

interface Producing {
  readonly name: string;
  sent: number;
  stop(): Promise<void>;
  close(): void;
}

/** Sends numbered messages as fast as they are taken. */
function produce(run: Run, name: string, push: Pick<Push, 'send' | 'close'>): Producing {
  let stopping = false;
  const producing: Producing = {
    name,
    sent: 0,
    stop: async () => {
      stopping = true;
      await loop;
    },
    close: () => push.close(),
  };
  const loop = (async () => {
    while (!stopping) {
      for (let left = BURST; left > 0 && !stopping; left -= 1) {
        const number = producing.sent + 1;
        await push.send([name, messageOf(run.random.seed, name, number).body]);
        producing.sent = number;
      }
      await pause(1);
    }
  })();
  return producing;
}

/** What arrived of whom. */
class Arrivals {
  readonly #seen = new Map<string, Uint8Array>();
  readonly #run: Run;
  distinct = 0;
  twice = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  take(frames: readonly Buffer[]): void {
    const name = String(frames[0]);
    const number = idOf(frames.at(-1) as Buffer)?.number ?? 0;
    const body = number === 0 ? null : messageOf(this.#run.random.seed, name, number).body;
    if (body === null || !body.equals(frames.at(-1) as Buffer)) {
      this.#run.report.add('stranger', `${name}: ${String(frames.at(-1)).slice(0, 40)}`);
      return;
    }
    let seen = this.#seen.get(name) ?? new Uint8Array(1024);
    if (seen.length <= number) {
      const longer = new Uint8Array(number * 2);
      longer.set(seen);
      seen = longer;
    }
    this.#seen.set(name, seen);
    if (seen[number] === 1) this.twice += 1;
    else this.distinct += 1;
    seen[number] = 1;
  }

  /** Numbers of a producer that did not arrive. */
  missing({ name, sent }: Producing): number[] {
    const seen = this.#seen.get(name) ?? new Uint8Array();
    const missing: number[] = [];
    for (let number = 1; number <= sent; number += 1) if (seen[number] !== 1) missing.push(number);
    return missing;
  }
}

/** The ends of a route: one that stays, and one that comes and goes. */
interface Ends {
  readonly frontend: readonly [string, string];
  readonly backend: readonly [string, string];
}

const PLAIN = ['fixed', 'varied', 'coming'] as const;
const DURABLE = ['kept', 'stored', 'comingkept', 'turned'] as const;
const ROUTES = [...PLAIN, ...DURABLE] as const;
type RouteName = (typeof ROUTES)[number];

/** A configuration: everything, or what `random` decides. */
function configOf(
  ends: Readonly<Record<RouteName, Ends>>,
  serial: number,
  random: Random | null,
): Record<string, unknown> {
  const yes = (chance: number): boolean => random === null || random.chance(chance);
  const route = (name: RouteName, second: boolean, more: object): [string, object] => {
    const { frontend, backend } = ends[name];
    const bind = ([one, two]: readonly [string, string], both: boolean): object => ({
      bind: both ? [one, two] : [one],
    });
    return [
      name,
      {
        pattern: 'pipeline',
        frontend: bind(frontend, second && yes(0.7)),
        backend: bind(backend, second && yes(0.7)),
        ...more,
      },
    ];
  };
  const stream = { fsync: 'interval', retain: { bytes: '2GiB' } };
  const count = (): number => 1_000_000 + (random?.between(0, 1000) ?? 0);
  const routes = [route('fixed', false, {}), route('kept', false, { stream })];
  // Always another one, so that each file that is right changes something.
  const changing = { sendHighWaterMark: 1000 + serial, heartbeatInterval: `${5 + (serial % 5)}s` };
  routes.push(route('varied', true, changing));
  routes.push(route('stored', true, { ...changing, stream: { ...stream, retain: { count: count() } } }));
  if (yes(0.6)) routes.push(route('coming', false, { receiveHighWaterMark: 100 + serial }));
  if (yes(0.6)) routes.push(route('comingkept', false, { stream }));
  routes.push(route('turned', false, yes(0.7) ? { stream } : {}));
  return {
    node: { name: 'chaos', dataDir: './data', stopTimeout: '60s' },
    log: { level: 'info', format: 'json' },
    routes: Object.fromEntries(routes),
  };
}

/** Files that have to be refused; `taken` is an endpoint that somebody else has. */
function wrong(good: string, serial: number, taken: string, random: Random): string {
  // The last of the routes, so that all else is there already when it fails.
  const more = (backend: string): string => {
    const config = JSON.parse(good) as { routes: Record<string, unknown> };
    const route = { pattern: 'pipeline', frontend: { bind: taken }, backend: { bind: backend } };
    return JSON.stringify({ ...config, routes: { ...config.routes, more: route } }, null, 2);
  };
  const all: readonly (() => string)[] = [
    () => '',
    () => good.slice(0, good.length / 2),
    () => good.replace('"pattern"', '"patern"'),
    () => good.replace('"stopTimeout": "60s"', '"stopTimeout": "soon"'),
    () => `a: &a { b: *a }\n# ${serial}`,
    () => good.replace('"log":', '"log": {}, "log":'),
    () => more(taken),
    () => more('tcp://127.0.0.1:*'),
  ];
  return `${(all[random.between(0, all.length - 1)] as () => string)()}\n# ${serial}\n`;
}

/** Memory and handles of a process, where the system tells (Linux). */
async function sizeOf(pid: number): Promise<{ rss: number; handles: number }> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const handles = (await readdir(`/proc/${pid}/fd`)).length;
    return { rss: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024, handles };
  } catch {
    return { rss: 0, handles: 0 };
  }
}

async function occupy(endpoint: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(endpoint.split(':').at(-1)), '127.0.0.1', resolve);
  });
  return server;
}

export async function reload(run: Run): Promise<Figures> {
  const { random, limits, report } = run;
  const node = run.use(await ChaosNode.create({ streams: [], segment: 1 }, random, report));
  const file = join(node.dir, 'zeroth.yaml');
  const free = await freeEndpoints(ROUTES.length * 4 + 1, random);
  const take = (): [string, string] => [free.pop() as string, free.pop() as string];
  const ends = Object.fromEntries(
    ROUTES.map((name) => [name, { frontend: take(), backend: take() }]),
  ) as unknown as Record<RouteName, Ends>;
  const taken = free.pop() as string;
  const occupier = await occupy(taken);
  const all = configOf(ends, 0, null);
  await writeFile(file, JSON.stringify(all, null, 2));
  await node.start();

  // Untouched routes: nobody may be parted from.
  let parted = 0;
  const arrivals = new Arrivals(run);
  const patience = { reconnectInterval: 10, reconnectMaxInterval: 200 };
  const pulls: Pull[] = [];
  const producers: Producing[] = [];
  const pulling: Promise<void>[] = [];
  for (const name of ROUTES) {
    const { frontend, backend } = ends[name];
    const untouched = name === 'fixed' || name === 'kept';
    const second = name === 'varied' || name === 'stored';
    for (const endpoint of second ? backend : backend.slice(0, 1)) {
      const pull = new Pull({ linger: 0, ...patience });
      if (untouched) pull.events.on('disconnect', () => (parted += 1));
      pull.connect(endpoint);
      pulls.push(pull);
      pulling.push(
        (async () => {
          for await (const frames of pull) arrivals.take(frames);
        })(),
      );
    }
    for (const [index, endpoint] of (second ? frontend : frontend.slice(0, 1)).entries()) {
      const push = new Push({ linger: 0, ...patience });
      if (untouched) push.events.on('disconnect', () => (parted += 1));
      push.connect(endpoint);
      producers.push(produce(run, `${name}-${index}`, push));
    }
    if (!untouched) continue;
    const theirs = new libzmq.Push({ linger: 0 });
    theirs.events.on('disconnect', () => (parted += 1));
    theirs.connect(frontend[0]);
    producers.push(produce(run, `${name}-libzmq`, theirs as unknown as Push));
  }
  const sent = (): number => producers.reduce((sum, each) => sum + each.sent, 0);
  await run.until(
    'the first messages',
    () => arrivals.distinct,
    () => arrivals.distinct > 1000,
  );

  const decide = random.fork('reloads');
  let applied = 0;
  let refused = 0;
  let before: Awaited<ReturnType<typeof sizeOf>> | null = null;
  let peak = 0;
  for (let serial = 1; serial <= limits.kills && !run.over; serial += 1) {
    const good = `${JSON.stringify(configOf(ends, serial, decide), null, 2)}\n`;
    const bad = serial % 5 === 0;
    const event = bad ? 'config:refused' : 'config:applied';
    const count = node.told(event);
    await write(file, bad ? wrong(good, serial, taken, decide) : good, decide.chance(0.5));
    const answered = (): boolean => node.told(event) > count;
    if (!(await run.until(`reload ${serial} (${event})`, () => node.told(event), answered))) break;
    if (bad) refused += 1;
    else applied += 1;
    const size = await sizeOf(node.pid);
    peak = Math.max(peak, size.rss);
    if (serial === Math.ceil(limits.kills * SETTLED))
      before = await settled(run, node, file, all, arrivals, 1);
    run.progress(`${serial}/${limits.kills} reloads, ${arrivals.distinct} of ${sent()} messages`);
  }

  // Everything is back: what waits anywhere has a way.
  const after = await settled(run, node, file, all, arrivals, 2);
  await Promise.all(producers.map((each) => each.stop()));
  await run.until(
    'the last messages',
    () => arrivals.distinct,
    () => arrivals.distinct >= sent(),
  );
  for (const each of producers) {
    const missing = arrivals.missing(each);
    if (missing.length === 0) continue;
    const some = missing.slice(0, 5).join(', ');
    for (let left = missing.length; left > 0; left -= 1)
      report.add('missing', `${each.name}: ${missing.length} of ${each.sent}, among them ${some}`);
  }
  const cut = parted;
  if (cut > 0) report.add('died', `${cut} connections of routes that did not change were cut`);
  if (before !== null && after.rss > before.rss + MEMORY)
    report.add('stuck', `memory grew from ${before.rss} to ${after.rss}`);
  if (before !== null && after.handles > before.handles + HANDLES)
    report.add('stuck', `handles grew from ${before.handles} to ${after.handles}`);
  for (const each of producers) each.close();
  for (const pull of pulls) pull.close();
  await Promise.allSettled(pulling);
  occupier.close();
  await node.stop();
  const megabytes = (bytes: number): number => Math.round(bytes / 1024 / 1024);
  return {
    applied,
    refused,
    messages: sent(),
    lost: sent() - arrivals.distinct,
    twice: arrivals.twice,
    'untouched connections cut': cut,
    'MB after a fifth, at the end, at most': `${megabytes(before?.rss ?? 0)}, ${megabytes(after.rss)}, ${megabytes(peak)}`,
    'handles after a fifth, at the end': `${before?.handles ?? 0}, ${after.handles}`,
  };
}

/** As editors do it: a new file in place of the old one, or the old one written over. */
async function write(file: string, text: string, replace: boolean): Promise<void> {
  if (!replace) {
    await writeFile(file, text);
    return;
  }
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** The whole configuration runs, and messages pass: what the node is like then can be compared. */
async function settled(
  run: Run,
  node: ChaosNode,
  file: string,
  all: Record<string, unknown>,
  arrivals: Arrivals,
  time: number,
): Promise<{ rss: number; handles: number }> {
  const count = node.told('config:applied');
  const changed = { ...(all.node as object), stopTimeout: `${60_000 + time}ms` };
  const text = `${JSON.stringify({ ...all, node: changed })}\n`;
  await write(file, text, true);
  await run.until(
    'everything back',
    () => 0,
    () => node.told('config:applied') > count,
  );
  const goal = arrivals.distinct + 5000;
  await run.until(
    'messages',
    () => arrivals.distinct,
    () => arrivals.distinct >= goal,
  );
  return await sizeOf(node.pid);
}
