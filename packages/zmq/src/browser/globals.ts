/**
 * What the sources use of Node's globals, for a page or a worker: the bundle puts these in their place.
 *
 * - `process.nextTick` and `setImmediate` run as tasks of their own, when no promise is left to settle: that is what their
 *   users count on (see socket/flusher.ts). Through a MessageChannel, because timers wait for 4 ms, and for a second in
 *   a tab that nobody looks at.
 * - Timers are objects with `ref` and `unref`, which do nothing: no page is held open by a timer.
 */

type Task = () => void;

interface Posting {
  postMessage(message: unknown): void;
}

/** As browsers have it: it begins to listen with that. */
interface Listening {
  onmessage: Task | null;
}

let ticks: Task[] = [];
let immediates: Immediate[] = [];
let wake: (() => void) | null = null;
let awake = false;

function schedule(): void {
  if (awake) return;
  awake = true;
  wake ??= channel();
  wake();
}

/** Opened on first use, so that the import does nothing. */
function channel(): () => void {
  const { port1, port2 } = new MessageChannel() as unknown as { port1: Listening; port2: Posting };
  port1.onmessage = run;
  return () => port2.postMessage(null);
}

function run(): void {
  awake = false;
  const due = immediates;
  immediates = [];
  try {
    runTicks();
    while (due.length > 0) {
      due.shift()!.run();
      runTicks();
    }
  } finally {
    // One of them threw: the others get their turn all the same.
    immediates = due.concat(immediates);
    if (ticks.length > 0 || immediates.length > 0) schedule();
  }
}

/** Those that come while they run, too, as in Node. */
function runTicks(): void {
  let at = 0;
  const queue = ticks;
  try {
    while (at < queue.length) queue[at++]!();
  } finally {
    ticks = at < queue.length ? queue.slice(at) : [];
  }
}

class Immediate {
  #task: Task | null;

  constructor(task: Task) {
    this.#task = task;
  }

  run(): void {
    const task = this.#task;
    this.#task = null;
    task?.();
  }

  cancel(): void {
    this.#task = null;
  }
}

export function setImmediate(task: Task): Immediate {
  const immediate = new Immediate(task);
  immediates.push(immediate);
  schedule();
  return immediate;
}

export function clearImmediate(immediate: Immediate | null | undefined): void {
  immediate?.cancel();
}

class Timer {
  /** A number in browsers. */
  readonly id: unknown;

  constructor(id: unknown) {
    this.id = id;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

type Timers = Record<'setTimeout' | 'setInterval', (task: Task, time?: number) => unknown> &
  Record<'clearTimeout' | 'clearInterval', (id: unknown) => void>;

const timers = globalThis as unknown as Timers;

export function setTimeout(task: Task, time?: number): Timer {
  return new Timer(timers.setTimeout(task, time));
}

export function setInterval(task: Task, time?: number): Timer {
  return new Timer(timers.setInterval(task, time));
}

export function clearTimeout(timer: Timer | null | undefined): void {
  timers.clearTimeout(timer?.id);
}

export function clearInterval(timer: Timer | null | undefined): void {
  timers.clearInterval(timer?.id);
}

export const process: {
  readonly platform: string;
  nextTick(task: Task): void;
  emitWarning(text: string): void;
} = {
  platform: 'browser',
  nextTick(task) {
    ticks.push(task);
    schedule();
  },
  emitWarning(text) {
    // biome-ignore lint/suspicious/noConsole: where a page's developer looks for warnings
    console.warn(text);
  },
};
