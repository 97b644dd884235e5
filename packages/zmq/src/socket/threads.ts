/**
 * What worker threads have of each other, and what they don't.
 *
 * The options of the default context go to the worker threads that are started later, as if they shared it. The module for
 * threads is loaded by who needs it only: it would cost a program milliseconds at its start.
 */
const KEY = '@zeroth/zmq context';

type Threads = typeof import('node:worker_threads');

// Not imported, for a web page has no such module.
function threads(): Threads | undefined {
  return globalThis.process?.getBuiltinModule?.('node:worker_threads');
}

/** To be called with the values after each change. */
export function leaveToThreads(values: object): void {
  threads()?.setEnvironmentData(KEY, { ...values });
}

// Node marks so what a worker must not call: known without loading anything.
function inWorker(): boolean {
  return 'disabled' in (globalThis.process?.chdir ?? {});
}

/** What was set in the thread that started this one. */
export function leftToThread(): object {
  if (!inWorker()) return {};
  const values = threads()?.getEnvironmentData(KEY);
  return typeof values === 'object' ? values : {};
}

const PATIENCE_MS = 1000;
let warned = false;

/**
 * A program that was written for contexts shared by threads would wait for ever, on both sides, and not be told why.
 * To be called in the moment that a socket connects to an inproc name; says it once, when nobody is bound a second later.
 */
export function expectBound(address: string, alone: () => boolean): void {
  if (warned || !inWorker() || !alone()) return;
  const timer = setTimeout(() => {
    if (warned || !alone()) return;
    warned = true;
    process.emitWarning(
      `${address} is connected, and nothing in this thread is bound to it. An inproc name is known in one thread only: use ipc:// or tcp:// between threads.`,
    );
  }, PATIENCE_MS);
  timer.unref();
}
