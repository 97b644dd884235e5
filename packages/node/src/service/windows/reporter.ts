/**
 * What is reported to the service control manager, and when: a state machine without a clock, a thread or a call.
 *
 * Guarantees: START_PENDING comes first; RUNNING only after the program said so; a control moves the state before the
 * program has heard of it; once stopping, nothing but STOPPED follows. While something is pending the checkpoint moves
 * with each word of the program, and by itself as long as its event loop turns: a long recovery or drain isn't taken for
 * a hang. It stops moving when the loop has stood still for {@link HUNG}, or when what the program announced is used up.
 */

import type { HostState } from '../host.ts';
import { ACCEPT, CONTROL, ERROR, type Report, STATE } from './codes.ts';

/** Milliseconds that we promise at most from one checkpoint to the next; they come each {@link PACE}. */
export const HINT = 10_000;
/** Milliseconds from one look to the next while something is pending. */
export const PACE = 1000;
/**
 * Milliseconds that the event loop may stand still before it counts as hung. Reading the index of a large stream or a slow
 * disk hold it for seconds; a minute is not work any more, and the manager waits no longer than that for us either.
 */
export const HUNG = 60_000;

/** What the program is told of a control: its name for the log, and what it has to do. */
export interface Heard {
  readonly action: 'stop' | 'pause' | 'resume' | 'reload';
  readonly reason: string;
}

export interface Answer {
  /** What the handler returns to the system. */
  readonly result: number;
  readonly heard: Heard | null;
}

const NOT_IMPLEMENTED: Answer = { result: ERROR.callNotImplemented, heard: null };
const DONE: Answer = { result: ERROR.none, heard: null };

const STATES: Readonly<Record<Exclude<HostState, 'reloading'>, number>> = {
  starting: STATE.startPending,
  running: STATE.running,
  pausing: STATE.pausePending,
  paused: STATE.paused,
  resuming: STATE.continuePending,
  stopping: STATE.stopPending,
};

const STOPS = new Map<number, string>([
  [CONTROL.stop, 'STOP'],
  [CONTROL.shutdown, 'SHUTDOWN'],
  [CONTROL.preshutdown, 'PRESHUTDOWN'],
]);

export class Reporter {
  readonly #set: (report: Report) => void;
  #state: number = STATE.startPending;
  #checkpoint = 0;
  #offers = 0;
  /** Milliseconds that the loop has stood still; counted in looks, so that a machine that slept is no hang. */
  #still = 0;
  /** Milliseconds that are left of what the program announced. */
  #left = Number.POSITIVE_INFINITY;
  #last: Report | null = null;

  constructor(set: (report: Report) => void) {
    this.#set = set;
  }

  /** Something is pending: {@link tick} wants to be called each {@link PACE}. */
  get pending(): boolean {
    return isPending(this.#state);
  }

  /** The first report. */
  begin(): void {
    this.#enter(STATE.startPending);
  }

  /** What the program can beside stopping. */
  offer(canPause: boolean, canReload: boolean): void {
    this.#offers = (canPause ? ACCEPT.pauseContinue : 0) | (canReload ? ACCEPT.paramChange : 0);
    if (this.#state === STATE.running || this.#state === STATE.paused) this.#enter(this.#state);
  }

  control(code: number): Answer {
    const stop = STOPS.get(code);
    if (stop !== undefined) {
      if (this.#final) return DONE;
      this.#pend(STATE.stopPending);
      return { result: ERROR.none, heard: { action: 'stop', reason: stop } };
    }
    switch (code) {
      case CONTROL.interrogate:
        // "The service does not need to call SetServiceStatus unless its state changed"; what it costs is nothing.
        // After STOPPED nothing may be said: what it is said through is gone.
        if (this.#last !== null && this.#state !== STATE.stopped) this.#set(this.#last);
        return DONE;
      case CONTROL.pause:
        return this.#move(ACCEPT.pauseContinue, [STATE.running, STATE.continuePending], 'pause');
      case CONTROL.continue:
        return this.#move(ACCEPT.pauseContinue, [STATE.paused, STATE.pausePending], 'resume');
      case CONTROL.paramChange:
        if ((this.#offers & ACCEPT.paramChange) === 0) return NOT_IMPLEMENTED;
        if (this.#final) return { result: ERROR.serviceCannotAcceptControl, heard: null };
        return { result: ERROR.none, heard: { action: 'reload', reason: 'PARAMCHANGE' } };
      default:
        return NOT_IMPLEMENTED;
    }
  }

  /** A word of the program. `within`: milliseconds that it may last. */
  tell(told: HostState, within: number | null): void {
    this.#still = 0;
    if (this.#state === STATE.stopped || told === 'reloading') return;
    const state = STATES[told];
    if (this.#state === STATE.stopPending && state !== STATE.stopPending) return;
    if (isPending(state)) {
      this.#left = within ?? Number.POSITIVE_INFINITY;
      this.#enter(state);
    } else if (state !== this.#state) this.#enter(state);
  }

  /** `turned`: the loop has been seen turning since the last look. */
  tick(turned: boolean): void {
    if (!this.pending) return;
    this.#still = turned ? 0 : this.#still + PACE;
    this.#left -= PACE;
    if (this.#still <= HUNG && this.#left >= 0) this.#enter(this.#state);
  }

  /** The program was asked to stop and can't hear it. */
  get hung(): boolean {
    return this.#state === STATE.stopPending && this.#still > HUNG;
  }

  /** The last report. */
  ended(code: number): void {
    if (this.#state === STATE.stopped) return;
    this.#state = STATE.stopped;
    const exit = code === 0 ? ERROR.none : ERROR.serviceSpecific;
    this.#report({ state: STATE.stopped, accepted: 0, exit, specific: code, checkpoint: 0, hint: 0 });
  }

  get #final(): boolean {
    return this.#state === STATE.stopPending || this.#state === STATE.stopped;
  }

  #move(needs: number, from: readonly number[], action: 'pause' | 'resume'): Answer {
    if ((this.#offers & needs) === 0) return NOT_IMPLEMENTED;
    const pause = action === 'pause';
    // Asked for what is so already, or on its way.
    const there = pause ? [STATE.paused, STATE.pausePending] : [STATE.running, STATE.continuePending];
    if (there.some((state) => state === this.#state)) return DONE;
    if (!from.includes(this.#state)) return { result: ERROR.serviceCannotAcceptControl, heard: null };
    this.#pend(pause ? STATE.pausePending : STATE.continuePending);
    return { result: ERROR.none, heard: { action, reason: pause ? 'PAUSE' : 'CONTINUE' } };
  }

  /** Before the program has heard of it, and so without what it says of the time. */
  #pend(state: number): void {
    // A loop that nobody watched while nothing was pending counts as turning until it shows otherwise.
    if (!this.pending) this.#still = 0;
    this.#left = Number.POSITIVE_INFINITY;
    this.#enter(state);
  }

  #enter(state: number): void {
    const pending = isPending(state);
    this.#checkpoint = pending && state === this.#state ? this.#checkpoint + 1 : pending ? 1 : 0;
    this.#state = state;
    this.#report({
      state,
      accepted: this.#accepted(state),
      exit: ERROR.none,
      specific: 0,
      checkpoint: this.#checkpoint,
      hint: pending ? HINT : 0,
    });
  }

  #accepted(state: number): number {
    if (state === STATE.stopPending) return 0;
    const always = ACCEPT.stop | ACCEPT.shutdown | ACCEPT.preshutdown;
    return state === STATE.startPending ? always : always | this.#offers;
  }

  #report(report: Report): void {
    this.#last = report;
    this.#set(report);
  }
}

function isPending(state: number): boolean {
  return state !== STATE.stopped && state !== STATE.running && state !== STATE.paused;
}
