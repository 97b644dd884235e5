import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeValue, encodeValue } from '../../../../src/service/windows/registry.ts';

describe('values of the registry', () => {
  it('have the types and bytes of Windows', () => {
    assert.deepEqual(encodeValue(7), { type: 4, data: Buffer.from([7, 0, 0, 0]) });
    assert.deepEqual(encodeValue('a'), { type: 1, data: Buffer.from('a\0', 'utf16le') });
    assert.deepEqual(encodeValue({ expand: '%A%' }), { type: 2, data: Buffer.from('%A%\0', 'utf16le') });
    assert.deepEqual(encodeValue(['A=1', 'B=']), { type: 7, data: Buffer.from('A=1\0B=\0\0', 'utf16le') });
    assert.deepEqual(encodeValue([]), { type: 7, data: Buffer.from('\0', 'utf16le') });
  });

  it('come back as they were written', () => {
    const text = fc.string().filter((one) => !one.includes('\0'));
    const comesBack = (value: string | number | string[]): void => {
      const { type, data } = encodeValue(value);
      assert.deepEqual(decodeValue(type, data), value);
    };
    fc.assert(fc.property(text, comesBack));
    fc.assert(fc.property(fc.nat(0xffffffff), comesBack));
    fc.assert(fc.property(fc.array(text.filter((one) => one !== '')), comesBack));
  });

  it('that somebody else wrote are read without trust', () => {
    assert.equal(decodeValue(4, Buffer.from([1, 2])), null);
    assert.equal(decodeValue(3, Buffer.from([1])), null, 'a type that we do not use');
    assert.equal(decodeValue(1, Buffer.alloc(0)), '');
    assert.deepEqual(decodeValue(7, Buffer.from('a\0b', 'utf16le')), ['a', 'b'], 'no end');
    assert.deepEqual(decodeValue(7, Buffer.alloc(0)), []);
  });
});
