import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ZmqError } from '../../../src/errors.ts';
import { Waiters } from '../../../src/socket/waiters.ts';
import { within } from '../../support/deadline.ts';

interface Bench {
  readonly waiters: Waiters<number, string>;
  /** What was tried, in order. */
  readonly asked: number[];
  /** Numbers up to here can be served; those below 0 never. */
  limit: number;
}

function make(): Bench {
  const asked: number[] = [];
  const attempt = (input: number): string | null => {
    asked.push(input);
    if (input < 0) throw new ZmqError('EFSM');
    return input <= bench.limit ? `done ${input}` : null;
  };
  const bench: Bench = { waiters: new Waiters(attempt), asked, limit: 0 };
  return bench;
}

describe('waiters', () => {
  it('are served in order, the first first', async () => {
    const bench = make();
    const order: string[] = [];
    const all = [3, 1, 2].map((input) =>
      bench.waiters.wait(input, -1, undefined).then((text) => order.push(text)),
    );
    assert.equal(bench.waiters.length, 3);
    bench.limit = 2;
    bench.waiters.serve();
    assert.deepEqual(bench.asked, [3], 'nobody passes the first');
    bench.limit = 3;
    bench.waiters.serve();
    await within(Promise.all(all), 'all three');
    assert.deepEqual(order, ['done 3', 'done 1', 'done 2']);
    assert.equal(bench.waiters.length, 0);
  });

  it('stop at the first who has to go on waiting', async () => {
    const bench = make();
    const first = bench.waiters.wait(1, -1, undefined);
    const second = bench.waiters.wait(9, -1, undefined);
    bench.limit = 1;
    bench.waiters.serve();
    assert.equal(await within(first, 'the first'), 'done 1');
    assert.equal(bench.waiters.length, 1);
    bench.waiters.fail(new ZmqError('EBADF'));
    await assert.rejects(within(second, 'the second'), { code: 'EBADF' });
  });

  it('try when the one in front of them gives up', async () => {
    const bench = make();
    const controller = new AbortController();
    bench.limit = 1;
    const first = bench.waiters.wait(9, -1, controller.signal);
    const second = bench.waiters.wait(1, -1, undefined);
    const third = bench.waiters.wait(9, 1, undefined);
    const fourth = bench.waiters.wait(1, -1, undefined);
    controller.abort(new Error('enough'));
    await assert.rejects(first, /enough/);
    assert.equal(await within(second, 'the second'), 'done 1');
    await assert.rejects(third, { code: 'EAGAIN' });
    assert.equal(await within(fourth, 'the fourth'), 'done 1');
  });

  it('leave with the error of their attempt, and let the next try', async () => {
    const bench = make();
    const bad = bench.waiters.wait(-1, -1, undefined);
    const good = bench.waiters.wait(1, -1, undefined);
    bench.limit = 1;
    bench.waiters.serve();
    await assert.rejects(within(bad, 'the bad one'), { code: 'EFSM' });
    assert.equal(await within(good, 'the good one'), 'done 1');
  });

  it('may make room for each other while they are served', async () => {
    let room = 1;
    const waiters: Waiters<string, string> = new Waiters((input) => {
      if (room === 0) return null;
      room--;
      if (input === 'maker') {
        room += 2;
        waiters.serve();
      }
      return input;
    });
    const all = Promise.all(['maker', 'a', 'b'].map((input) => waiters.wait(input, -1, undefined)));
    waiters.serve();
    assert.deepEqual(await within(all, 'all of them'), ['maker', 'a', 'b']);
  });

  it('give up with EAGAIN after their time, and only then', async () => {
    const bench = make();
    await assert.rejects(within(bench.waiters.wait(1, 0, undefined), 'no time'), { code: 'EAGAIN' });
    const short = bench.waiters.wait(1, 1, undefined);
    const long = bench.waiters.wait(1, 60_000, undefined);
    await assert.rejects(within(short, 'a short time'), { code: 'EAGAIN' });
    assert.equal(bench.waiters.length, 1);
    bench.limit = 1;
    bench.waiters.serve();
    assert.equal(await within(long, 'the other'), 'done 1');
  });

  it('give up when their signal says so, with its reason', async () => {
    const bench = make();
    const reason = new Error('enough');
    await assert.rejects(within(bench.waiters.wait(1, -1, AbortSignal.abort(reason)), 'aborted'), reason);
    const controller = new AbortController();
    const first = bench.waiters.wait(1, -1, controller.signal);
    const second = bench.waiters.wait(1, -1, undefined);
    controller.abort(reason);
    await assert.rejects(within(first, 'the first'), reason);
    bench.limit = 1;
    bench.waiters.serve();
    assert.equal(await within(second, 'the second'), 'done 1');
    controller.abort();
  });

  it('leave no listener on a signal that is used again and again', async () => {
    const bench = make();
    bench.limit = 1;
    const { signal } = new AbortController();
    let listening = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listening++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listening--;
      remove(...args);
    };
    for (let i = 0; i < 5; i++) {
      const waiting = bench.waiters.wait(1, 60_000, signal);
      assert.equal(listening, 1);
      bench.waiters.serve();
      await within(waiting, 'a turn');
      assert.equal(listening, 0);
    }
    const failed = bench.waiters.wait(1, 60_000, signal);
    bench.waiters.fail(new ZmqError('EBADF'));
    await assert.rejects(failed, { code: 'EBADF' });
    assert.equal(listening, 0);
  });

  it('all fail together', async () => {
    const bench = make();
    const all = [1, 2, 3].map((input) => bench.waiters.wait(input, 60_000, undefined));
    bench.waiters.fail(new ZmqError('EAGAIN'));
    for (const each of all) await assert.rejects(within(each, 'an end'), { code: 'EAGAIN' });
    assert.equal(bench.waiters.length, 0);
    bench.waiters.serve();
    assert.deepEqual(bench.asked, []);
  });
});
