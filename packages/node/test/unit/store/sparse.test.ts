import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readIndex, Sparse, STEP, writeIndex } from '../../../src/store/sparse.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

const PATH = '/s/00000000000000000010.log';

function sample(): Sparse {
  const sparse = new Sparse();
  for (let i = 0; i < 100; i++) sparse.note(10 + i, 1000 + Math.floor(i / 10) * 10, 40 + i * (STEP / 4));
  return sparse;
}

describe('a sparse index', () => {
  it('keeps a batch now and then, and finds the one before', () => {
    const sparse = sample();
    assert.deepEqual(sparse.sequences.slice(0, 3), [10, 14, 18]);
    assert.equal(sparse.before(10), 40);
    assert.equal(sparse.before(13), 40);
    assert.equal(sparse.before(14), 40 + STEP);
    assert.equal(sparse.before(10_000), sparse.offsets.at(-1));
    assert.equal(new Sparse().before(1), null);
  });

  it('finds a batch that is older than a time, though many have the same time', () => {
    const sparse = sample();
    assert.equal(sparse.beforeTime(1000), null);
    // Batches 10 to 19 have 1000: the one before the first of 1010 has to be found.
    assert.equal(sparse.beforeTime(1010), 40 + STEP * 2);
    assert.equal(sparse.beforeTime(99_999), sparse.offsets.at(-1));
  });

  it('is the same after it was written; damaged or missing it is none', async () => {
    const files = new MemoryFiles();
    const segment = {
      path: PATH,
      first: 10,
      next: 110,
      start: 40,
      end: 9_000_000,
      firstTime: 1000,
      lastTime: 1090,
      began: 1000,
      written: 1090,
      sparse: null,
    };
    await writeIndex(files, segment, sample());
    const path = PATH.replace('.log', '.index');
    assert.deepEqual(await readIndex(files, PATH, 10), { ...segment, sparse: sample() });
    assert.equal(await readIndex(files, PATH, 11), null, 'of another segment');
    const bytes = files.content(path);
    for (let octet = 0; octet < bytes.length; octet += 7) {
      const changed = Buffer.from(bytes);
      changed[octet]! ^= 1;
      files.put(path, changed);
      assert.equal(await readIndex(files, PATH, 10), null, `octet ${octet}`);
    }
    files.put(path, bytes.subarray(0, bytes.length - 5));
    assert.equal(await readIndex(files, PATH, 10), null, 'cut');
    await files.remove(path);
    assert.equal(await readIndex(files, PATH, 10), null, 'missing');
  });
});
