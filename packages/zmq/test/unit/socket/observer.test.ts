import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../src/socket/events.ts';
import { Observer } from '../../../src/socket/observer.ts';
import { turn, within } from '../../support/deadline.ts';

const event = (address: string): Event => ({ type: 'connect', address });
const address = (each: Event): string => ('address' in each ? each.address : each.type);

describe('observer', () => {
  it('gives events in order, those that came before included', async () => {
    const observer = new Observer();
    observer.push(event('1'));
    observer.push(event('2'));
    assert.equal(address(await observer.receive()), '1');
    assert.equal(address(await observer.receive()), '2');
    const waiting = observer.receive();
    observer.push(event('3'));
    assert.equal(address(await within(waiting, 'the third')), '3');
  });

  it('lets one wait at a time', async () => {
    const observer = new Observer();
    const waiting = observer.receive();
    await assert.rejects(observer.receive(), { code: 'EBUSY' });
    observer.push(event('1'));
    assert.equal(address(await within(waiting, 'the first')), '1');
  });

  it('ends who waits with EAGAIN when it is closed, and refuses with EBADF after that', async () => {
    const observer = new Observer();
    observer.push(event('unread'));
    await observer.receive();
    const waiting = observer.receive();
    assert.ok(!observer.closed);
    observer.close();
    observer.close();
    assert.ok(observer.closed);
    await assert.rejects(within(waiting, 'an end'), { code: 'EAGAIN' });
    await assert.rejects(observer.receive(), { code: 'EBADF' });
    observer.push(event('late'));
    await assert.rejects(observer.receive(), { code: 'EBADF' });
  });

  it('can be read with for await, until the end', async () => {
    const observer = new Observer();
    observer.push(event('1'));
    observer.push(event('2'));
    observer.push({ type: 'end' });
    observer.push(event('after the end'));
    const seen: string[] = [];
    for await (const each of observer) seen.push(address(each));
    assert.deepEqual(seen, ['1', '2', 'end']);
    assert.ok(observer.closed);
  });

  it('ends a for await that waits, when it is closed or the end comes', async () => {
    for (const how of ['close', 'end'] as const) {
      const observer = new Observer();
      const seen: string[] = [];
      const reading = (async (): Promise<void> => {
        for await (const each of observer) seen.push(address(each));
      })();
      observer.push(event('1'));
      await turn();
      if (how === 'close') observer.close();
      else observer.push({ type: 'end' });
      await within(reading, how);
      assert.deepEqual(seen, how === 'close' ? ['1'] : ['1', 'end']);
      assert.ok(observer.closed);
    }
  });

  it('goes on after a for await that was left', async () => {
    const observer = new Observer();
    for (const text of ['1', '2', '3']) observer.push(event(text));
    for await (const each of observer) {
      assert.equal(address(each), '1');
      break;
    }
    assert.ok(!observer.closed);
    assert.equal(address(await observer.receive()), '2');
  });

  it('calls listeners, for what was kept too, and never in the middle of something', async () => {
    const observer = new Observer();
    observer.push(event('kept'));
    const seen: string[] = [];
    assert.equal(
      observer.on('connect', (each) => void seen.push(each.address)),
      observer,
    );
    observer.push(event('new'));
    observer.push({ type: 'bind', address: 'other' });
    assert.deepEqual(seen, []);
    await turn();
    assert.deepEqual(seen, ['kept', 'new']);
  });

  it('calls listeners of a type only, and none that were taken off', async () => {
    const observer = new Observer();
    const seen: string[] = [];
    const listener = (each: { address: string }): void => void seen.push(each.address);
    observer.on('connect', listener).on('bind', (each) => void seen.push(`bind ${each.address}`));
    observer.push(event('1'));
    await turn();
    observer.off('connect', listener);
    observer.push(event('2'));
    observer.push({ type: 'bind', address: 'b' });
    await turn();
    assert.deepEqual(seen, ['1', 'bind b']);
  });

  it('is closed when listeners had the end', async () => {
    const observer = new Observer();
    let ended = 0;
    observer.on('end', () => ended++);
    observer.push({ type: 'end' });
    await turn();
    assert.equal(ended, 1);
    assert.ok(observer.closed);
  });

  it('calls nobody any more once it is closed', async () => {
    const observer = new Observer();
    const seen: string[] = [];
    observer.on('connect', (each) => void seen.push(each.address));
    observer.push(event('1'));
    observer.close();
    observer.push(event('2'));
    await turn();
    assert.deepEqual(seen, []);
  });

  it('is read with listeners or with receive, not both', () => {
    const observer = new Observer();
    observer.on('connect', () => {});
    assert.throws(() => observer.receive(), /event emitter mode/);
  });

  it('keeps the last 10,000 events for a reader that does not come', async () => {
    const observer = new Observer();
    for (let i = 0; i < 10_050; i++) observer.push(event(String(i)));
    observer.push({ type: 'end' });
    const seen: string[] = [];
    for await (const each of observer) seen.push(address(each));
    assert.equal(seen.length, 10_000);
    assert.deepEqual([seen[0], seen.at(-1)], ['51', 'end']);
  });
});
