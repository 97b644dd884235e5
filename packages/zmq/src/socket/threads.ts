/**
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

/** What was set in the thread that started this one. */
export function leftToThread(): object {
  // Node marks so what a worker must not call: known without loading anything.
  if (!('disabled' in (globalThis.process?.chdir ?? {}))) return {};
  const values = threads()?.getEnvironmentData(KEY);
  return typeof values === 'object' ? values : {};
}
