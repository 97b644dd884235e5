/**
 * Whoever started this process and controls it, as the process sees it: a person, systemd, launchd, the Windows service
 * control manager. One interface, one folder per system.
 */

import type { EventRecord } from '../log/events.ts';

/** What was asked, as the system calls it, for the log: `SIGTERM`, `SIGHUP`, `STOP`, `SHUTDOWN`, `PRESHUTDOWN`, `PARAMCHANGE`. */
export type Reason = string;

/** What the system asks for. Calls come one at a time, on the JavaScript thread, and return at once. */
export interface Controls {
  /** Whether the program can pause; a host does not offer what is not there. */
  readonly canPause: boolean;
  readonly canReload: boolean;
  stop(reason: Reason): void;
  /** Somebody does not want to wait any longer: writes the event, and ends the process with this code. */
  stopNow(reason: Reason, code: number): void;
  pause(reason: Reason): void;
  resume(reason: Reason): void;
  reload(reason: Reason): void;
  /** The way to the service manager is gone, and with it every control: the program ends in order, as failed. */
  lost(why: string): void;
  /** Whether the program does its work: a watchdog asks before it says so. */
  alive(): boolean;
}

export type HostState = 'starting' | 'running' | 'pausing' | 'paused' | 'resuming' | 'reloading' | 'stopping';

/** The process's side of its service manager. */
export interface ServiceHost {
  readonly kind: 'windows' | 'systemd' | 'terminal';
  /** Controls arrive from now on. */
  listen(controls: Controls): void;
  /**
   * Tells the system. `text`: what is going on, for those that show it. `within`: milliseconds that this state may still
   * last; telling the same state again is progress (it moves the checkpoint, extends the time).
   */
  tell(state: HostState, details?: { readonly text?: string; readonly within?: number }): void;
  /** Writes one event where the system keeps them; null: nowhere but in the log. */
  readonly record: ((event: EventRecord) => void) | null;
  /** The last word, with the exit code; no control arrives any more. Resolves when the system has it and the process may end. */
  ended(code: number): Promise<void>;
  /** Waits (without the event loop) until what was recorded is written. For a process that is about to crash. */
  flush(): void;
}
