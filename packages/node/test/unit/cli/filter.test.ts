import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFilter, passes, prefixOf } from '../../../src/cli/tool/filter.ts';

const order = {
  id: '9007199254740993',
  total: 10,
  note: 'late delivery',
  items: [{ price: 1.5 }],
  paid: true,
  by: null,
  empty: '',
};

const holds = (expression: string, value: unknown = order, topic = 'plant/7/x'): boolean =>
  passes([parseFilter(expression)], topic, value);

describe('a filter', () => {
  for (const [expression, expected] of [
    ['total=10', true],
    ['total=10.0', true],
    ['total=1', false],
    ['total!=1', true],
    ['total>9', true],
    ['total>10', false],
    ['total<10.5', true],
    ['id=9007199254740993', true],
    ['id>9007199254740992', true],
    ['id=9007199254740992', false],
    ['note=late delivery', true],
    ['note~^late', true],
    ['note~early', false],
    ['note>1', false],
    ['empty<1', false],
    ['items.0.price=1.5', true],
    ['items.1.price=1.5', false],
    ['paid=true', true],
    ['by=null', true],
    ['gone=', false],
    ['gone!=1', true],
    ['gone~.', false],
    ['constructor~.', false],
    ['topic=plant/', true],
    ['topic=plant/8', false],
    ['topic~/x$', true],
    ['topic!=plant/7/x', false],
  ] as const) {
    it(`${expression} is ${expected}`, () => assert.equal(holds(expression), expected));
  }

  it('needs something decoded for a field', () => assert.equal(holds('total=10', null), false));

  it('is met only if all are', () => {
    const all = ['total>1', 'topic=plant/'].map(parseFilter);
    assert.equal(passes(all, 'plant/1', order), true);
    assert.equal(passes(all, 'other', order), false);
  });

  it('does not look for ever', () => {
    const endless = parseFilter('note~^(a+)+$');
    assert.equal(passes([endless], '', { note: 'aaa' }), true);
    const note = `${'a'.repeat(60)}!`;
    assert.throws(() => passes([endless], '', { note }), { code: 'USAGE', message: /1000 ms/ });
  });

  it('gives the node the longest prefix', () => {
    assert.equal(prefixOf(['topic=a', 'topic=a/b', 'x=1'].map(parseFilter)), 'a/b');
    assert.equal(prefixOf([parseFilter('topic~a')]), '');
  });

  for (const bad of ['', 'total', '=1', 'total>', 'total>many', 'a~(', 'two words=1']) {
    it(`is refused: ${bad}`, () => assert.throws(() => parseFilter(bad), { code: 'USAGE' }));
  }
});
