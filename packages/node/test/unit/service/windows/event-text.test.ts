import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventRecord } from '../../../../src/log/events.ts';
import { eventText, eventType } from '../../../../src/service/windows/event-text.ts';

const event = (message: string, fields: Record<string, unknown> = {}): EventRecord => ({
  id: 1,
  name: 'x',
  level: 'info',
  message,
  fields,
  time: 0,
});

describe('the text of an event', () => {
  it('is the message, then a line for each field', () => {
    assert.equal(
      eventText(event('route ready', { route: 'a', ports: [1, 2], none: undefined, nothing: null })),
      'route ready\r\n\r\nroute: a\r\nports: [1,2]\r\nnothing: null',
    );
    assert.equal(eventText(event('node stopped')), 'node stopped');
  });

  it('has nothing that Event Viewer would replace, or that would cut it', () => {
    assert.equal(
      eventText(event('at fe80::1%5 100% 50%%1', { a: 'x\0y' })),
      'at fe80::1% 5 100% 50%% 1\r\n\r\na: x\u{FFFD}y',
    );
  });

  it('is bounded, and keeps no half of a character', () => {
    for (const fill of ['x'.repeat(29_998), 'x'.repeat(29_999), 'x'.repeat(30_000)]) {
      const text = eventText(event(`${fill}😀😀`));
      assert.ok(text.length <= 30_000);
      assert.equal(text, Buffer.from(text).toString(), 'a lone surrogate would not survive that');
    }
  });

  it('survives values that JSON can not have', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    assert.match(
      eventText(event('m', { cycle, big: 1n, error: new Error('boom') })),
      /big: 1\r\nerror: Error: boom/,
    );
  });

  it('has the type that its level says', () => {
    assert.deepEqual((['info', 'warn', 'error', 'fatal'] as const).map(eventType), [4, 2, 1, 1]);
  });
});
