/** Everything that `npm run fuzz` can damage. */
import { newProvider } from '../../../src/crypto/provider.ts';
import type { Run } from './corpus.ts';
import { HANDSHAKES, type Handshake, runHandshake } from './handshake.ts';
import { openUpgrade, UPGRADES, type Upgrade } from './upgrade.ts';

export const TARGETS: readonly string[] = [...HANDSHAKES, ...UPGRADES];

/** A target, to be closed when it is done with. */
export async function open(target: string): Promise<{ run: Run; close: () => Promise<void> }> {
  if ((UPGRADES as readonly string[]).includes(target)) return openUpgrade(target as Upgrade);
  const crypto = await newProvider(false);
  return {
    run: (input) => runHandshake(target as Handshake, input, crypto),
    close: () => Promise.resolve(),
  };
}
