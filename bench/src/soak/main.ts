/**
 * `npm run soak -- --minutes N`: sockets of all kinds come, talk and go over every transport, with and without CURVE,
 * while others stay and lose their connections again and again. Once a minute everything stands still for a moment, and
 * what the process holds is written down. Ends with 1 when memory, handles or listeners grew, or something failed.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Lane, startLane } from './lanes.ts';
import { collect, handles, listeners, MB, type Sample, verdict } from './look.ts';
import { EPISODES, type Place, Scene, streamEpisode } from './patterns.ts';
import { tlsOptions } from './tls.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    /** Episodes at a time. */
    width: { type: 'string', default: '4' },
    /** Only episodes and lanes whose name has this in it. */
    only: { type: 'string', default: '' },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes needs a number above 0');
// At least ten samples, so that a short run has a verdict, too.
const interval = Math.min(60_000, (minutes * 60_000) / 10);

let names = 0;
const files: string[] = [];
function ipcEndpoint(): string {
  const file = join(tmpdir(), `zeroth-soak-${process.pid}-${names++ % 64}.sock`);
  if (files.length < 64) files.push(file);
  return `ipc://${file}`;
}
const at = (name: string, curve: boolean, endpoint: () => string, options: object = {}): Place => ({
  name,
  curve,
  endpoint,
  options,
});
const places: readonly Place[] = [
  at('tcp', false, () => 'tcp://127.0.0.1:*'),
  at('tcp CURVE', true, () => 'tcp://127.0.0.1:*'),
  at('ipc', false, ipcEndpoint),
  at('ipc CURVE', true, ipcEndpoint),
  at('ws', false, () => 'ws://127.0.0.1:*'),
  at('ws CURVE', true, () => 'ws://127.0.0.1:*'),
  at('wss', false, () => 'wss://127.0.0.1:*', tlsOptions()),
  at('inproc', false, () => `inproc://soak-${names++}`),
];

const episodes: { name: string; run: () => Promise<void> }[] = places.flatMap((place) =>
  Object.entries(EPISODES).map(([kind, play]) => ({
    name: `${kind} ${place.name}`,
    run: async () => {
      const scene = new Scene(place);
      try {
        await play(scene);
      } finally {
        scene.close();
      }
    },
  })),
);
episodes.push({ name: 'stream tcp', run: streamEpisode });
const chosen = episodes.filter(({ name }) => name.includes(values.only));

let running = true;
let open: Promise<void> = Promise.resolve();
let played = 0;
let next = 0;
let busy = 0;
const failures = new Map<string, { count: number; text: string }>();

async function play(): Promise<void> {
  while (running && chosen.length > 0) {
    await open;
    const episode = chosen[next++ % chosen.length];
    if (episode === undefined || !running) return;
    busy++;
    try {
      await episode.run();
      played++;
    } catch (error) {
      const { count = 0 } = failures.get(episode.name) ?? {};
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failures.set(episode.name, { count: count + 1, text });
      // Not to be repeated at once for half an hour.
      await delay(100);
    }
    busy--;
  }
}

const lanes: Lane[] = [];

/** Holds everything, so that each sample is taken of the same state. */
async function still<T>(look: () => Promise<T>): Promise<T> {
  let go = (): void => {};
  open = new Promise((resolve) => {
    go = resolve;
  });
  for (const lane of lanes) lane.pause(true);
  while (busy > 0) await delay(10);
  // Closed connections take a second at most to be gone.
  await delay(1500);
  await collect();
  const result = await look();
  for (const lane of lanes) lane.pause(false);
  go();
  return result;
}

const begin = performance.now();
async function sample(): Promise<Sample> {
  return still(async () => {
    const { rss, heapUsed, external } = process.memoryUsage();
    return {
      minute: (performance.now() - begin) / 60_000,
      rss,
      heap: heapUsed,
      external,
      handles: handles().count,
      listeners: listeners(lanes.flatMap(({ sockets }) => sockets)),
      episodes: played,
      messages: lanes.reduce((sum, { received }) => sum + received, 0),
      cuts: lanes.reduce((sum, lane) => sum + lane.cuts(), 0),
    };
  });
}

const COLUMNS = [
  'minute',
  'rss',
  'heap',
  'external',
  'handles',
  'listeners',
  'episodes',
  'messages',
  'cuts',
] as const;
function print(of: Sample | null): void {
  const cells = COLUMNS.map((name) => {
    if (of === null) return name;
    const value = of[name];
    if (name === 'rss' || name === 'heap' || name === 'external') return `${(value / MB).toFixed(1)} MB`;
    return name === 'minute' ? value.toFixed(1) : String(value);
  });
  console.log(cells.map((cell) => cell.padStart(10)).join(''));
}

// What is loaded and set up once for the process is no leak.
for (const place of places) await episodes.find(({ name }) => name === `pipeline ${place.name}`)?.run();
await delay(2500);
await collect();
print(null);
const before = { ...handles(), listeners: listeners([]) };
for (const [kind, transport, curve] of [
  ['pipeline', 'tcp', false],
  ['pipeline', 'tcp', true],
  ['pipeline', 'ws', false],
  ['pubsub', 'tcp', false],
  ['pubsub', 'ws', true],
  ['routing', 'tcp', true],
  ['routing', 'ws', false],
] as const) {
  const name = `${kind} ${transport}${curve ? ' CURVE' : ''}`;
  if (name.includes(values.only)) lanes.push(await startLane(kind, transport, curve));
}
const players = Array.from({ length: Number(values.width) }, play);

const samples: Sample[] = [];
/** A lane that is silent for so long is broken, however busy the machine is. */
const SILENCE = 30_000;
const silent = new Set<string>();
const heard = lanes.map(() => ({ received: 0, at: begin }));
const end = begin + minutes * 60_000;
for (let due = begin + interval; due <= end + 1; due += interval) {
  await delay(Math.max(0, due - performance.now()));
  const taken = await sample();
  samples.push(taken);
  print(taken);
  lanes.forEach(({ name, received }, i) => {
    const last = heard[i];
    if (last?.received !== received) heard[i] = { received, at: performance.now() };
    else if (performance.now() - last.at >= SILENCE) silent.add(name);
  });
}
running = false;
await Promise.all(players);
for (const lane of lanes.splice(0)) await lane.end();
await delay(2500);
await collect();
const after = { ...handles(), listeners: listeners([]) };
for (const file of files) rmSync(file, { force: true });

const problems = verdict(samples);
if (after.count > before.count)
  problems.push(`handles at the end: ${after.text}; at the start: ${before.text || 'none'}`);
if (after.listeners > before.listeners) {
  problems.push(`listeners at the end: ${after.listeners}; at the start: ${before.listeners}`);
}
for (const name of silent) problems.push(`nothing arrived for ${SILENCE / 1000} s or more: ${name}`);
for (const [name, { count, text }] of failures) problems.push(`failed ${count} times: ${name}\n  ${text}`);
console.log(
  problems.length === 0
    ? `\nflat: memory, ${after.count} handles and ${after.listeners} listeners at the end as at the start`
    : `\nNOT flat:\n${problems.map((text) => `- ${text}`).join('\n')}`,
);
process.exit(problems.length === 0 ? 0 : 1);
