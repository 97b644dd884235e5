import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Standing } from '../../../src/flow/place.ts';
import { Place } from '../../../src/flow/place.ts';
import { MemoryStream } from '../../support/memory-stream.ts';

/** A stream of so many records of one octet. */
function filled(count: number): MemoryStream {
  const stream = new MemoryStream();
  const bytes = Buffer.alloc(count * 2);
  stream.append({ bytes, start: 0, end: bytes.length, count });
  return stream;
}

/** Saves, and loads again. */
function again(standing: Standing, count = 100_000): { standing: Standing | null; stream: MemoryStream } {
  const stream = filled(count);
  new Place(stream, 'r', () => standing).save();
  return { standing: new Place(stream, 'r', () => standing).load(), stream };
}

describe('the place of a route in its stream', () => {
  it('is what was saved, and protects what is not delivered', () => {
    const saved = {
      next: 50,
      outstanding: [
        { first: 7, last: 9 },
        { first: 20, last: 20 },
      ],
    };
    const { standing, stream } = again(saved);
    assert.deepEqual(standing, saved);
    assert.equal(stream.protected, 7);
    assert.equal(again({ next: 50, outstanding: [] }).stream.protected, 50);
  });

  it('is not known at first', () => {
    assert.equal(new Place(filled(1), 'r', () => ({ next: 1, outstanding: [] })).load(), null);
  });

  it('has a bound: many ranges become fewer that hold all of them', () => {
    const outstanding = Array.from({ length: 10_000 }, (_, i) => ({
      first: 10 * i + 1,
      last: 10 * i + 2 + (i % 3),
    }));
    const { standing, stream } = again({ next: 100_001, outstanding });
    const ranges = standing?.outstanding ?? [];
    assert.ok(ranges.length > 0 && ranges.length <= 1000, `${ranges.length} ranges`);
    for (const { first, last } of outstanding)
      assert.ok(ranges.some((range) => range.first <= first && last <= range.last));
    assert.ok((stream.places.get('route:r')?.length ?? 0) < 64 * 1024);
  });

  it('is saved soon after something moved, once for many moves', async () => {
    const stream = filled(10);
    let asked = 0;
    const place = new Place(stream, 'r', () => ({ next: ++asked, outstanding: [] }));
    const saved = new Promise<void>((resolve) => {
      const { save } = stream.places;
      stream.places.save = (name, value) => {
        save.call(stream.places, name, value);
        resolve();
      };
    });
    place.moved();
    place.moved();
    assert.equal(asked, 0);
    await saved;
    assert.equal(asked, 1);
  });

  it('is saved as soon as before after one save for which the machine had no time', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const stream = filled(10);
    let next = 1;
    let busy = 0;
    const place = new Place(stream, 'r', () => {
      for (const end = performance.now() + busy; performance.now() < end; );
      return { next, outstanding: [] };
    });
    for (busy of [0, 50, 0]) {
      next++;
      place.moved();
      t.mock.timers.tick(10);
      assert.equal(stream.protected, next);
    }
  });
});
