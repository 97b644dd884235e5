/** What a connection over CURVE costs before anything was said. */
import assert from 'node:assert/strict';
import { afterEach, it, mock } from 'node:test';
import { loadProvider } from '../../../src/crypto/provider.ts';
import { loadCurve } from '../../../src/socket/curve.ts';

afterEach(() => mock.restoreAll());

it('a connection to a CURVE server costs no key computation before its HELLO', async () => {
  const crypto = await loadProvider();
  const begin = (await loadCurve())(crypto.random(32), null);
  const calls = [
    mock.method(crypto, 'publicKey'),
    mock.method(crypto, 'keyPair'),
    mock.method(crypto, 'sharedKey'),
  ];
  const mechanisms = [begin([]), begin([])];
  assert.deepEqual(
    mechanisms.map(({ name, asServer }) => [name, asServer]),
    [
      ['CURVE', true],
      ['CURVE', true],
    ],
  );
  assert.deepEqual(
    calls.map(({ mock: { calls } }) => calls.length),
    [0, 0, 0],
  );
});
