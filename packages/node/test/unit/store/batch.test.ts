import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  BAD,
  batchLength,
  countOf,
  durableOf,
  firstOf,
  HEAD,
  isIntact,
  numberOf,
  producerOf,
  runStart,
  timeOf,
  writeHead,
} from '../../../src/store/batch.ts';
import { runOf } from '../../support/streams.ts';

const MARK = 0xfedc_ba98;

/** A batch of two records by producer `bob`, with some octets around it. */
function sample(producer = 'bob'): { bytes: Buffer; at: number; end: number } {
  const run = runOf('first', 'second');
  const name = Buffer.from(producer);
  const bytes = Buffer.alloc(7 + HEAD + name.length + run.end + 5, 0xee);
  bytes.set(run.bytes, 7 + HEAD + name.length);
  const end = bytes.length - 5;
  const head = {
    length: name.length + run.end,
    count: 2,
    first: 2 ** 40,
    timestamp: 1_790_000_000_000,
    number: 2 ** 33 + 1,
    durable: 0xf000_0001,
  };
  writeHead(bytes, 7, MARK, head, name, crc32(run.bytes));
  return { bytes, at: 7, end };
}

describe('a batch', () => {
  it('reads as it was written', () => {
    const { bytes, at, end } = sample();
    assert.equal(batchLength(bytes, at, end, MARK), end - at);
    assert.ok(isIntact(bytes, at, end));
    assert.equal(countOf(bytes, at), 2);
    assert.equal(firstOf(bytes, at), 2 ** 40);
    assert.equal(timeOf(bytes, at), 1_790_000_000_000);
    assert.equal(numberOf(bytes, at), 2 ** 33 + 1);
    assert.equal(producerOf(bytes, at), 'bob');
    assert.equal(durableOf(bytes, at), 0xf000_0001);
    assert.deepEqual(bytes.subarray(runStart(bytes, at), end), runOf('first', 'second').bytes);
  });

  it('takes the longest name of a producer', () => {
    const { bytes, at, end } = sample('x'.repeat(255));
    assert.equal(batchLength(bytes, at, end, MARK), end - at);
    assert.ok(isIntact(bytes, at, end));
    assert.equal(producerOf(bytes, at), 'x'.repeat(255));
  });

  it('does not survive the change of any bit', () => {
    const { bytes, at, end } = sample();
    for (let bit = at * 8; bit < end * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const length = batchLength(changed, at, changed.length, MARK);
      const good = length === end - at && isIntact(changed, at, at + length);
      assert.ok(!good, `bit ${bit & 7} of octet ${(bit >> 3) - at}`);
    }
  });

  it('says how long it is as soon as its head is there, and refuses what can not be one', () => {
    const { bytes, at, end } = sample();
    assert.equal(batchLength(bytes, at, at + HEAD - 1, MARK), HEAD);
    assert.equal(batchLength(bytes, at, at + HEAD, MARK), end - at);
    assert.equal(batchLength(bytes, at, end, MARK + 1), BAD);
    const cases: [string, number, number][] = [
      ['too long', 4, 0x7fff_ffff],
      ['no records', 12, 0],
      ['more records than octets', 12, 20],
      ['a sequence beyond 2^53', 16, 0x0020_0000],
    ];
    for (const [name, offset, value] of cases) {
      const changed = Buffer.from(bytes);
      changed.writeUInt32BE(value, at + offset);
      assert.equal(batchLength(changed, at, end, MARK), BAD, name);
    }
  });
});
