/** Damaged WebSocket upgrades: the corpus, then some new ones. What is promised is in support/fuzz/upgrade.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Corpus, explore } from '../support/fuzz/corpus.ts';
import { open } from '../support/fuzz/targets.ts';
import { UPGRADES } from '../support/fuzz/upgrade.ts';
import { random, SEED, turns } from '../support/property.ts';

describe(`fuzz of WebSocket upgrades, FUZZ_SEED=${SEED}`, () => {
  for (const target of UPGRADES) {
    it(target, async () => {
      const { run, close } = await open(target);
      try {
        assert.match(await run(new Uint8Array(0)), /handshake|peer:ready/, 'the undamaged upgrade');
        const corpus = new Corpus(target);
        const count = turns(20);
        await explore(corpus, run, random(SEED), (runs) => runs < count);
        assert.ok(corpus.inputs.length > 5, 'they all led to the same place');
      } finally {
        await close();
      }
    });
  }
});
