/** A node as a process, for examples that need one. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface RunningNode {
  /** `pipeline frontend`, `sessions`: where they are bound. */
  readonly endpoints: ReadonlyMap<string, string>;
  /** `kill -9`, and a new one with the same data at the same address for sessions. */
  restart(): Promise<RunningNode>;
  stop(): Promise<void>;
}

/** `zeroth run` with a route of each pattern, the stream `events` and sessions, on free ports. */
export async function startNode(sessions: 'tcp' | 'ws' = 'tcp'): Promise<RunningNode> {
  const dir = await mkdtemp(join(tmpdir(), 'zeroth-examples-'));
  return nodeIn(dir, `${sessions}://127.0.0.1:${await freePort()}`);
}

/** One that no system gives out by itself: nobody takes it while a node starts again. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

const MAIN = fileURLToPath(new URL('../../../packages/node/dist/cli/main.js', import.meta.url));

async function nodeIn(dir: string, sessions: string): Promise<RunningNode> {
  const side = 'bind: "tcp://127.0.0.1:0"';
  const route = (pattern: string): string =>
    `  ${pattern}: { pattern: ${pattern}, frontend: { ${side} }, backend: { ${side} } }\n`;
  const routes = ['pubsub', 'reqrep', 'pipeline'].map(route).join('');
  const file = join(dir, 'zeroth.yaml');
  await writeFile(file, `routes:\n${routes}streams: { events: }\nsessions: { bind: "${sessions}" }\n`);
  const node = spawn(process.execPath, [MAIN, 'run', file]);
  node.stdout.resume();
  let log = '';
  for await (const chunk of node.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    log += chunk as string;
    if (/"event":"ready".*\n/.test(log)) break;
  }
  node.stderr.resume();
  const endpoints = new Map<string, string>();
  for (const line of log.split('\n').filter((text) => /"event":"(route:)?ready"/.test(text))) {
    const { pattern, ...sides } = JSON.parse(line) as Record<string, string | [string]>;
    for (const name of ['frontend', 'backend', 'sessions'])
      if (sides[name] !== undefined)
        endpoints.set(name === 'sessions' ? name : `${pattern} ${name}`, sides[name][0] as string);
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    node.kill(signal);
    if (node.exitCode === null && node.signalCode === null) await once(node, 'close');
  };
  const stop = async (): Promise<void> => {
    await end('SIGTERM');
    await rm(dir, { recursive: true, force: true });
  };
  const restart = async (): Promise<RunningNode> => {
    await end('SIGKILL');
    return nodeIn(dir, String(endpoints.get('sessions')));
  };
  return { endpoints, restart, stop };
}
