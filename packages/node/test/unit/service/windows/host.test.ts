/** The rest of the host needs the service control manager: packages/node/test/windows. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openWindowsHost } from '../../../../src/service/windows/host.ts';

describe('a host of the Windows service control manager', () => {
  it('says what is missing to talk with it', {
    skip: process.platform === 'win32' && 'it is there',
  }, async () => {
    await assert.rejects(openWindowsHost('x'), {
      code: 'SERVICE_UNSUPPORTED',
      message: /^no way to the service control manager: /,
    });
  });
});
