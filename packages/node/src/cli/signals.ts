/**
 * Ctrl-C and stop requests, for the commands that end on them (`zeroth run` has service/signals.ts).
 *
 * Guarantees: the first SIGINT or SIGTERM (on Windows also Ctrl-Break and the closing of the console) aborts `signal`;
 * the second one ends the process at once with 128 + the number of that signal.
 */
import { STOPS } from '../service/signals.ts';
import { EXIT } from './exit.ts';

export interface Interrupts {
  readonly signal: AbortSignal;
  /** The signal that arrived. */
  readonly received: () => NodeJS.Signals | null;
  /** Exit code for work that the signal cut short. */
  readonly exitCode: () => number;
  dispose(): void;
}

/** Listens from now on. */
export function onInterrupt(): Interrupts {
  const controller = new AbortController();
  let first: NodeJS.Signals | null = null;
  const codeOf = (name: NodeJS.Signals | null): number =>
    name === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
  const listener = (name: NodeJS.Signals): void => {
    if (first !== null) process.exit(codeOf(name));
    first = name;
    controller.abort();
  };
  for (const name of STOPS) process.on(name, listener);
  return {
    signal: controller.signal,
    received: () => first,
    exitCode: () => codeOf(first),
    dispose: () => {
      for (const name of STOPS) process.off(name, listener);
    },
  };
}
