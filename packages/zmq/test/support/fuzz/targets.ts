/** Everything that `npm run fuzz` can damage. */
import { newProvider } from '../../../src/crypto/provider.ts';
import type { Run } from './corpus.ts';
import { HANDSHAKES, type Handshake, runHandshake } from './handshake.ts';

export const TARGETS: readonly string[] = [...HANDSHAKES];

export async function open(target: string): Promise<{ run: Run; close: () => Promise<void> }> {
  const crypto = await newProvider(false);
  return {
    run: (input) => runHandshake(target as Handshake, input, crypto),
    close: () => Promise.resolve(),
  };
}
