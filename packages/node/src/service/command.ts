/**
 * Runs the system's own commands: systemctl, launchctl, useradd.
 *
 * Guarantees: no shell in between; an answer is bounded in size and time; what fails says the command and its words.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ZerothError } from '../errors.ts';
import type { Ran, Run, Step } from './manager.ts';

const MAX_OUTPUT = 1024 * 1024;
/** Milliseconds. A stop waits for the messages that the service still delivers. */
const PATIENCE = 600_000;

export const runCommand: Run = (program, arguments_) =>
  new Promise((resolve, reject) => {
    // Their words are matched, and their pagers wait for a person.
    const env = { ...process.env, LC_ALL: 'C', SYSTEMD_PAGER: '', SYSTEMD_COLORS: '0' };
    const options = { env, maxBuffer: MAX_OUTPUT, timeout: PATIENCE, windowsHide: true };
    execFile(program, arguments_, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(new ZerothError('SERVICE_FAILED', `${program}: ${reasonOf(error)}`, { cause: error }));
    });
  });

function reasonOf(error: unknown): string {
  const { code, signal, message } = error as { code?: string; signal?: string; message: string };
  if (code === 'ENOENT') return 'there is no such command on this system';
  return signal === undefined || signal === null ? message : `did not end in time (${signal})`;
}

/** As somebody would type it. */
export function commandLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/** @throws ZerothError SERVICE_FAILED with what the command says, unless its code is 0 or one of `also`. */
export async function must(
  run: Run,
  words: readonly [string, ...string[]],
  also: readonly number[] = [],
): Promise<Ran> {
  const [program, ...arguments_] = words;
  const ran = await run(program, arguments_);
  if (ran.code === 0 || also.includes(ran.code)) return ran;
  const said = (ran.stderr.trim() || ran.stdout.trim()).slice(0, 2000);
  const what = `${commandLine(words)} failed with code ${ran.code}`;
  throw new ZerothError('SERVICE_FAILED', said === '' ? what : `${what}: ${said}`);
}

/** A step that is one command, and the one that takes it back. */
export function commandStep(
  run: Run,
  words: readonly [string, ...string[]],
  undo?: readonly [string, ...string[]],
): Step {
  const step = {
    what: commandLine(words),
    perform: async () => {
      await must(run, words);
    },
  };
  if (undo === undefined) return step;
  return {
    ...step,
    undo: async () => {
      await must(run, undo);
    },
  };
}

/** The lines that a command writes, until it ends or `signal` aborts. */
export async function* commandLines(
  words: readonly [string, ...string[]],
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const [program, ...arguments_] = words;
  const child = spawn(program, arguments_, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(0, 2000);
  });
  const ended = once(child, 'close').then(
    ([code]) => (code === 0 ? null : new Error(`code ${code}: ${said.trim()}`)),
    (error: unknown) => error,
  );
  let error: unknown;
  try {
    yield* createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
    error = await ended;
  } finally {
    // For a reader that stops early.
    child.kill();
    await ended;
  }
  if (error !== null && !signal.aborted)
    throw new ZerothError('SERVICE_FAILED', `${commandLine(words)}: ${reasonOf(error)}`, { cause: error });
}
