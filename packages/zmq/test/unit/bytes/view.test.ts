import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allocate, copy, copyOf, copyWords, ON_HEAP, View, view } from '../../../src/bytes/view.ts';

describe('view', () => {
  it('is a Buffer over the same memory', () => {
    const bytes = Buffer.from('abcdef');
    const part = view(bytes, 2, 4);
    assert.ok(Buffer.isBuffer(part));
    assert.equal(part.toString(), 'cd');
    assert.equal(part.buffer, bytes.buffer);
    bytes[2] = 0x78;
    assert.equal(part.toString(), 'xd');
  });

  it('counts from the start of a Uint8Array that is itself a view', () => {
    const memory = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);
    const inner = memory.subarray(2, 7);
    assert.deepEqual([...view(inner, 1, 3)], [3, 4]);
  });

  it('may be empty, also at the end', () => {
    const bytes = Buffer.from('abc');
    assert.equal(view(bytes, 0, 0).length, 0);
    assert.equal(view(bytes, 3, 3).length, 0);
  });

  it('has the methods of Buffer, and slices of it too', () => {
    const part = new View(Buffer.from('hello').buffer, 0, 0);
    assert.equal(part.toString('hex'), '');
    assert.ok(view(Buffer.from('hello'), 0, 5).subarray(1, 3).equals(Buffer.from('el')));
    assert.ok(Buffer.isBuffer(view(Buffer.from('hello'), 0, 5).subarray(1)));
  });
});

describe('copy', () => {
  for (const length of [0, 1, 63, 64, 65, 255, 5000]) {
    it(`holds ${length} octets of its own`, () => {
      const bytes = Buffer.alloc(length, 7);
      const fresh = copy(bytes);
      assert.ok(Buffer.isBuffer(fresh));
      bytes.fill(9);
      assert.deepEqual(fresh, Buffer.alloc(length, 7));
    });
  }

  it('copies a part only', () => {
    assert.equal(copy(Buffer.from('abcdef').subarray(2, 4)).toString(), 'cd');
  });
});

describe('copies of small parts', () => {
  const memory = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 151 + (i >> 3)) & 255));
  // In the middle of memory, so that an offset that is counted from the wrong end shows.
  const bytes = new View(memory.buffer, memory.byteOffset + 5, 200);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

  for (const [name, make] of [
    ['octet by octet or by the constructor', (at: number, size: number) => copyOf(bytes, at, size)],
    ['by words', (at: number, size: number) => copyWords(words, at, size)],
  ] as const) {
    it(`${name}: each size at each offset, up to the last octet`, () => {
      for (let size = 0; size <= ON_HEAP; size++) {
        for (const at of [0, 1, 2, 3, 66, 200 - size]) {
          assert.deepEqual(make(at, size), Buffer.from(bytes.subarray(at, at + size)), `${size} at ${at}`);
        }
      }
    });

    it(`${name}: later ones leave earlier ones alone`, () => {
      const first = [1, 16, 17, 33, 64].map((size) => make(0, size));
      for (const size of [1, 16, 17, 33, 64]) make(100, size);
      for (const made of first) {
        assert.ok(Buffer.isBuffer(made));
        assert.deepEqual(made, Buffer.from(bytes.subarray(0, made.length)));
        assert.notEqual(made.buffer, bytes.buffer);
        assert.ok(made.buffer.byteLength <= ON_HEAP);
      }
    });
  }
});

describe('allocate', () => {
  it("shares no memory with anything, Node's pool included", () => {
    for (const length of [0, 1, 100, 5000]) {
      const bytes = allocate(length);
      assert.equal(bytes.length, length);
      assert.equal(bytes.byteOffset, 0);
      assert.equal(bytes.buffer.byteLength, length);
    }
  });
});
