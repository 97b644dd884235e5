/**
 * A node as a process of its own that can be killed and started again: same ports, same data.
 *
 * Guarantees: it never outlives `close`; an end that nobody asked for is reported; the tail of its log is kept.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MAIN } from '../support/cli.ts';
import type { Report } from '../support/oracle.ts';
import type { Random } from '../support/random.ts';

/** How long a start may take, recovery included, in ms. */
const START = 30_000;
/** How long an orderly stop may take, in ms. */
const STOP = 20_000;
/** Lines of the log that are kept. */
const TAIL = 40;

export interface NodeOptions {
  /** Names of streams that stand alone. */
  readonly streams: readonly string[];
  /** Names of durable pipeline routes. */
  readonly pipelines?: readonly string[];
  /** Records of a segment. The streams keep eight times as many. */
  readonly segment: number;
}

export interface LogLine {
  readonly event: string;
  readonly level: string;
}

export class ChaosNode {
  readonly dir: string;
  readonly sessions: string;
  /** Frontend and backend of each pipeline route. */
  readonly routes: ReadonlyMap<string, { readonly frontend: string; readonly backend: string }>;
  /** Lines of level warn and above, by event. */
  readonly warnings: Map<string, number> = new Map();
  /** Is shown each line of the log. */
  listener: ((line: LogLine) => void) | null = null;
  readonly #told = new Map<string, number>();
  kills = 0;
  /** The longest time from the start of the process to "ready", in ms. */
  slowest = 0;
  readonly #report: Report;
  readonly #tail: string[] = [];
  #child: ChildProcess | null = null;
  #expected = false;

  private constructor(
    dir: string,
    sessions: string,
    routes: Map<string, { frontend: string; backend: string }>,
    report: Report,
  ) {
    this.dir = dir;
    this.sessions = sessions;
    this.routes = routes;
    this.#report = report;
  }

  /** Writes the configuration; nothing runs yet. */
  static async create(options: NodeOptions, random: Random, report: Report): Promise<ChaosNode> {
    const dir = await mkdtemp(join(tmpdir(), 'zeroth-chaos-'));
    const { streams, pipelines = [], segment } = options;
    const stream = { fsync: 'always', retain: { count: 8 * segment } };
    const [sessions = '', ...others] = await freeEndpoints(1 + 2 * pipelines.length, random);
    const routes = new Map(
      pipelines.map((name, index) => [
        name,
        { frontend: others[2 * index] as string, backend: others[2 * index + 1] as string },
      ]),
    );
    const config = {
      node: { name: 'chaos', dataDir: './data', stopTimeout: '5s' },
      log: { level: 'info', format: 'json' },
      sessions: { bind: sessions, heartbeatInterval: '1s' },
      streams: Object.fromEntries(streams.map((name) => [name, stream])),
      routes: Object.fromEntries(
        [...routes].map(([name, { frontend, backend }]) => [
          name,
          {
            pattern: 'pipeline',
            frontend: { bind: frontend },
            backend: { bind: backend },
            stream,
          },
        ]),
      ),
    };
    // JSON is YAML.
    await writeFile(join(dir, 'zeroth.yaml'), JSON.stringify(config, null, 2));
    return new ChaosNode(dir, sessions, routes, report);
  }

  get data(): string {
    return join(this.dir, 'data');
  }

  /** How often the log had this event. */
  told(event: string): number {
    return this.#told.get(event) ?? 0;
  }

  /** Of the process; 0 while there is none. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get tail(): readonly string[] {
    return this.#tail;
  }

  /** Starts the process; resolves as soon as it is there, which is before it is ready. */
  async spawn(): Promise<{ ready: Promise<boolean> }> {
    const started = performance.now();
    const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1' };
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'FORCE_COLOR']) delete env[name];
    const child = spawn(process.execPath, [MAIN, 'run', '--quiet', join(this.dir, 'zeroth.yaml')], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    this.#expected = false;
    let tell: (ready: boolean) => void = () => undefined;
    const ready = new Promise<boolean>((resolve) => {
      tell = resolve;
    });
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      if (this.#line(line)) {
        this.slowest = Math.max(this.slowest, performance.now() - started);
        tell(true);
      }
    });
    child.once('exit', (code, signal) => {
      if (this.#child === child) this.#child = null;
      tell(false);
      if (!this.#expected)
        this.#report.add('died', `the node: exit ${code}, ${signal}\n${this.#tail.join('\n')}`);
    });
    await once(child, 'spawn');
    return { ready };
  }

  /** Starts the process and waits until it is ready. */
  async start(): Promise<void> {
    const { ready } = await this.spawn();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), START);
    });
    const outcome = await Promise.race([ready, late]);
    clearTimeout(timer);
    if (outcome === true) return;
    this.#report.add('stuck', `the node was not ready after ${START} ms\n${this.#tail.join('\n')}`);
    throw new Error(`the node did not start:\n${this.#tail.join('\n')}`);
  }

  /** Kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.kills += 1;
    await this.#end('SIGKILL');
  }

  /** An orderly stop. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => {
      this.#report.add('stuck', `the node did not stop within ${STOP} ms\n${this.#tail.join('\n')}`);
      this.#child?.kill('SIGKILL');
    }, STOP);
    const code = await this.#end('SIGTERM');
    clearTimeout(timer);
    if (code !== 0)
      this.#report.add('died', `the node stopped with exit code ${code}\n${this.#tail.join('\n')}`);
  }

  /** Stops the process from running (SIGSTOP) for so long. */
  async freeze(ms: number): Promise<void> {
    const child = this.#child;
    child?.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, ms));
    child?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.#end('SIGKILL');
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) return 0;
    this.#expected = true;
    const exit = once(child, 'exit');
    child.kill(signal);
    const [code] = (await exit) as [number | null];
    return code;
  }

  /** Takes note of a line of the log; true for the one that says ready. */
  #line(line: string): boolean {
    this.#tail.push(line);
    if (this.#tail.length > TAIL) this.#tail.shift();
    if (!line.startsWith('{')) return false;
    const parsed = JSON.parse(line) as LogLine;
    const { event, level } = parsed;
    this.listener?.(parsed);
    this.#told.set(event, this.told(event) + 1);
    if (level === 'warn' || level === 'error' || level === 'fatal')
      this.warnings.set(event, (this.warnings.get(event) ?? 0) + 1);
    return event === 'ready';
  }
}

/**
 * Endpoints at which nobody listens now. Below the range that the system gives to outgoing connections: a client that
 * tries again and again while the node is away would be given its port sooner or later, and be connected to itself.
 */
export async function freeEndpoints(count: number, random: Random): Promise<string[]> {
  const found: string[] = [];
  // The process id keeps two runs with the same seed apart.
  const fork = random.fork(`ports ${process.pid}`);
  while (found.length < count) {
    const port = fork.between(12_000, 30_000);
    const endpoint = `tcp://127.0.0.1:${port}`;
    if (!found.includes(endpoint) && (await isFree(port))) found.push(endpoint);
  }
  return found;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) {
    server.close();
    await once(server, 'close');
  }
  return free;
}
