import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { z85Decode, z85Encode } from '../../../src/bytes/z85.ts';
import { runs } from '../../support/property.ts';
import { hex } from '../../support/wire.ts';

describe('Z85', () => {
  it('has the test case of RFC 32', () => {
    const octets = hex('86 4f d2 6f b5 59 f7 5b');
    assert.equal(z85Encode(octets), 'HelloWorld');
    assert.deepEqual(z85Decode('HelloWorld'), Uint8Array.from(octets));
  });

  it('has the borders of a group', () => {
    assert.equal(z85Encode(hex('00 00 00 00')), '00000');
    assert.equal(z85Encode(hex('ff ff ff ff')), '%nSc0');
    assert.deepEqual(z85Decode('%nSc0'), Uint8Array.of(255, 255, 255, 255));
    assert.equal(z85Decode('%nSc1'), null);
    assert.equal(z85Decode('#####'), null);
  });

  it('is no Z85: another length, another character', () => {
    for (const text of ['0', '0000', '000000', '0000"', '00 00', '0000ä', '0000\\', 'constructor'])
      assert.equal(z85Decode(text), null, text);
    assert.deepEqual(z85Decode(''), new Uint8Array(0));
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (some) => {
        const octets = some.subarray(0, some.length - (some.length % 4));
        const text = z85Encode(octets);
        assert.equal(text.length, (octets.length / 4) * 5);
        assert.deepEqual(z85Decode(text), Uint8Array.from(octets));
      }),
      runs(300),
    );
  });
});
