/**
 * A program as a service: what it gives to the runner, and what it is given.
 */

/** What the log, and the event log of the system, say: `error` is a fault that it lived through, `fatal` one that it did not. */
export type EventLevel = 'info' | 'warn' | 'error' | 'fatal';

/**
 * A program that starts, does its work and stops. The runner calls one method at a time, and none before the last one has
 * settled. Whatever throws or rejects outside of them is a crash: an event with the stack, exit code 1.
 */
export interface Service {
  /** Of its events; on Windows also its event source. As in `zeroth service install --name`. */
  readonly name: string;
  /**
   * Resolves when the program is ready for its users. A rejection is a failed start: it leaves nothing open, an event says
   * why, and `exitCode` of the error (1 to 255; else 1) is the exit code. `stop` is not called then.
   */
  start(context: ServiceContext): Promise<void>;
  /**
   * Finishes what was begun and closes everything. `reason`: `SIGTERM`, `STOP`, `SHUTDOWN`, …; `failed` after
   * {@link ServiceContext.fail}. Called once, also when the stop was asked for while it started or paused.
   */
  stop(request: { readonly reason: string }): Promise<void>;
  /** Takes in nothing new and goes on with what it has. Without it pausing is not offered. A rejection: it goes on running. */
  pause?(request: { readonly reason: string }): Promise<void>;
  /** Takes in again. A rejection: it stays paused. */
  resume?(request: { readonly reason: string }): Promise<void>;
  /**
   * Reads its configuration again; resolves with what came of it, in words, for the log. Also called while it is paused.
   * Without it the control is refused, with an event. A rejection: it goes on as before.
   */
  reload?(request: { readonly reason: string }): Promise<string>;
  /** Whether it does its work, for a watchdog (systemd's WatchdogSec). Default: it does as long as the event loop turns. */
  alive?(): boolean;
  /** Milliseconds until the start has made progress: what the system is told. Default 30 000. */
  readonly startTimeout?: number;
  /** Milliseconds that `stop` may take. 10 s later the process is ended with an event and exit code 1. Default 30 000. */
  readonly stopTimeout?: number;
}

/** What a {@link Service} is given when it starts; valid until it has stopped. */
export interface ServiceContext {
  /** Aborted when a stop is asked for: a start that takes long can end early by throwing `signal.reason`. */
  readonly signal: AbortSignal;
  /** What is being done, in words: shown by the system, and the start (pause, stop) gets its time anew. */
  progress(text: string): void;
  /** An event of the program: Windows Event Log, journald, else a line on standard error. Storms are folded. */
  event(level: EventLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** It can't go on: `stop` is called, an event says why, the process ends with `code` (1 to 255; default as for a failed start). */
  fail(error: unknown, code?: number): void;
}

/** Programs without types hear it at the start, not in a year when the stop is asked for. @throws TypeError */
export function checkService(service: Service): void {
  for (const name of ['start', 'stop', 'pause', 'resume', 'reload', 'alive'] as const) {
    const method: unknown = service[name];
    if (typeof method === 'function' || (method === undefined && name !== 'start' && name !== 'stop'))
      continue;
    throw new TypeError(`the service has no function "${name}"`);
  }
  for (const name of ['startTimeout', 'stopTimeout'] as const) {
    const time: unknown = service[name];
    if (time === undefined || (typeof time === 'number' && time >= 0)) continue;
    throw new TypeError(`"${name}" of the service has to be milliseconds, 0 or more`);
  }
}
