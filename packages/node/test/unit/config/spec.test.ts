import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allowedValues, defaultOf } from '../../../src/config/leaf.ts';
import { fold } from '../../../src/config/nearest.ts';
import type { LeafSpec, Spec } from '../../../src/config/spec/kinds.ts';
import { SPEC } from '../../../src/config/spec/table.ts';
import { parseDuration, parseSize } from '../../../src/config/units.ts';
import { CONTEXT } from './support.ts';

function* walk(spec: Spec, path: string): Generator<[path: string, spec: Spec]> {
  yield [path, spec];
  if (spec.type === 'entries') yield* walk(spec.entry, `${path}.<${spec.noun}>`);
  if (spec.type === 'section')
    for (const [key, child] of Object.entries(spec.keys)) yield* walk(child, `${path}.${key}`);
}
const ALL = [...walk(SPEC, '')];
const isLeaf = (spec: Spec): spec is LeafSpec => spec.type !== 'section' && spec.type !== 'entries';

describe('the specification', () => {
  for (const [path, spec] of ALL) {
    it(`of ${path === '' ? 'the file' : path} is complete`, () => {
      assert.match(spec.description, /^[A-Z].*\.$/s);
      assert.equal(typeof spec.secret, 'boolean');
      assert.equal(typeof spec.reloadable, 'boolean');
      assert.deepEqual(spec.knownAs.map(fold), [...spec.knownAs], 'other names are compared folded');
      if (!isLeaf(spec)) return;
      assert.notEqual(allowedValues(spec).length, 0);
      // Throws for a default that its own check refuses.
      const value = defaultOf(spec, CONTEXT);
      assert.equal(value === undefined, spec.required);
      if (spec.type === 'duration') {
        assert.equal(spec.unit, 'ms');
        assert.ok(parseDuration(spec.min).ok && parseDuration(spec.max).ok);
      }
      if (spec.type === 'size') {
        assert.equal(spec.unit, 'bytes');
        assert.ok(parseSize(spec.min).ok && parseSize(spec.max).ok);
      }
    });
  }

  it('has no two keys of a section that are known by one name', () => {
    for (const [path, spec] of ALL) {
      if (spec.type !== 'section') continue;
      const names = Object.entries(spec.keys).flatMap(([key, child]) => [fold(key), ...child.knownAs]);
      assert.equal(new Set(names).size, names.length, path);
    }
  });

  it('durations fit in a timer', () => {
    for (const [path, spec] of ALL) {
      // Compared with the time of records: no timer waits for it.
      if (spec.type !== 'duration' || path.endsWith('.retain.age')) continue;
      const most = parseDuration(spec.max);
      assert.ok(most.ok && most.value < 2 ** 31, path);
    }
  });
});
