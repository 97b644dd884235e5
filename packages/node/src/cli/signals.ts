/**
 * Ctrl-C and stop requests.
 *
 * Guarantees: the first SIGINT or SIGTERM (on Windows also Ctrl-Break and the closing of the console) aborts `signal`;
 * the second one ends the process at once with 128 + the number of that signal. SIGHUP asks for a reload, and is an
 * interrupt only where the terminal is gone that the program was started in.
 */
import { closeSync, openSync } from 'node:fs';
import { EXIT } from './exit.ts';

export interface Interrupts {
  readonly signal: AbortSignal;
  /** The signal that arrived. */
  readonly received: () => NodeJS.Signals | null;
  /** Exit code for work that the signal cut short. */
  readonly exitCode: () => number;
  /** As if the signal had arrived. */
  interrupt(name: NodeJS.Signals): void;
  dispose(): void;
}

const SIGNALS: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGBREAK', 'SIGHUP'] : ['SIGINT', 'SIGTERM'];

/** Listens from now on. `again` runs just before the second signal ends the process. */
export function onInterrupt(again?: (name: NodeJS.Signals) => void): Interrupts {
  const controller = new AbortController();
  let first: NodeJS.Signals | null = null;
  const codeOf = (name: NodeJS.Signals | null): number =>
    name === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
  const listener = (name: NodeJS.Signals): void => {
    if (first !== null) {
      again?.(name);
      process.exit(codeOf(name));
    }
    first = name;
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, listener);
  return {
    signal: controller.signal,
    received: () => first,
    exitCode: () => codeOf(first),
    interrupt: listener,
    dispose: () => {
      for (const name of SIGNALS) process.off(name, listener);
    },
  };
}

/** SIGHUP from now on; Windows knows it as the closing of the console, which is an interrupt. */
export function onHangUp(asked: { readonly reload: () => void; readonly lost: () => void }): {
  dispose(): void;
} {
  if (process.platform === 'win32') return { dispose: () => {} };
  // With the log in a file (nohup) nobody misses the terminal.
  const attached = process.stderr.isTTY === true;
  const listener = (): void => {
    if (attached && !hasTerminal()) asked.lost();
    else asked.reload();
  };
  process.on('SIGHUP', listener);
  return { dispose: () => process.off('SIGHUP', listener) };
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
