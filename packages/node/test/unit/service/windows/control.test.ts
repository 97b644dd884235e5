/** Starting and stopping, against a service control manager that goes through the states that the test gives it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONTROL, ERROR, STATE } from '../../../../src/service/windows/codes.ts';
import {
  Patience,
  pauseService,
  reloadService,
  startService,
  stopService,
} from '../../../../src/service/windows/control.ts';
import type { OpenService, RawStatus, Scm } from '../../../../src/service/windows/scm.ts';
import { stateOf } from '../../../../src/service/windows/status.ts';

const status = (state: number, more: Partial<RawStatus> = {}): RawStatus => ({
  state,
  accepted: 0,
  exit: 0,
  specific: 0,
  checkpoint: 0,
  hint: 0,
  pid: 0,
  ...more,
});

/** Each look at the status takes the next; the last one stays. */
function manager(
  states: readonly RawStatus[],
  answers: readonly number[] = [],
  commandLine = '"C:\\zeroth.exe" run C:\\zeroth.yaml --service x',
): { scm: Scm; asked: string[] } {
  const asked: string[] = [];
  let look = 0;
  let answer = 0;
  const ask = (what: string): number => {
    asked.push(what);
    return answers[answer++] ?? ERROR.none;
  };
  const service = {
    status: () => states[Math.min(look++, states.length - 1)],
    start: () => ask('start'),
    config: () => ({ commandLine }),
    control: (code: number) => ask(`control ${code}`),
  } as unknown as OpenService;
  const scm = {
    use: (_name: string, _rights: number, work: (service: OpenService) => unknown) => work(service),
  };
  return { scm: scm as unknown as Scm, asked };
}

describe('controlling a Windows service', () => {
  it('waits until it runs', async () => {
    const { scm, asked } = manager([status(STATE.startPending), status(STATE.running)]);
    await startService(scm, 'x');
    assert.deepEqual(asked, ['start']);
  });

  it('tells why it did not start', async () => {
    const failed = status(STATE.stopped, { exit: ERROR.serviceSpecific, specific: 3 });
    const { scm } = manager([status(STATE.startPending), failed]);
    await assert.rejects(startService(scm, 'x'), {
      code: 'SERVICE_FAILED',
      message: /x did not start: its configuration has problems \(code 3\).*zeroth service logs --name x/,
    });
    const other = manager([failed], [], '"C:\\other.exe" run');
    await assert.rejects(startService(other.scm, 'x'), { message: /x did not start: it ended with code 3;/ });
    assert.equal(stateOf(failed), 'failed');
  });

  it('takes what is so already', async () => {
    await startService(manager([status(STATE.running)], [ERROR.serviceAlreadyRunning]).scm, 'x');
    await stopService(manager([status(STATE.stopped)], [ERROR.serviceNotActive]).scm, 'x');
  });

  it('starts one that is just stopping when it has', async () => {
    const states = [
      status(STATE.stopPending),
      status(STATE.stopPending),
      status(STATE.stopped),
      status(STATE.running),
    ];
    const { scm, asked } = manager(states, [ERROR.serviceAlreadyRunning]);
    await startService(scm, 'x');
    assert.deepEqual(asked, ['start', 'start']);
  });

  it('asks again when it could not listen yet', async () => {
    const states = [status(STATE.startPending), status(STATE.running), status(STATE.stopped)];
    const { scm, asked } = manager(states, [ERROR.serviceCannotAcceptControl]);
    await stopService(scm, 'x');
    assert.deepEqual(asked, [`control ${CONTROL.stop}`, `control ${CONTROL.stop}`]);
  });

  it('says when it went on instead of pausing', async () => {
    const { scm } = manager([status(STATE.pausePending), status(STATE.running)]);
    await assert.rejects(pauseService(scm, 'x'), {
      code: 'SERVICE_FAILED',
      message: /x is running, not paused/,
    });
  });

  it('reloads without waiting', async () => {
    const { scm, asked } = manager([status(STATE.running)]);
    await reloadService(scm, 'x');
    assert.deepEqual(asked, [`control ${CONTROL.paramChange}`]);
  });

  it('waits as long as the checkpoint moves, and no longer than the hint without', () => {
    const pending = (checkpoint: number): RawStatus =>
      status(STATE.startPending, { checkpoint, hint: 30_000 });
    const patience = new Patience(pending(1), 0);
    assert.equal(patience.over(pending(1), 30_000), null);
    assert.equal(patience.over(pending(2), 30_001), null);
    assert.equal(patience.over(pending(2), 60_001), null);
    assert.match(patience.over(pending(2), 60_002) ?? '', /no progress for 30 s \(checkpoint 2\)/);
  });

  it('does not wait for ever', () => {
    const patience = new Patience(status(STATE.startPending), 0);
    let now = 0;
    for (let checkpoint = 1; now < 600_000; checkpoint++, now += 10_000)
      assert.equal(patience.over(status(STATE.startPending, { checkpoint }), now), null);
    assert.match(patience.over(status(STATE.startPending, { checkpoint: 99 }), now + 1) ?? '', /10 minutes/);
  });

  it('a service that ended well is stopped, one that was never started, too', () => {
    assert.equal(stateOf(status(STATE.stopped)), 'stopped');
    assert.equal(stateOf(status(STATE.stopped, { exit: ERROR.serviceNeverStarted })), 'stopped');
    assert.equal(stateOf(status(STATE.stopped, { exit: ERROR.processAborted })), 'failed');
  });
});
