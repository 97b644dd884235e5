/**
 * Starts the thread that talks with the service control manager, from where its code is: a file beside this one, or an
 * asset of a single executable.
 */

import { Worker } from 'node:worker_threads';
import type { WorkerStart } from './channel.ts';

/** The name of the worker's code, in one piece, among the assets of an executable. */
const ASSET = 'service-worker.cjs';

interface SingleExecutable {
  isSea(): boolean;
  getAsset(key: string, encoding: 'utf8'): string;
}

export function startWorker(workerData: WorkerStart): Worker {
  const options = { workerData, execArgv: [], name: 'service control' };
  const executable = process.getBuiltinModule('node:sea') as SingleExecutable | undefined;
  return executable?.isSea() === true
    ? new Worker(executable.getAsset(ASSET, 'utf8'), { ...options, eval: true })
    : new Worker(new URL('./worker.js', import.meta.url), options);
}
