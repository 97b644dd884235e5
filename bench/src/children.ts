/**
 * The processes of one measurement.
 *
 * Guarantees: each wait for a line of a child has a deadline and fails with what the child wrote to standard error;
 * `end` resolves when every child of the stage is gone; a signal to the benchmark, or its end, takes them all along.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Child {
  readonly pid: number;
  /** The endpoints of its READY line; empty until it came. */
  readonly endpoints: readonly string[];
  /** What its RESULT line holds. */
  result(seconds: number): Promise<Record<string, number>>;
  /** Fails as soon as the child ends; never resolves. */
  readonly ended: Promise<never>;
}

const DEADLINE = 20;
const running = new Set<ChildProcess>();

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
process.once('exit', killAll);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => process.exit(code));
}

export async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Stage {
  readonly #children: ChildProcess[] = [];
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  /** Starts a program of ours that says READY, and waits until it does. */
  async start(command: readonly string[]): Promise<Child> {
    const lines = new Map<string, (text: string) => void>();
    const line = (word: string): Promise<string> => new Promise((resolve) => lines.set(word, resolve));
    const ready = line('READY');
    const result = line('RESULT');
    const { pid, ended } = this.launch([...command, '--child'], (text) => {
      const [word = ''] = text.split(' ', 1);
      lines.get(word)?.(text.slice(word.length + 1));
    });
    const name = command.slice(-4).join(' ');
    const endpoints = (await within(DEADLINE, name, Promise.race([ready, ended]))).split(' ');
    return {
      pid,
      endpoints,
      ended,
      result: async (seconds) => {
        const text = await within(seconds + DEADLINE, name, Promise.race([result, ended]));
        return JSON.parse(text) as Record<string, number>;
      },
    };
  }

  /** Starts any program. */
  launch(command: readonly string[], onLine: (text: string) => void): { pid: number; ended: Promise<never> } {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let errors = '';
    running.add(child);
    this.#children.push(child);
    child.stdin.on('error', () => {});
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-2000);
    });
    createInterface({ input: child.stdout }).on('line', onLine);
    const ended = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        running.delete(child);
        reject(new Error(`${command.slice(0, 4).join(' ')} ended (${signal ?? code}) ${errors.trim()}`));
      });
    });
    // Whoever waits for a line learns of it; the end at the end of a stage is nobody's failure.
    ended.catch(() => {});
    return { pid: child.pid ?? -1, ended };
  }

  /** To be done when all children are gone, the last first. */
  atEnd(cleanup: () => Promise<void> | void): void {
    this.#cleanups.unshift(cleanup);
  }

  /** Kills what was started: each has said what it had to say. */
  async end(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }),
    );
    for (const cleanup of this.#cleanups) await cleanup();
  }
}
