/** Calls of a ZAP handler: how many at once, and what becomes of those that nobody wants any more. */
import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { addressOf } from '../../../src/socket/zap.ts';
import { callsOf, type ZapHandler, type ZapReply, type ZapRequest } from '../../../src/socket/zap-handler.ts';

const REQUEST: ZapRequest = { domain: '', address: '', identity: Buffer.alloc(0), mechanism: 'NULL' };
const MOST = 1000;

/** A handler that answers when it is told to. */
function slow(): { handler: ZapHandler; answers: ((reply: ZapReply) => void)[] } {
  const answers: ((reply: ZapReply) => void)[] = [];
  return { handler: () => new Promise((resolve) => answers.push(resolve)), answers };
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('calls of a ZAP handler', () => {
  it('at most 1000 at once; the others follow in order', async () => {
    const { handler, answers } = slow();
    const done: number[] = [];
    for (let n = 0; n < MOST + 3; n++) callsOf(handler).call(REQUEST, 10_000, () => done.push(n));
    await soon();
    assert.equal(answers.length, MOST);
    answers[5]!({ status: 200 });
    await soon();
    assert.deepEqual([answers.length, done], [MOST + 1, [5]]);
    for (const answer of answers.slice()) answer({ status: 200 });
    await soon();
    for (const answer of answers.slice(MOST + 1)) answer({ status: 200 });
    await soon();
    assert.deepEqual([answers.length, done.length, done.at(-1)], [MOST + 3, MOST + 3, MOST + 2]);
  });

  it('one that waits and is taken back is not made', async () => {
    const { handler, answers } = slow();
    const heard: string[] = [];
    const first = callsOf(handler).call(REQUEST, 10_000, () => heard.push('first'));
    await soon();
    const second = callsOf(handler).call(REQUEST, 10_000, () => heard.push('second'));
    second();
    first();
    await soon();
    assert.equal(answers.length, 1);
    answers[0]!({ status: 200 });
    await soon();
    assert.deepEqual(heard, []);
  });

  it('one that never ends gives its place up after its time', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const { handler, answers } = slow();
      for (let n = 0; n < MOST + 1; n++) callsOf(handler).call(REQUEST, 500, () => {});
      await soon();
      assert.equal(answers.length, MOST);
      mock.timers.tick(499);
      await soon();
      assert.equal(answers.length, MOST);
      mock.timers.tick(1);
      await soon();
      assert.equal(answers.length, MOST + 1);
    } finally {
      mock.timers.reset();
    }
  });

  it('is never made from within the question', () => {
    let called = false;
    const handler: ZapHandler = () => {
      called = true;
      return { status: 200 };
    };
    callsOf(handler).call(REQUEST, 10_000, () => {});
    assert.equal(called, false);
  });
});

describe('the address that a ZAP handler is told', () => {
  for (const [remote, address] of [
    ['tcp://10.0.0.7:51234', '10.0.0.7'],
    ['tcp://[::1]:51234', '::1'],
    ['tcp://[fe80::1%eth0]:1', 'fe80::1%eth0'],
    ['ws://10.0.0.7:51234', '10.0.0.7'],
    ['wss://[::1]:443/zmq', '::1'],
    ['ipc:///tmp/x', ''],
    ['ipc://@x:1', ''],
  ] as const) {
    it(`${remote}: ${address || 'none'}`, () => assert.equal(addressOf(remote), address));
  }
});
