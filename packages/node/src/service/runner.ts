/**
 * The life of a service: what was asked for, in order, whoever asks.
 *
 * Guarantees: one method of the service at a time; a control that comes meanwhile is done afterwards, several of one kind
 * once, and those that cancel each other out not at all; a stop counts at once in any state; every life ends, with one exit
 * code, within stopTimeout + grace of the stop; the host is told each state, in a legal order, and the end last.
 *
 *     starting -> running -> pausing -> paused -> resuming -> running
 *                 running, paused -> reloading -> running, paused
 *     every state -> stopping -> ended; starting -> ended
 */
import { ZerothError } from '../errors.ts';
import { reasonFields } from '../log/plain.ts';
import type { Controls, HostState, Reason, ServiceHost } from './host.ts';
import { leftOpen } from './left-open.ts';
import type { EventLevel, Service, ServiceContext } from './program.ts';
import { checkService } from './program.ts';

/** Where the runner says what happens. */
export interface Journal {
  /** An event of the catalogue (docs/events.md). */
  report(name: RunnerEvent, fields: Readonly<Record<string, unknown>>): void;
  /** The service could not start or stop, or can't go on. */
  failed(error: unknown): void;
  /** An event of the service's own. */
  note(level: EventLevel, message: string, fields: Readonly<Record<string, unknown>>): void;
  /** Writes what it has held back. */
  flush(): void;
}

export type RunnerEvent =
  | 'service:starting'
  | 'service:running'
  | 'service:control'
  | 'service:paused'
  | 'service:resumed'
  | 'service:reloaded'
  | 'service:refused'
  | 'service:overrun'
  | 'service:stopped'
  | 'stop'
  | 'stop:now'
  | 'crash';

export interface RunnerOptions {
  readonly host: ServiceHost;
  readonly journal: Journal;
  /** Of an error that ended the service. */
  readonly exitCode: (error: unknown) => number;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** Milliseconds beyond `stopTimeout` until a stop is cut. Default 10 000. */
  readonly grace?: number;
}

export interface Ended {
  readonly code: number;
  /** The service has not stopped in time: the process must not go on. */
  readonly cut: boolean;
}

type State =
  | { readonly kind: Exclude<HostState, 'stopping'> }
  | { readonly kind: 'stopping'; readonly ending: Ending }
  | { readonly kind: 'ended' };

/** Why it ends. */
interface Ending {
  readonly reason: Reason;
  /** When the stop is cut, on the clock of `performance`. */
  readonly deadline: number;
  /** Null: it was asked to. */
  failure: Failure | null;
}

interface Failure {
  readonly error: unknown;
  readonly code: number | null;
}

const START_TIMEOUT = 30_000;
const STOP_TIMEOUT = 30_000;
/** Milliseconds until pausing, resuming or reloading has made progress: what the system is told. */
const CONTROL_TIMEOUT = 30_000;
const GRACE = 10_000;
const LEVELS: readonly EventLevel[] = ['info', 'warn', 'error', 'fatal'];
/** Milliseconds that the host has for the last word. */
const LAST_WORD = 5000;
/** The longest that a timer takes: one keeps a program alive that waits for nothing but its controls. */
const FOR_EVER = 2 ** 31 - 1;

export class Runner implements Controls {
  readonly #service: Service;
  readonly #options: RunnerOptions;
  readonly #abort: AbortController = new AbortController();
  #state: State = { kind: 'starting' };
  #limit: NodeJS.Timeout | null = null;
  #cut: (reason: 'cut') => void = () => {};
  #wantPaused = false;
  /** What asked for the last pause or resume. */
  #turnFor: Reason = '';
  #wantReload: Reason | null = null;
  #wake: () => void = () => {};

  constructor(service: Service, options: RunnerOptions) {
    this.#service = service;
    this.#options = options;
  }

  /** The whole life. To be called once. */
  async run(): Promise<Ended> {
    const { host, journal } = this.#options;
    const held = setInterval(() => {}, FOR_EVER);
    const overrun = new Promise<'cut'>((resolve) => {
      this.#cut = resolve;
    });
    try {
      this.#enter({ kind: 'starting' });
      host.listen(this);
      const result = await Promise.race([this.#live(), overrun]);
      const cut = result === 'cut';
      if (cut)
        journal.report('service:overrun', { timeout: this.#stopTimeout + this.#grace, open: leftOpen() });
      const failure = cut ? (this.#ending?.failure ?? null) : result;
      if (failure !== null) journal.failed(failure.error);
      this.#enter({ kind: 'ended' });
      const code = failure === null ? Number(cut) : this.#codeOf(failure);
      // The host takes no event any more after its last word.
      journal.flush();
      await within(host.ended(code), LAST_WORD);
      return { code, cut };
    } finally {
      clearInterval(held);
      if (this.#limit !== null) clearTimeout(this.#limit);
    }
  }

  get canPause(): boolean {
    return this.#service.pause !== undefined && this.#service.resume !== undefined;
  }

  get canReload(): boolean {
    return this.#service.reload !== undefined;
  }

  stop(reason: Reason): void {
    // A second one changes nothing: a shutdown may follow a stop.
    if (this.#isOver) return;
    this.#options.journal.report('stop', { signal: reason, timeout: this.#stopTimeout });
    this.#end(reason, null);
  }

  stopNow(reason: Reason, code: number): void {
    this.#options.journal.report('stop:now', { signal: reason });
    this.#exit(code);
  }

  pause(reason: Reason): void {
    if (this.#isOver || this.#wantPaused) return;
    this.#received(reason);
    if (!this.canPause) {
      this.#refused('pause', new Error('the program does not know how to pause'));
      return;
    }
    this.#wantPaused = true;
    this.#turnFor = reason;
    this.#wake();
  }

  resume(reason: Reason): void {
    // SIGCONT comes to a process that was never paused, too.
    if (this.#isOver || !this.#wantPaused) return;
    this.#received(reason);
    this.#wantPaused = false;
    this.#turnFor = reason;
    this.#wake();
  }

  reload(reason: Reason): void {
    if (this.#isOver) return;
    this.#received(reason);
    this.#wantReload = reason;
    this.#wake();
  }

  lost(why: string): void {
    this.#fail(new ZerothError('SERVICE_FAILED', `the service manager can't be reached any more: ${why}`));
  }

  alive(): boolean {
    // What stops need not do its work any more, and has a limit of its own.
    return this.#isOver || (this.#service.alive?.() ?? true);
  }

  /** An error that nobody caught: what comes after it can't be trusted. */
  crash(error: unknown): void {
    const { journal } = this.#options;
    try {
      journal.report('crash', { err: error });
    } catch {
      // What was thrown throws again when it is looked at.
      journal.report('crash', { err: new Error('something was thrown that can not be told') });
    } finally {
      this.#exit(1);
    }
  }

  #exit(code: number): void {
    const { host, journal, exit } = this.#options;
    try {
      journal.flush();
      host.flush();
    } finally {
      exit(code);
    }
  }

  /** From the first method of the service to the last. Resolves with what went wrong. */
  async #live(): Promise<Failure | null> {
    const { journal } = this.#options;
    const { name } = this.#service;
    // Asked to stop before it began.
    const early = this.#ending;
    if (early !== null) return early.failure;
    const begun = performance.now();
    journal.report('service:starting', { service: name, runtime: process.version });
    try {
      checkService(this.#service);
      await this.#service.start(this.#context());
    } catch (error) {
      const { signal } = this.#abort;
      const failure = this.#ending?.failure ?? null;
      const obeyed = signal.aborted && (error === signal.reason || nameOf(error) === 'AbortError');
      return obeyed ? failure : (failure ?? { error, code: null });
    }
    if (!this.#isOver) {
      this.#enter({ kind: 'running' });
      journal.report('service:running', { service: name, elapsed: since(begun) });
    }
    const ending = await this.#serve();
    const asked = performance.now();
    try {
      await this.#service.stop({ reason: ending.reason });
    } catch (error) {
      ending.failure ??= { error, code: null };
    }
    journal.report('service:stopped', { service: name, elapsed: since(asked) });
    return ending.failure;
  }

  /** Does what is asked for, one at a time, until the end is asked for. */
  async #serve(): Promise<Ending> {
    let paused = false;
    for (;;) {
      if (this.#state.kind === 'stopping') return this.#state.ending;
      let text: string | null = null;
      if (this.#wantReload !== null) text = await this.#reload(this.#wantReload);
      else if (this.#wantPaused !== paused) paused = await this.#turn(this.#wantPaused);
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (!this.#isOver) this.#enter({ kind: paused ? 'paused' : 'running' }, text);
    }
  }

  async #reload(reason: Reason): Promise<string | null> {
    this.#wantReload = null;
    this.#enter({ kind: 'reloading' });
    try {
      if (this.#service.reload === undefined) throw new Error('the program does not know how to reload');
      // Programs without types may say nothing.
      const result = String((await this.#service.reload({ reason })) ?? '');
      this.#options.journal.report('service:reloaded', { result });
      return result;
    } catch (error) {
      this.#refused('reload', error);
      return null;
    }
  }

  /** Pauses or resumes; returns whether it is paused now. */
  async #turn(pause: boolean): Promise<boolean> {
    this.#enter({ kind: pause ? 'pausing' : 'resuming' });
    try {
      const request = { reason: this.#turnFor };
      await (pause ? this.#service.pause?.(request) : this.#service.resume?.(request));
      this.#options.journal.report(pause ? 'service:paused' : 'service:resumed', {});
      return pause;
    } catch (error) {
      this.#refused(pause ? 'pause' : 'resume', error);
      this.#wantPaused = !pause;
      return !pause;
    }
  }

  #refused(control: string, error: unknown): void {
    this.#options.journal.report('service:refused', { control, ...reasonFields(error) });
  }

  #received(control: Reason): void {
    this.#options.journal.report('service:control', { control, state: this.#state.kind });
  }

  #context(): ServiceContext {
    return {
      signal: this.#abort.signal,
      progress: (text) => this.#tell(String(text)),
      // A program without types is not to fail because of what it says.
      event: (level, message, fields) =>
        this.#options.journal.note(LEVELS.includes(level) ? level : 'info', String(message), fields ?? {}),
      fail: (error, code) => this.#fail(error, code),
    };
  }

  #fail(error: unknown, code?: number): void {
    const failure = { error, code: code ?? null };
    const ending = this.#ending;
    if (ending !== null) ending.failure ??= failure;
    else if (this.#state.kind !== 'ended') this.#end('failed', failure);
  }

  #end(reason: Reason, failure: Failure | null): void {
    const time = Math.min(this.#stopTimeout + this.#grace, FOR_EVER);
    this.#enter({ kind: 'stopping', ending: { reason, failure, deadline: performance.now() + time } });
    this.#limit = setTimeout(() => this.#cut('cut'), time);
    this.#abort.abort();
    this.#wake();
  }

  #enter(state: State, text: string | null = null): void {
    this.#state = state;
    this.#tell(text);
  }

  /** The state; once more, and it is progress. */
  #tell(text: string | null): void {
    const state = this.#state;
    if (state.kind === 'ended') return;
    const left = this.#timeOf(state);
    const details = { ...(text === null ? {} : { text }), ...(left === null ? {} : { within: left }) };
    this.#options.host.tell(state.kind, details);
  }

  #timeOf(state: Exclude<State, { kind: 'ended' }>): number | null {
    switch (state.kind) {
      case 'starting':
        return this.#service.startTimeout ?? START_TIMEOUT;
      case 'stopping':
        return Math.max(0, Math.round(state.ending.deadline - performance.now()));
      case 'running':
      case 'paused':
        return null;
      default:
        return CONTROL_TIMEOUT;
    }
  }

  #codeOf({ error, code }: Failure): number {
    const wanted = code ?? this.#options.exitCode(error);
    return Number.isInteger(wanted) && wanted >= 1 && wanted <= 255 ? wanted : 1;
  }

  get #ending(): Ending | null {
    return this.#state.kind === 'stopping' ? this.#state.ending : null;
  }

  get #isOver(): boolean {
    return this.#state.kind === 'stopping' || this.#state.kind === 'ended';
  }

  get #stopTimeout(): number {
    return this.#service.stopTimeout ?? STOP_TIMEOUT;
  }

  get #grace(): number {
    return this.#options.grace ?? GRACE;
  }
}

function nameOf(error: unknown): string | null {
  return error instanceof Error ? error.name : null;
}

function since(begun: number): number {
  return Math.round(performance.now() - begun);
}

/** Whatever comes of it, the end is not held up. */
async function within(work: Promise<void>, time: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, time);
  });
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
}
