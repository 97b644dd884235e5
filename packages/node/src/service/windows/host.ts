/**
 * A program that the Windows service control manager has started.
 *
 * Guarantees: START_PENDING is reported before the program has done anything; controls are answered while its loop is
 * busy, because a thread of its own talks with the manager (worker.ts); STOPPED is the last word, after every event.
 * This thread loads no native code. Memory is bounded: what the event log can't take in time is counted, not kept.
 */

import { Worker } from 'node:worker_threads';
import { messageOf, ZerothError } from '../../errors.ts';
import type { EventRecord } from '../../log/events.ts';
import { singleExecutable } from '../executable.ts';
import type { Controls, ServiceHost } from '../host.ts';
import type { FromWorker, ToWorker, WorkerStart } from './channel.ts';
import { SHARED } from './channel.ts';
import { eventText, eventType } from './event-text.ts';

/** Events on their way to the event log at most. */
const BACKLOG = 1000;
/** Milliseconds that a process which is about to crash waits for its events. */
const FLUSH = 2000;
/** Milliseconds that the last report may take. */
const LAST_WORD = 5000;

/** The name of the worker's code, in one piece, among the assets of an executable. */
const ASSET = 'service-worker.cjs';

/** Null: nobody has started this process as a service. @throws ZerothError SERVICE_UNSUPPORTED: no koffi. */
export async function openWindowsHost(name: string): Promise<ServiceHost | null> {
  const shared = new SharedArrayBuffer(SHARED.length * Int32Array.BYTES_PER_ELEMENT);
  const worker = startWorker({ name, shared });
  const first = await firstMessage(worker);
  if (first.kind !== 'service') {
    await worker.terminate();
    return null;
  }
  const host = new WindowsHost(worker, new Int32Array(shared));
  takeEnvironment(first.environment);
  takeFolder(first.folder);
  return host;
}

/** From where its code is: a file beside this one, or an asset of a single executable. */
function startWorker(workerData: WorkerStart): Worker {
  const options = { workerData, execArgv: [], name: 'service control' };
  const executable = singleExecutable();
  return executable !== null
    ? new Worker(executable.getAsset(ASSET, 'utf8'), { ...options, eval: true })
    : new Worker(new URL('./worker.js', import.meta.url), options);
}

function firstMessage(worker: Worker): Promise<FromWorker> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      worker.off('message', first).off('error', failed).off('exit', gone);
    };
    const first = (message: FromWorker): void => {
      if (message.kind === 'ping') return;
      done();
      resolve(message);
    };
    const failed = (error: Error): void => {
      done();
      // An error loses its class on its way between threads.
      reject(
        new ZerothError('SERVICE_UNSUPPORTED', `no way to the service control manager: ${error.message}`, {
          cause: error,
        }),
      );
    };
    const gone = (code: number): void => failed(new Error(`its thread ended with code ${code}`));
    worker.on('message', first).on('error', failed).on('exit', gone);
  });
}

/** `NAME=value` each. Windows has given them to the process already; Wine's service control manager does not. */
function takeEnvironment(entries: readonly string[]): void {
  for (const entry of entries) {
    const at = entry.indexOf('=', 1);
    if (at > 0) process.env[entry.slice(0, at)] = entry.slice(at + 1);
  }
}

/** A folder that the account can't enter is no reason to stay down: what the installation wrote is absolute. */
function takeFolder(folder: string | null): void {
  if (folder === null) return;
  try {
    process.chdir(folder);
  } catch (error) {
    process.emitWarning(`the folder of the service can't be used: ${messageOf(error)}`);
  }
}

class WindowsHost implements ServiceHost {
  readonly kind = 'windows';
  readonly #worker: Worker;
  readonly #shared: Int32Array;
  #controls: Controls | null = null;
  /** What came before anybody listened. */
  readonly #early: FromWorker[] = [];
  #lost: string | null = null;
  #recorded = 0;
  #skipped = 0;
  #last: (() => void) | null = null;
  #over = false;

  constructor(worker: Worker, shared: Int32Array) {
    this.#worker = worker;
    this.#shared = shared;
    worker.on('message', (message: FromWorker) => this.#hear(message));
    worker.on('error', (error) => this.#gone(error.message));
    worker.on('exit', (code) => this.#gone(`its thread ended with code ${code}`));
  }

  listen(controls: Controls): void {
    this.#controls = controls;
    this.#send({ kind: 'offer', canPause: controls.canPause, canReload: controls.canReload });
    for (const message of this.#early.splice(0)) this.#hear(message);
    if (this.#lost !== null) controls.lost(this.#lost);
  }

  tell(...[state, details]: Parameters<ServiceHost['tell']>): void {
    this.#send({ kind: 'tell', state, within: details?.within ?? null });
  }

  record = (event: EventRecord): void => {
    if (this.#recorded - this.#written() >= BACKLOG) {
      this.#skipped++;
      return;
    }
    const skipped = this.#skipped;
    this.#skipped = 0;
    const fields =
      skipped === 0 ? event.fields : { ...event.fields, 'events not shown before this one': skipped };
    this.#recorded++;
    this.#send({
      kind: 'record',
      id: event.id,
      type: eventType(event.level),
      text: eventText({ ...event, fields }),
    });
  };

  async ended(code: number): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    let timer: NodeJS.Timeout | undefined;
    const told = new Promise<void>((resolve) => {
      this.#last = resolve;
      timer = setTimeout(resolve, LAST_WORD);
    });
    if (this.#lost === null) {
      this.#send({ kind: 'ended', code });
      await told;
    }
    clearTimeout(timer);
    this.#worker.removeAllListeners();
    await this.#worker.terminate();
  }

  flush(): void {
    const until = Date.now() + FLUSH;
    for (;;) {
      const written = this.#written();
      const left = until - Date.now();
      if (this.#lost !== null || written >= this.#recorded || left <= 0) return;
      Atomics.wait(this.#shared, SHARED.recorded, written, left);
    }
  }

  #hear(message: FromWorker): void {
    if (message.kind === 'ping') {
      Atomics.add(this.#shared, SHARED.turned, 1);
      return;
    }
    if (message.kind === 'ended') {
      this.#last?.();
      return;
    }
    if (message.kind !== 'control' || this.#over) return;
    if (this.#controls === null) {
      this.#early.push(message);
      return;
    }
    const { action, reason } = message.heard;
    this.#controls[action](reason);
  }

  #gone(why: string): void {
    if (this.#lost !== null) return;
    this.#lost = why;
    this.#last?.();
    if (!this.#over) this.#controls?.lost(why);
  }

  #written(): number {
    return Atomics.load(this.#shared, SHARED.recorded);
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
