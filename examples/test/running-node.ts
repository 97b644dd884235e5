/** A node as a process, for examples that need one. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
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

/**
 * One that no system gives out by itself: nobody takes it while a node starts again. Tests have these in blocks of 50, and
 * who has bound the first of a block has the others.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const first = 10_000 + 50 * randomInt(440);
    const lock = await listen(first);
    lock?.unref();
    const server = lock && (await listen(first + 1));
    if (server === null) continue;
    server.close();
    await once(server, 'close');
    return first + 1;
  }
}

/** Null: somebody has it, or the system keeps it for itself, as Windows does with some. */
function listen(port: number): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
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
