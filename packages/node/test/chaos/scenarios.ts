/** What is done to a node and its clients; each ends with the same questions (`finish` in run.ts). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FaultProxy } from '../support/fault-proxy.ts';
import { ROUGH } from '../support/faults.ts';
import { pause } from './load.ts';
import { ChaosNode } from './node.ts';
import { type Figures, finish, Load, type Run, STREAM } from './run.ts';

export type Scenario = (run: Run) => Promise<Figures>;

/** Milliseconds between the bursts of a producer, at most. */
const PACE = 25;

/**
 * Segments are small, so that a run has several of them. What is kept is eight times as much, which has to be more than
 * a run publishes: retention would take what the oracle looks for. `perKill` is about a third of what comes in between.
 */
async function nodeOf(run: Run, perKill = 500): Promise<ChaosNode> {
  const segment = 500 + perKill * run.limits.kills;
  const node = run.use(await ChaosNode.create({ streams: [STREAM], segment }, run.random, run.report));
  await node.start();
  return node;
}

/** Kill -9 of the node under load, again and again; now and then in the middle of a start. */
export async function killing(
  run: Run,
  node: ChaosNode,
  load: (records: number) => Promise<boolean>,
  halfway: () => Promise<void> = async () => undefined,
): Promise<void> {
  const random = run.random.fork('kills');
  const { kills } = run.limits;
  for (let count = 1; count <= kills && !run.over; count += 1) {
    if (!(await load(random.between(0, 1000)))) return;
    await pause(random.between(0, 200));
    await node.kill();
    await pause(random.between(0, 100));
    while (random.chance(0.15)) {
      await node.spawn();
      await pause(random.between(0, 300));
      await node.kill();
    }
    await node.start();
    if (count === Math.ceil(kills / 2)) await halfway();
    run.progress(`${count}/${kills} kills, ${run.oracle.acknowledged} acknowledged`);
  }
}

/** Kill -9 of the node. */
export async function kill(run: Run): Promise<Figures> {
  const node = await nodeOf(run);
  const load = await Load.start(run, node.sessions, PACE);
  await killing(
    run,
    node,
    (records) => run.load(records),
    () => load.late(),
  );
  const figures = await finish(run, node, load, []);
  return { kills: node.kills - 1, ...figures, ...nodeFigures(node) };
}

/** The fault proxy between clients and node. */
export async function proxy(run: Run): Promise<Figures> {
  const node = await nodeOf(run);
  const faulty = run.use(await FaultProxy.start(node.sessions, run.random.fork('proxy').seed, ROUGH));
  const load = await Load.start(run, faulty.endpoint, PACE);
  const cuts = 5 * run.limits.kills;
  const random = run.random.fork('loads');
  let late = false;
  while (faulty.counts.cuts < cuts && !run.over) {
    if (!(await run.load(random.between(100, 1000)))) break;
    if (!late && faulty.counts.cuts >= cuts / 2) {
      late = true;
      await load.late();
    }
    run.progress(`${faulty.counts.cuts}/${cuts} cuts, ${run.oracle.acknowledged} acknowledged`);
  }
  const { counts } = faulty;
  const figures = await finish(run, node, load, [faulty]);
  return { cuts: counts.cuts, late: counts.late, stalls: counts.stalls, ...figures, ...nodeFigures(node) };
}

/** Kill -9 and the fault proxy at once. */
export async function both(run: Run): Promise<Figures> {
  const node = await nodeOf(run);
  const faulty = run.use(await FaultProxy.start(node.sessions, run.random.fork('proxy').seed, ROUGH));
  const load = await Load.start(run, faulty.endpoint, PACE);
  await killing(
    run,
    node,
    (records) => run.load(records),
    () => load.late(),
  );
  const { cuts, late, stalls } = faulty.counts;
  const figures = await finish(run, node, load, [faulty]);
  return { kills: node.kills - 1, cuts, late, stalls, ...figures, ...nodeFigures(node) };
}

/** The node stands still for a while (SIGSTOP), shorter and longer than its clients are patient. */
export async function freeze(run: Run): Promise<Figures> {
  const node = await nodeOf(run);
  const load = await Load.start(run, node.sessions, PACE);
  const random = run.random.fork('freezes');
  const { kills } = run.limits;
  let freezes = 0;
  for (; freezes < kills && !run.over; freezes += 1) {
    if (!(await run.load(random.between(0, 400)))) break;
    await node.freeze(random.chance(0.4) ? random.between(3000, 4500) : random.between(100, 1500));
    run.progress(`${freezes + 1}/${kills} freezes, ${run.oracle.acknowledged} acknowledged`);
  }
  const figures = await finish(run, node, load, []);
  return { freezes, ...figures, ...nodeFigures(node) };
}

const PRODUCER = fileURLToPath(new URL('producer.js', import.meta.url));

/** A producer is killed -9 and comes back with the same name. */
export async function client(run: Run): Promise<Figures> {
  const node = await nodeOf(run, 1500);
  const load = await Load.start(run, node.sessions, PACE);
  const random = run.random.fork('clients');
  const { oracle, limits } = run;
  const name = 'mortal';
  oracle.reached(name, 0);
  let kills = 0;
  let child: { process: ChildProcess; ended: Promise<void> } | null = null;
  let acknowledged = 0;
  const start = (): { process: ChildProcess; ended: Promise<void> } => {
    const process = spawnProducer(node.sessions, name, run.random.seed, oracle.last(name) + 1);
    const lines = createInterface({ input: process.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      const [kind, number, sequence] = line.split(' ');
      if (kind === 'p') oracle.reached(name, Number(number));
      else {
        acknowledged += 1;
        oracle.acked(name, Number(number), sequence === '0' ? null : Number(sequence));
      }
    });
    return { process, ended: once(lines, 'close').then(() => undefined) };
  };
  try {
    for (; kills < limits.kills && !run.over; kills += 1) {
      child = start();
      const goal = acknowledged + random.between(1, 600);
      const measure = (): number => acknowledged;
      if (!(await run.until('the producer that is killed', measure, () => acknowledged >= goal))) break;
      child.process.kill('SIGKILL');
      await child.ended;
      run.progress(`${kills + 1}/${limits.kills} kills of a client, ${oracle.acknowledged} acknowledged`);
    }
    // The last one may finish.
    child = start();
    const exit = once(child.process, 'exit');
    const goal = acknowledged + 100;
    await run.until(
      'the last producer',
      () => acknowledged,
      () => acknowledged >= goal,
    );
    child.process.stdin?.end();
    const [code] = (await exit) as [number | null];
    await child.ended;
    if (code !== 0) run.report.add('died', `the producer: exit code ${code}`);
  } finally {
    child?.process.kill('SIGKILL');
  }
  const figures = await finish(run, node, load, []);
  return { 'client kills': kills, ...figures, ...nodeFigures(node) };
}

function spawnProducer(endpoint: string, name: string, seed: number, first: number): ChildProcess {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const key of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS']) delete env[key];
  return spawn(process.execPath, [PRODUCER, endpoint, name, STREAM, String(seed), String(first)], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** What the node said of itself. */
export function nodeFigures(node: ChaosNode): Figures {
  const warnings = [...node.warnings].map(([event, count]) => `${event} ${count}`).join(', ');
  return {
    'slowest start': `${Math.round(node.slowest)} ms`,
    ...(warnings === '' ? {} : { warnings }),
  };
}
