import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ZerothError } from '../../../src/errors.ts';
import type { Step } from '../../../src/service/manager.ts';
import { performSteps } from '../../../src/service/steps.ts';

function plan(did: string[], fails: string | null, undoFails: string | null = null): Step[] {
  return ['a', 'b', 'c'].map((what) => ({
    what,
    perform: () => {
      if (what === fails) return Promise.reject(new ZerothError('SERVICE_FAILED', `no ${what}`));
      did.push(what);
      return Promise.resolve();
    },
    undo: () => {
      if (what === undoFails) return Promise.reject(new Error('stuck'));
      did.push(`-${what}`);
      return Promise.resolve();
    },
  }));
}

test('steps run in their order, and each is told', async () => {
  const did: string[] = [];
  const told: string[] = [];
  await performSteps(plan(did, null), ({ what }) => told.push(what));
  assert.deepEqual(
    [did, told],
    [
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ],
  );
});

test('what was done before a failure is taken back, last first', async () => {
  const did: string[] = [];
  await assert.rejects(performSteps(plan(did, 'c')), { code: 'SERVICE_FAILED', message: 'no c' });
  assert.deepEqual(did, ['a', 'b', '-b', '-a']);
});

test('what could not be taken back is said, and the rest is taken back', async () => {
  const did: string[] = [];
  await assert.rejects(performSteps(plan(did, 'c', 'b')), {
    code: 'SERVICE_FAILED',
    message: 'no c; not taken back: b (stuck)',
  });
  assert.deepEqual(did, ['a', 'b', '-a']);
});
