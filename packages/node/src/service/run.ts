/**
 * Runs a program as a service: of Windows, systemd or launchd, or at a terminal. One code path for all of them.
 *
 * Guarantees: an error that nobody catches is one event with its stack, and exit code 1, so that the system starts the
 * program anew; the process ends when the service has ended, whatever it has left open.
 */
import { isatty } from 'node:tty';
import { messageOf, ZerothError } from '../errors.ts';
import type { ServiceHost } from './host.ts';
import { createJournal } from './journal.ts';
import { guardExit } from './left-open.ts';
import { openHost } from './open-host.ts';
import type { Service } from './program.ts';
import type { RunnerOptions } from './runner.ts';
import { Runner } from './runner.ts';
import { signalHost } from './signals.ts';

export interface RunAsServiceOptions {
  /** The name it is installed under, if it is not that of the service. */
  readonly name?: string;
}

/**
 * Runs `service` until it is stopped, fails or crashes, and sets the exit code of the process: 0 after a stop that was asked
 * for; that of the error (`exitCode`, 1 to 255), else 1, after a failure; 130 or 143 after a second signal; 1 after a
 * crash, and when a stop took more than `stopTimeout` and 10 s. Then the process ends within 2 s, with a warning that says
 * what is open if it has to be forced.
 *
 * What controls it: the service control manager on Windows, when standard input is no terminal and it started the program;
 * else signals: SIGTERM and SIGINT stop, SIGHUP reloads, SIGTSTP pauses and SIGCONT resumes (these two when standard input
 * is no terminal). systemd is told each state, and its watchdog is served while `alive` says so.
 *
 * @returns the exit code. Rejects when it is called a second time: it is for the whole life of a process.
 *
 * @example
 * ```ts
 * import { runAsService } from 'zeroth/service';
 *
 * const timer: { id?: NodeJS.Timeout } = {};
 * await runAsService({
 *   name: 'clock',
 *   start: async ({ event }) => {
 *     timer.id = setInterval(() => event('info', 'tick', { at: new Date().toISOString() }), 60_000);
 *   },
 *   stop: async () => clearInterval(timer.id),
 * });
 * ```
 */
export async function runAsService(service: Service, options: RunAsServiceOptions = {}): Promise<number> {
  // Signals, the exit code and the service manager are those of the process.
  if (called) throw new Error('runAsService is for the whole life of a process: it can be called once');
  called = true;
  const name = options.name ?? service.name;
  const { host, trouble } = await openAnyHost(name);
  const journal = createJournal(name, host);
  if (trouble !== null) journal.note('warn', messageOf(trouble), {});
  const code = await runHosted(service, { host, journal, exitCode });
  process.exitCode = code;
  guardExit((line) => process.stderr.write(`${line}\n`));
  return code;
}

let called = false;

/** Whoever may have started it. On Windows nobody can tell without koffi: then a warning is all that is known. */
async function openAnyHost(name: string): Promise<{ host: ServiceHost; trouble: unknown }> {
  try {
    return { host: await openHost(isatty(0) ? null : name, process.env), trouble: null };
  } catch (trouble) {
    if (!(trouble instanceof ZerothError && trouble.code === 'SERVICE_UNSUPPORTED')) throw trouble;
    return { host: signalHost(), trouble };
  }
}

/** The same for a program that has a log of its own, a host that is open, and ends by itself. */
export async function runHosted(service: Service, options: Omit<RunnerOptions, 'exit'>): Promise<number> {
  const runner = new Runner(service, { ...options, exit: (code) => process.exit(code) });
  const crash = (error: unknown): void => runner.crash(error);
  // Of a rejection that nobody handles Node makes the same.
  process.on('uncaughtException', crash);
  try {
    const { code, cut } = await runner.run();
    if (cut) process.exit(code);
    return code;
  } finally {
    process.off('uncaughtException', crash);
  }
}

function exitCode(error: unknown): number {
  const { exitCode: code } = (error ?? {}) as { exitCode?: unknown };
  return typeof code === 'number' ? code : 1;
}
