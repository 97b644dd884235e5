/**
 * Controls that are signals: those of a person, of systemd and of launchd.
 *
 * Guarantees: SIGINT and SIGTERM (on Windows also Ctrl-Break and the closing of the console) stop, the second one ends the
 * process at once with 128 + its number; SIGHUP reloads, and stops only where the terminal is gone that the program was
 * started in; SIGTSTP pauses and SIGCONT resumes where standard input is no terminal, so that Ctrl-Z stays what it is.
 */
import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Controls, ServiceHost } from './host.ts';

/** Those by which a program is asked to stop. */
export const STOPS: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGBREAK', 'SIGHUP'] : ['SIGINT', 'SIGTERM'];

const INTERRUPTED = 130;
const TERMINATED = 143;

/** Listens from now on; the function that it returns ends that. */
export function listenToSignals(controls: Controls): () => void {
  let stopping = false;
  const stop = (name: NodeJS.Signals): void => {
    if (stopping) {
      controls.stopNow(name, name === 'SIGTERM' ? TERMINATED : INTERRUPTED);
      return;
    }
    stopping = true;
    controls.stop(name);
  };
  const listeners = new Map<NodeJS.Signals, (name: NodeJS.Signals) => void>();
  for (const name of STOPS) listeners.set(name, stop);
  if (process.platform !== 'win32') {
    // With the log in a file (nohup) nobody misses the terminal.
    const attached = isatty(2);
    listeners.set('SIGHUP', (name) => {
      if (attached && !hasTerminal()) stop(name);
      else controls.reload(name);
    });
    // Also of a program that can't pause: to be halted by the system is worse.
    if (!isatty(0)) {
      listeners.set('SIGTSTP', (name) => controls.pause(name));
      listeners.set('SIGCONT', (name) => controls.resume(name));
    }
  }
  for (const [name, listener] of listeners) process.on(name, listener);
  return () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
}

/** Nobody but a person, or a service manager that knows nothing but signals. */
export function signalHost(): ServiceHost {
  let silence = (): void => {};
  return {
    kind: 'terminal',
    listen: (controls) => {
      silence = listenToSignals(controls);
    },
    tell: () => {},
    record: null,
    ended: () => {
      silence();
      return Promise.resolve();
    },
    flush: () => {},
  };
}

/** The system takes the terminal away from a process before it sends the signal. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
