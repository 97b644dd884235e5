/**
 * The Windows that the tests run on: Wine on another system, or this one. `npm run test:windows` makes it.
 *
 * Guarantees: what a test starts, installs and makes is gone after the test; a wait is for a state, and one that comes to
 * nothing fails with what was there instead.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Seen } from './agent.ts';

interface Facts {
  /** Null: this is Windows. */
  readonly wine: string | null;
  readonly env?: NodeJS.ProcessEnv;
  /** C: as this system sees it. */
  readonly drive?: string;
  /** What Wine says of events. */
  readonly trace?: string;
  readonly repository: string;
  /** A folder for tests, as this system sees it. */
  readonly scratch: string;
  /** Paths of Windows from here on: node.exe, the folder with node_modules, zeroth.exe. */
  readonly node: string;
  readonly packages: string;
  readonly executable: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const { ZEROTH_WINDOWS } = process.env;
if (ZEROTH_WINDOWS === undefined) throw new Error('these tests are run by npm run test:windows');

export const facts: Facts = JSON.parse(ZEROTH_WINDOWS) as Facts;
export const { node, packages, executable } = facts;
/** The command line as a user has it without an executable. */
export const PACKAGED: readonly string[] = [node, `${packages}\\node_modules\\zeroth\\bin\\zeroth.js`];

/** Reached only by a test that fails. */
const PATIENCE = 60_000;

const environment: NodeJS.ProcessEnv = { ...process.env, ...facts.env, NO_COLOR: '1' };
for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'FORCE_COLOR', 'ZEROTH_WINDOWS'])
  delete environment[name];

/** A path of this system, as Windows has it. */
export function windows(path: string): string {
  if (facts.drive === undefined) return path;
  const inside = path.startsWith(`${facts.drive}/`);
  return (inside ? `C:${path.slice(facts.drive.length)}` : `Z:${path}`).replaceAll('/', '\\');
}

/** A path of Windows, as this system has it. */
export function here(path: string): string {
  return facts.drive === undefined ? path : join(facts.drive, path.slice(2).replaceAll('\\', '/'));
}

/** A folder that is gone after the test; its name has a blank. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(facts.scratch, 'a test '));
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }));
  return path;
}

export interface RunOptions {
  /** A path of this system. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly patience?: number;
}

let runs = 0;

/** Runs a program of Windows to its end. Its output goes to files: Wine's Node can't use a Unix pipe. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { child, output, done } = begin(command, options);
  const timer = setTimeout(() => child.kill('SIGKILL'), options.patience ?? PATIENCE);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  const ended = { code, stdout: output('out'), stderr: output('err') };
  done();
  return ended;
}

function begin(command: readonly string[], { cwd, env }: RunOptions) {
  const base = join(facts.scratch, `run-${process.pid}-${runs++}`);
  const out = openSync(`${base}.out`, 'w');
  const err = openSync(`${base}.err`, 'w');
  const [program = '', ...rest] = facts.wine === null ? command : [facts.wine, ...command];
  const child = spawn(program, rest, {
    cwd: cwd ?? facts.scratch,
    env: { ...environment, ...env },
    stdio: ['ignore', out, err],
  });
  closeSync(out);
  closeSync(err);
  const output = (which: 'out' | 'err'): string => readFileSync(`${base}.${which}`, 'utf8');
  const done = (): void => {
    for (const which of ['out', 'err']) rmSync(`${base}.${which}`, { force: true, maxRetries: 10 });
  };
  return { child, output, done };
}

/** `zeroth ARGS...`. */
export function zeroth(args: readonly string[], options?: RunOptions): Promise<Ended> {
  return run([...PACKAGED, ...args], options);
}

/** The same; fails unless it ends with 0. Its standard output. */
export async function good(args: readonly string[], program: readonly string[] = PACKAGED): Promise<string> {
  const { code, stdout, stderr } = await run([...program, ...args]);
  if (code !== 0) throw new Error(`zeroth ${args.join(' ')}: exit code ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Polls until `look` gives something else than null or false. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
): Promise<Exclude<T, null | false | undefined>> {
  for (const end = Date.now() + PATIENCE; ; ) {
    const value = await look();
    if (value !== null && value !== false && value !== undefined)
      return value as Exclude<T, null | false | undefined>;
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** What the service control manager says and does when it is asked without our code. */
export class Agent {
  readonly #send: (line: string) => void;
  readonly #waiting: ((line: string) => void)[] = [];
  /** Ends its process. */
  readonly close: () => Promise<void>;

  constructor(send: (line: string) => void, close: () => Promise<void>) {
    this.#send = send;
    this.close = close;
  }

  answered(line: string): void {
    this.#waiting.shift()?.(line);
  }

  /** A SERVICE_STATUS; `error: 1060` for a service that there is not. */
  query(name: string): Promise<Seen & { readonly error?: number }> {
    return this.#ask({ operation: 'query', name });
  }

  /** Starts it; every different status until START_PENDING is over. */
  start(name: string): Promise<readonly Seen[]> {
    return this.#ask({ operation: 'start', name });
  }

  control(name: string, control: number): Promise<{ readonly error: number }> {
    return this.#ask({ operation: 'control', name, control });
  }

  /** DeleteService. */
  remove(name: string): Promise<unknown> {
    return this.#ask({ operation: 'remove', name });
  }

  /** Starts and stops it: the status while it ran, and the last one. */
  cycle(name: string): Promise<readonly [Seen, Seen]> {
    return this.#ask({ operation: 'cycle', name, control: CONTROL.stop });
  }

  kill(pid: number): Promise<boolean> {
    return this.#ask({ operation: 'kill', pid });
  }

  /** A handle for {@link exitCode}. */
  open(pid: number): Promise<number> {
    return this.#ask({ operation: 'open', pid });
  }

  /** Also after the end of the process; 259 while it runs. */
  exitCode(handle: number): Promise<number> {
    return this.#ask({ operation: 'exitCode', handle });
  }

  alive(pid: number): Promise<boolean> {
    return this.#ask({ operation: 'alive', pid });
  }

  async #ask<T>(request: object): Promise<T> {
    this.#send(`${JSON.stringify(request)}\n`);
    const line = await new Promise<string>((resolve) => this.#waiting.push(resolve));
    const { result, failed } = JSON.parse(line) as { result: T; failed?: string };
    if (failed !== undefined) throw new Error(failed);
    return result;
  }
}

export const STATE = { stopped: 1, starting: 2, stopping: 3, running: 4, paused: 7 } as const;
export const CONTROL = { stop: 1, pause: 2, resume: 3, interrogate: 4, reload: 6 } as const;

let agent: Promise<Agent> | null = null;
after(async () => (await agent)?.close());

/** One for all tests of a file. */
export function manager(): Promise<Agent> {
  agent ??= startAgent();
  return agent;
}

async function startAgent(): Promise<Agent> {
  const script = windows(fileURLToPath(new URL('agent.js', import.meta.url)));
  const { child, output, done } = begin([node, script, packages], {});
  // Listened for from the start: it may be gone before anybody asks.
  const ended = once(child, 'exit');
  const port = await until('the port of the agent', () => {
    if (child.exitCode !== null) throw new Error(`the agent ended with ${child.exitCode}: ${output('err')}`);
    return /^(\d+)\s/.exec(output('out'))?.[1];
  });
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  const made = new Agent(
    (line) => void socket.write(line),
    async () => {
      // It ends with its connection.
      socket.end();
      await ended;
      done();
    },
  );
  createInterface(socket).on('line', (line) => made.answered(line));
  return made;
}
