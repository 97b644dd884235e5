/**
 * Brings a service into a state, and waits until it is there.
 *
 * Guarantees: the rules of the service control manager for waiting: as long as the checkpoint moves within the hint, the
 * service works; one that stands still, or takes longer than {@link PATIENCE} in all, is an error that says so. What is
 * so already is no error.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { ZerothError } from '../../errors.ts';
import { CONTROL, ERROR, STATE } from './codes.ts';
import type { OpenService, RawStatus, Scm } from './scm.ts';
import { failed, RIGHT } from './scm.ts';
import { exitText, systemText } from './words.ts';

/** Milliseconds from one look to the next. */
const LOOK = 100;
/** Milliseconds that a checkpoint may stand still at least, whatever the hint says. */
const STILL = 20_000;
/** Milliseconds in all. */
const PATIENCE = 600_000;

const NAMES = new Map<number, string>([
  [STATE.stopped, 'stopped'],
  [STATE.startPending, 'starting'],
  [STATE.stopPending, 'stopping'],
  [STATE.running, 'running'],
  [STATE.continuePending, 'resuming'],
  [STATE.pausePending, 'pausing'],
  [STATE.paused, 'paused'],
]);

export async function startService(scm: Scm, name: string): Promise<void> {
  const begin = (): number => scm.use(name, RIGHT.start, (service) => service.start());
  let error = begin();
  if (error === ERROR.serviceAlreadyRunning && stateNow(scm, name) === STATE.stopPending) {
    await reach(scm, name, [STATE.stopped]);
    error = begin();
  }
  if (error !== ERROR.none && error !== ERROR.serviceAlreadyRunning) throw notStarted(name, error);
  const status = await reach(scm, name, [STATE.running, STATE.paused], [STATE.stopped]);
  if (status.state !== STATE.stopped) return;
  const { commandLine } = scm.use(name, RIGHT.queryConfig, (service) => service.config());
  const why = exitText(status.exit, status.specific, commandLine);
  throw new ZerothError(
    'SERVICE_FAILED',
    `${name} did not start: ${why}; zeroth service logs --name ${name} says more`,
  );
}

export async function stopService(scm: Scm, name: string): Promise<void> {
  await ask(scm, name, CONTROL.stop, RIGHT.stop, [ERROR.serviceNotActive]);
  await reach(scm, name, [STATE.stopped]);
}

export async function pauseService(scm: Scm, name: string): Promise<void> {
  await ask(scm, name, CONTROL.pause, RIGHT.pauseContinue);
  await arrive(scm, name, STATE.paused);
}

export async function resumeService(scm: Scm, name: string): Promise<void> {
  await ask(scm, name, CONTROL.continue, RIGHT.pauseContinue);
  await arrive(scm, name, STATE.running);
}

/** What came of it stands in its log: Windows has no answer to this. */
export async function reloadService(scm: Scm, name: string): Promise<void> {
  await ask(scm, name, CONTROL.paramChange, RIGHT.pauseContinue);
}

/** Sends a control; one that can't be taken while something is pending is sent again when that is over. */
async function ask(
  scm: Scm,
  name: string,
  code: number,
  right: number,
  fine: readonly number[] = [],
): Promise<void> {
  const send = (): number => scm.use(name, right, (service) => service.control(code));
  let error = send();
  if (error === ERROR.serviceCannotAcceptControl) {
    const settled = await reach(scm, name, [STATE.running, STATE.paused, STATE.stopped]);
    error = settled.state === STATE.stopped ? ERROR.serviceNotActive : send();
  }
  if (error === ERROR.none || fine.includes(error)) return;
  if (error === ERROR.callNotImplemented || error === ERROR.invalidServiceControl)
    throw new ZerothError('SERVICE_FAILED', `${name} can't do that: ${systemText(error)}`);
  throw failed(`ControlService ${code}`, name, error);
}

async function arrive(scm: Scm, name: string, wanted: number): Promise<void> {
  const { state } = await reach(scm, name, [wanted], [STATE.running, STATE.paused, STATE.stopped]);
  if (state !== wanted)
    throw new ZerothError(
      'SERVICE_FAILED',
      `${name} is ${nameOf(state)}, not ${nameOf(wanted)}; see its log`,
    );
}

/** Waits for a state of `wanted`, or one of `over` that it does not come out of by itself. */
async function reach(
  scm: Scm,
  name: string,
  wanted: readonly number[],
  over: readonly number[] = [],
): Promise<RawStatus> {
  const look = (): RawStatus => scm.use(name, RIGHT.queryStatus, (service: OpenService) => service.status());
  let status = look();
  const patience = new Patience(status, Date.now());
  while (!wanted.includes(status.state) && !over.includes(status.state)) {
    await sleep(LOOK);
    status = look();
    const why = patience.over(status, Date.now());
    if (why !== null) throw new ZerothError('SERVICE_FAILED', `${name} is ${nameOf(status.state)} ${why}`);
  }
  return status;
}

/** Whether a service that is on its way is still waited for. */
export class Patience {
  readonly #begun: number;
  #moved: number;
  #last: RawStatus;

  constructor(status: RawStatus, now: number) {
    this.#begun = now;
    this.#moved = now;
    this.#last = status;
  }

  /** Null: yes; otherwise why not. */
  over(status: RawStatus, now: number): string | null {
    if (status.state !== this.#last.state || status.checkpoint !== this.#last.checkpoint) this.#moved = now;
    this.#last = status;
    const still = now - this.#moved;
    if (still > Math.max(STILL, status.hint))
      return `and has made no progress for ${Math.round(still / 1000)} s (checkpoint ${status.checkpoint})`;
    if (now - this.#begun > PATIENCE)
      return `after ${PATIENCE / 60_000} minutes, and goes on: look again with zeroth service status`;
    return null;
  }
}

function stateNow(scm: Scm, name: string): number {
  return scm.use(name, RIGHT.queryStatus, (service) => service.status().state);
}

function notStarted(name: string, error: number): ZerothError {
  const words = systemText(error);
  switch (error) {
    case ERROR.fileNotFound:
      return new ZerothError(
        'SERVICE_FAILED',
        `${name}: its program is not there any more: ${words} Install it again`,
      );
    case ERROR.accessDenied:
      return new ZerothError(
        'SERVICE_FAILED',
        `${name}: ${words} Its account may not run the program: keep it where every account can, under C:\\Program Files`,
      );
    case ERROR.serviceDisabled:
      return new ZerothError(
        'SERVICE_FAILED',
        `${name}: ${words} Enable it: sc config ${name} start= demand`,
      );
    case ERROR.logonFailed:
      return new ZerothError(
        'SERVICE_FAILED',
        `${name}: ${words} Its account has no right to log on as a service`,
      );
    default:
      return failed('StartServiceW', name, error);
  }
}

function nameOf(state: number): string {
  return NAMES.get(state) ?? `in state ${state}`;
}
