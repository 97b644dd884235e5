import assert from 'node:assert/strict';
import { it } from 'node:test';
import { plainFields } from '../../../src/log/plain.ts';

it('fields become plain values, whatever they are', () => {
  const ring: Record<string, unknown> = {};
  ring.ring = ring;
  const hostile = new Error('x');
  Object.defineProperty(hostile, 'stack', {
    get: () => {
      throw new Error('no');
    },
  });
  const endless = new Error('endless');
  endless.cause = endless;
  const { err, deep, ...rest } = plainFields({
    text: 'a',
    number: 1,
    on: true,
    none: null,
    missing: undefined,
    list: ['a', { b: 1, call: () => {} }],
    big: 2n,
    call: Symbol('s'),
    ring,
    hostile,
    err: new Error('boom'),
    deep: endless,
  });
  assert.deepEqual(rest, {
    text: 'a',
    number: 1,
    on: true,
    none: null,
    list: ['a', { b: 1 }],
    big: '2',
    call: 'Symbol(s)',
    ring: 'not to be told',
    hostile: 'not to be told',
  });
  assert.match(err as string, /^Error: boom\n {4}at /);
  assert.equal((deep as string).split('caused by: ').length, 6);
});

it('fields are what they were when it happened, and can be given to another thread', () => {
  const server = { port: 1, close: () => {} };
  const plain = plainFields({ server });
  server.port = 2;
  assert.deepEqual(structuredClone(plain), { server: { port: 1 } });
});
