/**
 * Handshakes with damage done to them, each mechanism on either side: the inputs of the corpus, then some new ones. What is
 * promised is in support/fuzz/handshake.ts. `npm run fuzz` goes on for as long as it is told to.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newProvider } from '../../src/crypto/provider.ts';
import { Corpus, explore } from '../support/fuzz/corpus.ts';
import { HANDSHAKES, runHandshake } from '../support/fuzz/handshake.ts';
import { random, SEED, turns } from '../support/property.ts';

/** Where each target has to get to; else the fuzzer says little. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  null: [
    'failed ERR_ZMTP_UNEXPEC',
    'failed ERR_ZMTP_INVALID_',
    'failed ERR_AUTHENTICATIO',
    'failed ERR_ZMTP_MESSAGE_',
  ],
  'null-asked': ['authenticate, ready', 'failed ERR_AUTHENTICATIO'],
  'plain-server': [
    'failed ERR_ZMTP_MALFORMED',
    'authenticate, failed ERR_AUTHENTICATIO',
    'authenticate, ready',
  ],
  'plain-client': ['failed ERR_ZMTP_MALFORMED', 'failed ERR_AUTHENTICATIO', 'ready'],
  'curve-server': [
    'failed ERR_ZMTP_CRYPTOGR',
    'authenticate, failed',
    'authenticate, ready, message',
    'ready, failed',
  ],
  'curve-client': ['failed ERR_ZMTP_CRYPTOGR', 'failed ERR_AUTHENTICATIO', 'ready, message', 'ready, failed'],
};

describe(`fuzz of handshakes, FUZZ_SEED=${SEED}`, async () => {
  const crypto = await newProvider(false);
  for (const target of HANDSHAKES) {
    it(target, async () => {
      const seen = new Set<string>();
      const run = (input: Uint8Array): string => {
        const signature = runHandshake(target, input, crypto);
        seen.add(signature);
        return signature;
      };
      const corpus = new Corpus(target);
      const good = run(new Uint8Array(0));
      assert.match(good, /ready, message 'this/, 'the undamaged handshake');
      const count = turns(target.startsWith('curve') ? 60 : 150);
      await explore(corpus, run, random(SEED), (runs) => runs < count);
      const all = [...seen].join('\n');
      for (const place of PLACES[target]!) assert.ok(all.includes(place), `${place} was never seen`);
    });
  }
});
