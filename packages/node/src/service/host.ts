/**
 * Whoever started this process and controls it, as the process sees it: a person, systemd, launchd, the Windows service
 * control manager. One interface, one folder per system.
 */

import type { EventRecord } from '../log/events.ts';

/** Why a stop was asked for: a word for the log (`SIGTERM`, `STOP`, `SHUTDOWN`, `PRESHUTDOWN`). */
export type StopReason = string;

/** What the system asks for. Calls come one at a time, on the JavaScript thread, and return at once. */
export interface Controls {
  stop(reason: StopReason): void;
  pause(): void;
  resume(): void;
  reload(): void;
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
  /** The last word, with the exit code; resolves when the system has it and the process may end. */
  ended(code: number): Promise<void>;
  /** Waits (without the event loop) until what was recorded is written. For a process that is about to crash. */
  flush(): void;
}
