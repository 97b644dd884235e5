/**
 * Runs the built command line as a process; with ZEROTH_EXECUTABLE in the environment, the executable of that path.
 *
 * Guarantees: every process is ended with its test; waiting is for an event (a line, an exit), never for a time; a wait
 * that comes to nothing fails with everything that the process wrote.
 */

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export const MAIN: string = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** The nodes of this file's tests, and no others, are found by its commands. */
export const RUNTIME: string = mkdtempSync(join(tmpdir(), 'zeroth-run-'));
process.once('exit', () => rmSync(RUNTIME, { recursive: true, force: true }));

/** Long enough for a slow machine; reached only by a test that fails. */
const PATIENCE = 30_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Options of node itself. */
  readonly execArgv?: readonly string[];
}

export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<Ended>;
  readonly #args: readonly string[];
  readonly #watchers: Set<() => void> = new Set();
  #stdout = '';
  #stderr = '';
  #over = false;
  #limit: NodeJS.Timeout | null = null;

  constructor(args: readonly string[], options: CliOptions = {}) {
    this.#args = args;
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      NO_COLOR: '1',
      ZEROTH_RUNTIME_DIR: RUNTIME,
      ...options.env,
    };
    // The test runner's own variables would make a child report to it.
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'FORCE_COLOR']) delete env[name];
    const cwd = options.cwd === undefined ? {} : { cwd: options.cwd };
    // An executable takes no options of node: who has some means the built command line.
    const executable = options.execArgv === undefined ? process.env.ZEROTH_EXECUTABLE : undefined;
    const own = executable === undefined ? [...(options.execArgv ?? []), MAIN] : [];
    this.child = spawn(executable ?? process.execPath, [...own, ...args], { env, ...cwd });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#changed();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#changed();
    });
    // A tool that does not read its input may be gone before it is written.
    this.child.stdin.on('error', () => {});
    if (options.input !== undefined) this.child.stdin.end(options.input);
    this.#closed = this.#end();
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /**
   * How it ended. A process that somebody waits for does not go on for ever; one that a test only uses does, however long
   * the test takes.
   */
  get ended(): Promise<Ended> {
    if (!this.#over) this.#limit ??= setTimeout(() => this.child.kill('SIGKILL'), 2 * PATIENCE);
    return this.#closed;
  }

  /** Resolves with the match as soon as the text is there. */
  async waitFor(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    let match: RegExpExecArray | null = null;
    await this.until(`no ${pattern} on ${stream}`, () => {
      match = pattern.exec(this[stream]);
      return match !== null;
    });
    return match as unknown as RegExpExecArray;
  }

  /** Resolves as soon as `done` is true; asks again whenever the process has written something. */
  async until(failure: string, done: () => boolean): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#changed();
    }, PATIENCE);
    try {
      while (!done()) {
        if (this.#over || late) throw this.#failure(failure);
        await new Promise<void>((resolve) => this.#watchers.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }

  async #end(): Promise<Ended> {
    const [code, signal] = (await once(this.child, 'close')) as [number | null, NodeJS.Signals | null];
    this.#over = true;
    if (this.#limit !== null) clearTimeout(this.#limit);
    this.#changed();
    return { code, signal, stdout: this.#stdout, stderr: this.#stderr };
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
    this.#watchers.clear();
  }

  #failure(what: string): Error {
    const { exitCode } = this.child;
    return new Error(
      `zeroth ${this.#args.join(' ')}: ${what}; exit code ${exitCode}\n--- stdout\n${this.#stdout}\n--- stderr\n${this.#stderr}`,
    );
  }
}

/** What a test has started. Its hooks run in the order in which they were made, and folders come first. */
const started = new WeakMap<TestContext, Running[]>();

async function endAll(t: TestContext): Promise<void> {
  for (const running of started.get(t) ?? []) {
    if (running.child.exitCode === null && running.child.signalCode === null) running.child.kill('SIGKILL');
    await running.ended;
  }
}

/** Starts the command line; the test ends it if it did not end by itself. */
export function start(t: TestContext, args: readonly string[], options?: CliOptions): Running {
  const running = new Running(args, options);
  started.set(t, [...(started.get(t) ?? []), running]);
  t.after(() => endAll(t));
  return running;
}

/** Runs the command line to its end. Standard input is empty unless given. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  return new Running(args, { input: '', ...options }).ended;
}

/** A folder that is gone after the test. */
export async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'zeroth-e2e-'));
  t.after(async () => {
    // A node that still writes puts files into what is being removed.
    await endAll(t);
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
  });
  return path;
}

export interface RunningNode {
  readonly process: Running;
  /** The first bound endpoint of a side: `address('jobs', 'frontend')`. */
  address(route: string, side: 'frontend' | 'backend'): string;
  /** The lines of the log so far. */
  log(): LogLine[];
}

export type LogLine = { readonly event: string; readonly level: string } & Record<string, unknown>;

/** `zeroth run` on a configuration text; resolves when it is ready. */
export async function startNode(t: TestContext, yaml: string): Promise<RunningNode> {
  const dir = await folder(t);
  const file = join(dir, 'zeroth.yaml');
  await writeFile(file, yaml);
  const process = start(t, ['run', file]);
  await process.waitFor('stderr', /"event":"ready"/);
  const log = (): LogLine[] =>
    process.stderr
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  return {
    process,
    log,
    address: (route, side) => {
      const line = log().find((each) => each.event === 'route:ready' && each.route === route);
      const [address] = (line?.[side] ?? []) as string[];
      if (address === undefined) throw new Error(`route ${route} has no ${side}: ${process.stderr}`);
      return address;
    },
  };
}

const ANY = 'tcp://127.0.0.1:0';

/** One route of each pattern on free ports. `more` are further keys of each route, in flow style. */
export function threeRoutes(more = ''): string {
  const route = (name: string, pattern: string): string =>
    `  ${name}: { pattern: ${pattern}, frontend: { bind: "${ANY}" }, backend: { bind: "${ANY}" }${more} }\n`;
  return `routes:\n${route('telemetry', 'pubsub')}${route('orders', 'reqrep')}${route('jobs', 'pipeline')}`;
}

/** The JSON lines of a tool's standard output. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
