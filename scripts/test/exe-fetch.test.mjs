/** What an executable is made of: only what was written down. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { verify } from '../exe/fetch.mjs';
import { TARGETS, targetOf, Unavailable } from '../exe/targets.mjs';

describe('the parts of an executable', () => {
  it('are refused when a single bit is another one', () => {
    const tarball = Buffer.from('a tarball');
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    verify(tarball, integrity, 'node@1');
    tarball[3] ^= 1;
    assert.throws(() => verify(tarball, integrity, 'node@1'), /node@1 is not what was written down/);
  });

  it('are pinned by SHA-512 for every target', () => {
    for (const name of TARGETS) {
      const { node, koffi } = targetOf(name);
      for (const { package: of, version, integrity } of [node, koffi]) {
        assert.match(version, /^\d+\.\d+\.\d+$/, of);
        assert.equal(Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').length, 64, of);
      }
    }
  });

  it('are not to be had for a system that nobody knows', () => {
    assert.throws(() => targetOf('plan9-x64'), Unavailable);
  });
});
