import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accountOf, serviceSid } from '../../../../src/service/windows/sid.ts';

describe('accounts of Windows', () => {
  it('a service has the identifier that Windows gives it', () => {
    // The same on every Windows.
    assert.equal(
      serviceSid('TrustedInstaller'),
      'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464',
    );
    assert.equal(serviceSid('trustedinstaller'), serviceSid('TrustedInstaller'));
  });

  it('knows those without a password', () => {
    assert.equal(accountOf(null, 'edge-2'), 'NT SERVICE\\edge-2');
    assert.equal(accountOf('localsystem', 'x'), 'LocalSystem');
    assert.equal(accountOf('NT AUTHORITY\\Network Service', 'x'), 'NT AUTHORITY\\NetworkService');
    assert.equal(accountOf('PLANT\\zeroth$', 'x'), 'PLANT\\zeroth$');
    assert.equal(accountOf('NT SERVICE\\other', 'x'), 'NT SERVICE\\other');
  });

  it('takes none that needs one, and says which it takes', () => {
    assert.throws(() => accountOf('PLANT\\anna', 'x'), {
      code: 'USAGE',
      message: /PLANT\\anna needs a password.*NT SERVICE\\x/,
    });
  });
});
