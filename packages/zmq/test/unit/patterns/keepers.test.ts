import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Keepers, type Kept } from '../../../src/patterns/keepers.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Hands out memory, one in `every` of which is kept, over two collections. */
async function watch(kept: Kept, every: number): Promise<void> {
  const keepers = new Keepers();
  const all: ArrayBuffer[] = [];
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 400; i++) {
      const memory = new ArrayBuffer(100);
      if (i % every === 0) all.push(memory);
      keepers.handedOut(memory, kept);
    }
    // What a weak reference was asked for stays until the turn is over.
    await turn();
    collect();
  }
  assert.ok(all.length <= 800);
}

describe('keepers', () => {
  it('are found when memory outlives a collection', async () => {
    const kept = { keeper: false };
    await watch(kept, 5);
    assert.ok(kept.keeper);
  });

  it('are not those who keep nothing, or one', async () => {
    const kept = { keeper: false };
    await watch(kept, 10_000);
    assert.ok(!kept.keeper);
  });
});
