/** What it costs a relay to be looked at: by Prometheus, and through a tap. */
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import type { Stage } from './children.ts';
import type { Peers } from './peers.ts';
import type { Row } from './row.ts';
import { DEFAULTS, NONE, ratio, side } from './row.ts';
import type { Command, WatchedNode } from './servers.ts';
import { bareNode, watchedNode } from './servers.ts';
import type { TurnTiming } from './windows.ts';
import { startLane, takeTurns, together } from './windows.ts';

const SIZE = 64;
const SCRAPE = 1000;

const nothing = async (): Promise<() => void> => () => {};

function open({ admin, token }: WatchedNode, path: string): Promise<IncomingMessage> {
  const headers = { Authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port: admin, path, headers, agent: false }, (answer) => {
      if (answer.statusCode === 200) resolve(answer);
      else reject(new Error(`${path} answered ${answer.statusCode}`));
    });
    request.once('error', reject);
  });
}

async function read(node: WatchedNode, path: string): Promise<void> {
  let octets = 0;
  for await (const chunk of await open(node, path)) octets += (chunk as Buffer).length;
  if (octets === 0) throw new Error(`${path} is empty`);
}

/** /metrics and /health, now and each second, as a Prometheus and a load balancer ask. */
async function scrape(node: WatchedNode): Promise<() => Promise<void>> {
  let failure: unknown = null;
  const once = async (): Promise<void> => {
    try {
      await read(node, '/metrics');
      await read(node, '/health');
    } catch (error) {
      failure = error;
    }
  };
  await once();
  const timer = setInterval(() => void once(), SCRAPE);
  return async () => {
    clearInterval(timer);
    if (failure !== null) throw failure;
  };
}

/** A reader of samples, as `zeroth tap` is one. */
async function tap(node: WatchedNode): Promise<() => void> {
  const answer = await open(node, '/v1/tap/bench');
  let lines = 0;
  answer.on('data', (chunk: Buffer) => {
    for (const octet of chunk) if (octet === 10) lines++;
  });
  answer.on('error', () => {});
  return () => {
    answer.destroy();
    if (lines < 10) throw new Error(`the tap showed ${lines} lines only`);
  };
}

export function lookRows({ zeroth, node }: Peers, quick: boolean): Row[] {
  const timing: TurnTiming = quick ? { time: 1.75, turns: 2 } : { time: 1.75, turns: 8 };
  const turns = `${timing.turns} turns of ${timing.time} s of each side in one measurement, taken as A B B A; both sides have their processes all the time.`;

  const metrics = (run: Command, driver: Command): ReturnType<typeof together> =>
    together(async (stage: Stage, same: boolean) => {
      const watched = await watchedNode(stage, run);
      const bare = same ? await watchedNode(stage, run) : await bareNode(stage, driver);
      const lanes = [
        await startLane(stage, driver, watched.front, watched.back, SIZE),
        await startLane(stage, driver, bare.front, bare.back, SIZE),
      ] as const;
      const begin = same ? nothing : () => scrape(watched);
      return takeTurns({ lane: lanes[0], begin }, { lane: lanes[1], begin: nothing }, timing);
    });

  const tapped = (run: Command, driver: Command): ReturnType<typeof together> =>
    together(async (stage: Stage, same: boolean) => {
      const watched = await watchedNode(stage, run);
      const lane = await startLane(stage, driver, watched.front, watched.back, SIZE);
      const begin = same ? nothing : () => tap(watched);
      return takeTurns({ lane, begin }, { lane, begin: nothing }, timing);
    });

  const both = (
    names: readonly [string, string],
    make: (run: Command, driver: Command) => ReturnType<typeof together>,
  ): Pick<Row, 'ours' | 'theirs'> => {
    const works = make(node.command ?? NONE, zeroth.command ?? NONE);
    return {
      ours: side(names[0], [node, zeroth], () => works.ours),
      theirs: side(names[1], [node, zeroth], () => works.theirs),
    };
  };

  return [
    {
      ...DEFAULTS,
      id: 'node-metrics-64:bare',
      title: 'node, pipeline, 64 B: with health and metrics, scraped each second',
      target: ratio(0.97),
      ...both(['zeroth run, scraped', 'its routes alone'], metrics),
      method: `PUSH and PULL of @zeroth/zmq (batch API), the node between them. Ours: \`zeroth run\`, whose /metrics and /health are read each second. Theirs: the same routes of the same build in a process without control API, health and metrics. ${turns}`,
    },
    {
      ...DEFAULTS,
      id: 'node-tap-64:none',
      title: 'node, pipeline, 64 B: with a tap attached',
      target: ratio(0.95),
      ...both(['zeroth run, tapped', 'the same node, no tap'], tapped),
      method: `As above, one node: a tap with its defaults (100 messages a second) is attached in every other turn. ${turns}`,
    },
  ];
}
