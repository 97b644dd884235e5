/** What the service control manager is told, step by step; time passes in looks. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { ACCEPT, CONTROL, ERROR, type Report, STATE } from '../../../../src/service/windows/codes.ts';
import { HINT, HUNG, PACE, Reporter } from '../../../../src/service/windows/reporter.ts';

const STOPPING = ACCEPT.stop | ACCEPT.shutdown | ACCEPT.preshutdown;

describe('reports to the service control manager', () => {
  let reports: Report[];
  let reporter: Reporter;
  const last = (): Report => reports.at(-1) ?? assert.fail('nothing was reported');
  const brief = (): [number, number] => [last().state, last().checkpoint];

  beforeEach(() => {
    reports = [];
    reporter = new Reporter((report) => reports.push(report));
    reporter.begin();
  });

  const run = (): void => {
    reporter.offer(true, true);
    reporter.tell('running', null);
  };

  it('begins with START_PENDING, and moves the checkpoint while the loop turns', () => {
    assert.deepEqual(last(), {
      state: STATE.startPending,
      accepted: STOPPING,
      exit: 0,
      specific: 0,
      checkpoint: 1,
      hint: HINT,
    });
    reporter.tick(true);
    reporter.tell('starting', null);
    assert.deepEqual(brief(), [STATE.startPending, 3]);
    reporter.tell('running', null);
    assert.deepEqual([last().state, last().checkpoint, last().hint], [STATE.running, 0, 0]);
  });

  it('makes no progress for a loop that stands still for longer than a minute', () => {
    for (let time = 0; time < HUNG; time += PACE) reporter.tick(false);
    const { checkpoint } = last();
    assert.equal(checkpoint, 1 + HUNG / PACE);
    for (let time = 0; time < 2 * HUNG; time += PACE) reporter.tick(false);
    assert.equal(last().checkpoint, checkpoint);
    reporter.tick(true);
    assert.equal(last().checkpoint, checkpoint + 1, 'it turns again');
  });

  it('makes no progress beyond the time that the program announced', () => {
    reporter.tell('starting', 2 * PACE);
    reporter.tick(true);
    reporter.tick(true);
    const { checkpoint } = last();
    assert.equal(checkpoint, 4);
    reporter.tick(true);
    assert.equal(last().checkpoint, checkpoint);
    reporter.tell('starting', 2 * PACE);
    reporter.tick(true);
    assert.equal(last().checkpoint, checkpoint + 2);
  });

  it('answers STOP, SHUTDOWN and PRESHUTDOWN with STOP_PENDING, once', () => {
    for (const [control, reason] of [
      [CONTROL.stop, 'STOP'],
      [CONTROL.shutdown, 'SHUTDOWN'],
      [CONTROL.preshutdown, 'PRESHUTDOWN'],
    ] as const) {
      const one = new Reporter((report) => reports.push(report));
      one.begin();
      one.tell('running', null);
      assert.deepEqual(one.control(control), { result: 0, heard: { action: 'stop', reason } });
      assert.deepEqual(brief(), [STATE.stopPending, 1]);
      assert.equal(last().accepted, 0);
      assert.deepEqual(one.control(CONTROL.stop), { result: 0, heard: null });
    }
  });

  it('says nothing after STOPPED, whoever asks', () => {
    reporter.tell('running', null);
    reporter.control(CONTROL.interrogate);
    assert.equal(reports.length, 3, 'the same again');
    reporter.ended(0);
    const count = reports.length;
    // One that was on its way when the last word was said.
    for (const control of [CONTROL.interrogate, CONTROL.stop, CONTROL.pause, CONTROL.paramChange])
      reporter.control(control);
    assert.equal(reports.length, count);
  });

  it('never goes back from stopping: what the program said before it heard of it is late', () => {
    assert.equal(reporter.control(CONTROL.stop).heard?.action, 'stop');
    reporter.tell('running', null);
    assert.deepEqual(brief(), [STATE.stopPending, 1]);
    reporter.tell('stopping', 1000);
    assert.deepEqual(brief(), [STATE.stopPending, 2]);
    reporter.ended(0);
    assert.deepEqual(brief(), [STATE.stopped, 0]);
    const count = reports.length;
    reporter.tell('running', null);
    reporter.tick(true);
    reporter.ended(1);
    assert.equal(reports.length, count);
  });

  it('tells a failed start with the code of the program', () => {
    reporter.ended(3);
    assert.deepEqual([last().state, last().exit, last().specific], [STATE.stopped, ERROR.serviceSpecific, 3]);
  });

  it('pauses and continues', () => {
    run();
    assert.equal(last().accepted, STOPPING | ACCEPT.pauseContinue | ACCEPT.paramChange);
    assert.deepEqual(reporter.control(CONTROL.pause).heard, { action: 'pause', reason: 'PAUSE' });
    assert.deepEqual(brief(), [STATE.pausePending, 1]);
    reporter.tell('pausing', null);
    assert.deepEqual(brief(), [STATE.pausePending, 2]);
    reporter.tell('paused', null);
    assert.deepEqual(brief(), [STATE.paused, 0]);
    assert.deepEqual(reporter.control(CONTROL.pause), { result: 0, heard: null }, 'it is paused already');
    assert.deepEqual(reporter.control(CONTROL.continue).heard, { action: 'resume', reason: 'CONTINUE' });
    assert.deepEqual(brief(), [STATE.continuePending, 1]);
    reporter.tell('running', null);
    assert.deepEqual(brief(), [STATE.running, 0]);
  });

  it('refuses to pause before it runs, and what the program does not offer', () => {
    assert.equal(reporter.control(CONTROL.pause).result, ERROR.callNotImplemented);
    assert.equal(reporter.control(CONTROL.paramChange).result, ERROR.callNotImplemented);
    reporter.offer(true, false);
    assert.equal(reporter.control(CONTROL.pause).result, ERROR.serviceCannotAcceptControl);
    reporter.tell('running', null);
    assert.equal(last().accepted, STOPPING | ACCEPT.pauseContinue);
    assert.equal(reporter.control(CONTROL.paramChange).result, ERROR.callNotImplemented);
    assert.equal(reporter.control(200).result, ERROR.callNotImplemented);
  });

  it('reloads without another state', () => {
    run();
    assert.deepEqual(reporter.control(CONTROL.paramChange).heard, {
      action: 'reload',
      reason: 'PARAMCHANGE',
    });
    reporter.tell('reloading', null);
    assert.deepEqual(brief(), [STATE.running, 0]);
  });

  it('says the same again to INTERROGATE', () => {
    run();
    const count = reports.length;
    assert.deepEqual(reporter.control(CONTROL.interrogate), { result: 0, heard: null });
    assert.equal(reports.length, count + 1);
    assert.deepEqual(reports.at(-1), reports.at(-2));
  });

  it('says when a program that was asked to stop can not hear it', () => {
    for (let time = 0; time < 2 * HUNG; time += PACE) reporter.tick(false);
    run();
    reporter.tick(false);
    assert.equal(reporter.hung, false, 'nobody asked it to');
    assert.equal(reporter.control(CONTROL.stop).heard?.action, 'stop');
    for (let time = 0; time < HUNG; time += PACE) reporter.tick(false);
    assert.equal(reporter.hung, false);
    reporter.tick(false);
    assert.equal(reporter.hung, true);
    reporter.tick(true);
    assert.equal(reporter.hung, false);
  });

  it('moves no checkpoint backwards, and nothing after STOPPED, whatever happens', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('control' as const),
        code: fc.constantFrom(...Object.values(CONTROL), 99),
      }),
      fc.record({
        kind: fc.constant('tell' as const),
        state: fc.constantFrom(
          'starting',
          'running',
          'pausing',
          'paused',
          'resuming',
          'reloading',
          'stopping',
        ),
      }),
      fc.record({ kind: fc.constant('tick' as const), turned: fc.boolean() }),
      fc.record({ kind: fc.constant('ended' as const), code: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const seen: Report[] = [];
        const one = new Reporter((report) => seen.push(report));
        one.begin();
        one.offer(true, true);
        for (const next of steps) {
          if (next.kind === 'control') one.control(next.code);
          else if (next.kind === 'tell') one.tell(next.state as 'running', null);
          else if (next.kind === 'tick') one.tick(next.turned);
          else one.ended(next.code);
        }
        for (const [at, report] of seen.entries()) {
          const before = seen[at - 1];
          const pending = ![STATE.running, STATE.paused, STATE.stopped].some(
            (state) => state === report.state,
          );
          assert.equal(report.checkpoint > 0, pending);
          assert.equal(report.hint > 0, pending);
          if (before === undefined) continue;
          assert.ok(before.state !== STATE.stopped || report.state === STATE.stopped, 'up from the dead');
          if (before.state === STATE.stopPending)
            assert.ok(report.state === STATE.stopPending || report.state === STATE.stopped);
          if (before.state === report.state) assert.ok(report.checkpoint >= before.checkpoint);
        }
      }),
    );
  });
});
