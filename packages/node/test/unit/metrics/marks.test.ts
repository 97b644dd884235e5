import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Marks } from '../../../src/metrics/marks.ts';

describe('the age of the oldest in a queue', () => {
  it('is 0 while nothing waits', () => {
    const marks = new Marks();
    marks.note(0, 100, 0);
    assert.equal(marks.age(5000), 0);
  });

  it('grows while the same message waits, and ends with it', () => {
    const marks = new Marks();
    marks.note(1000, 1, 1);
    marks.note(2000, 1, 1);
    assert.equal(marks.age(4000), 3000);
    marks.note(5000, 1, 0);
    assert.equal(marks.age(6000), 0);
  });

  it('is that of the oldest that is left, not of the queue', () => {
    const marks = new Marks();
    marks.note(1000, 10, 10);
    marks.note(2000, 20, 20);
    marks.note(3000, 30, 20);
    assert.equal(marks.age(3000), 1000);
  });

  it('begins anew when the counting does', () => {
    const marks = new Marks();
    marks.note(1000, 1000, 10);
    marks.note(2000, 5, 5);
    assert.equal(marks.age(3000), 1000);
  });

  it('is never less than a queue that knows every arrival says, and an eighth more at most', () => {
    const marks = new Marks();
    const arrivals: number[] = [];
    let left = 0;
    for (let second = 1; second <= 3000; second++) {
      for (let count = 0; count < 3; count++) arrivals.push(second * 1000);
      if (second % 2 === 0) left += 3;
      marks.note(second * 1000, arrivals.length, arrivals.length - left);
      const exact = second * 1000 - (arrivals[left] ?? 0);
      const age = marks.age(second * 1000);
      assert.ok(age >= exact && age <= exact * 1.25 + 1000, `${second}: ${age} for ${exact}`);
    }
  });
});
