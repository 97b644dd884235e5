import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readBlock, resync } from '../../../src/store/block.ts';
import { piecesOf, Queue } from '../../../src/store/queue.ts';
import { type Scanned, type ScanRequest, scanSegment } from '../../../src/store/scan.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { runOf } from '../../support/streams.ts';

const MARK = 0x1234_5678;
const PATH = '/s/00000000000000000001.log';
const START = 40;

/** Batches of one record each; `writes`: how many batches each write took. Returns where each batch begins, and the end. */
function fileOf(...writes: number[]): { data: Buffer; at: number[] } {
  const parts: Buffer[] = [Buffer.alloc(START, 0x11)];
  const at: number[] = [];
  let offset = START;
  let sequence = 1;
  for (const count of writes) {
    const durable = offset;
    for (let i = 0; i < count; i++) {
      const queue = new Queue();
      queue.add(runOf(`record ${sequence}`), sequence, 100 + sequence, 'bob', sequence);
      const bytes = Buffer.concat(piecesOf(queue.take(1), MARK, durable));
      at.push(offset);
      offset += bytes.length;
      parts.push(bytes);
      sequence++;
    }
  }
  return { data: Buffer.concat(parts), at: [...at, offset] };
}

async function scan(data: Buffer, request: Partial<ScanRequest> = {}): Promise<Scanned> {
  const files = new MemoryFiles();
  files.put(PATH, data);
  const file = await files.open(PATH, 'read');
  return scanSegment({ file, path: PATH, mark: MARK, first: 1, start: START, limit: null, ...request });
}

function brief({ segment, damages }: Scanned): unknown[] {
  return [
    segment.next,
    segment.end,
    damages.map(({ kind, offset, bytes, first, last }) => [kind, offset, bytes, first, last]),
  ];
}

describe('reading a segment', () => {
  it('finds all there is', async () => {
    const { data, at } = fileOf(1, 3, 1);
    const scanned = await scan(data);
    assert.deepEqual(brief(scanned), [6, data.length, []]);
    assert.equal(scanned.records, 5);
    assert.equal(scanned.segment.firstTime, 101);
    assert.equal(scanned.segment.lastTime, 105);
    assert.equal(scanned.segment.sparse?.before(3), at[0]);
  });

  it('cuts a torn tail, wherever it is torn', async () => {
    const { data, at } = fileOf(1, 1, 1);
    const last = at[2]!;
    for (let end = last + 1; end < data.length; end++)
      assert.deepEqual(
        brief(await scan(data.subarray(0, end))),
        [3, last, [['torn', last, end - last, 3, 2]]],
        `${end}`,
      );
    // A file may have its length without its content.
    for (let end = last; end < data.length; end += 3) {
      const zeroed = Buffer.from(data);
      zeroed.fill(0, end);
      assert.deepEqual(
        brief(await scan(zeroed)),
        [3, last, [['torn', last, data.length - last, 3, 2]]],
        `${end}`,
      );
    }
  });

  it('tells damage in the middle from a write that was torn in the middle', async () => {
    const { data, at } = fileOf(1, 3, 1);
    const damaged = Buffer.from(data);
    damaged[at[2]! + 60]! ^= 1;
    // The last write says that all before it was on the disk.
    assert.deepEqual(brief(await scan(damaged)), [
      6,
      data.length,
      [['damaged', at[2]!, at[3]! - at[2]!, 3, 3]],
    ]);
    // Without it, the second write may not have been finished: nobody was told that it is stored.
    const torn = damaged.subarray(0, at[4]!);
    assert.deepEqual(brief(await scan(torn)), [3, at[2]!, [['torn', at[2]!, at[4]! - at[2]!, 3, 2]]]);
    // In a segment that has a successor it was on the disk.
    assert.deepEqual(brief(await scan(torn, { limit: 5 })), [
      5,
      at[4]!,
      [['damaged', at[2]!, at[3]! - at[2]!, 3, 3]],
    ]);
  });

  it('tells damage and a torn tail in the same file', async () => {
    const { data, at } = fileOf(1, 1, 1, 2);
    const bad = Buffer.from(data);
    bad[at[1]! + 5]! ^= 1;
    bad[at[3]! + 50]! ^= 1;
    assert.deepEqual(brief(await scan(bad)), [
      4,
      at[3],
      [
        ['damaged', at[1]!, at[2]! - at[1]!, 2, 2],
        ['torn', at[3]!, data.length - at[3]!, 4, 3],
      ],
    ]);
  });

  it('does not tell of batches that are torn off', async () => {
    const { data, at } = fileOf(1, 3);
    const torn = Buffer.from(data);
    torn[at[1]! + 50]! ^= 1;
    const told: number[] = [];
    await scan(torn, { onBatch: (block, from) => told.push(block.offset + from) });
    assert.deepEqual([...new Set(told)], [at[0]]);
  });

  it('does not count what belongs to the next segment', async () => {
    const { data, at } = fileOf(1, 1, 1);
    assert.deepEqual(brief(await scan(data, { limit: 3 })), [3, at[2], []]);
    // What a failed write has left behind that hurts nobody.
    assert.deepEqual(brief(await scan(data.subarray(0, at[2]! + 20), { limit: 3 })), [
      3,
      at[2]! + 20,
      [['torn', at[2]!, 20, 3, 2]],
    ]);
    // Records that the name of the next segment says there were.
    assert.deepEqual(brief(await scan(data.subarray(0, at[1]), { limit: 3 })), [
      2,
      at[1],
      [['damaged', at[1]!, 0, 2, 2]],
    ]);
  });

  it('finds batches behind a damaged header, and nothing in garbage', async () => {
    const { data, at } = fileOf(1, 1);
    assert.deepEqual(brief(await scan(data, { start: 0 })), [3, data.length, [['damaged', 0, at[0]!, 1, 0]]]);
    const garbage = Buffer.alloc(3_000_000, 'garbage');
    assert.deepEqual(brief(await scan(garbage, { start: 0 })), [
      1,
      garbage.length,
      [['damaged', 0, garbage.length, 1, 0]],
    ]);
    assert.deepEqual(brief(await scan(Buffer.alloc(0), { start: 0 })), [1, 0, []]);
  });

  it('counts no sequence twice', async () => {
    const { data, at } = fileOf(1, 1);
    const twice = Buffer.concat([data, data.subarray(at[0], at[1])]);
    const scanned = await scan(twice);
    assert.deepEqual(brief(scanned), [3, twice.length, []]);
    assert.equal(scanned.records, 2);
  });

  it('does not take a record for a batch, whatever it holds', async () => {
    const { data, at } = fileOf(1, 1, 1);
    // Somebody publishes a piece of another stream, whose mark is another.
    const { data: evil } = fileOf(5);
    evil.writeUInt32BE(MARK + 1, START);
    const damaged = Buffer.concat([
      data.subarray(0, at[1]),
      evil.subarray(START, START + 60),
      data.subarray(at[2]),
    ]);
    const [next, , [damage]] = brief(await scan(damaged)) as [number, number, unknown[][]];
    assert.equal(next, 4);
    assert.deepEqual(damage?.slice(3), [2, 2]);
  });
});

describe('reading blocks', () => {
  it('reads a batch that is larger than the block', async () => {
    const queue = new Queue();
    queue.add(runOf(Buffer.alloc(500_000, 7)), 1, 1, '', 0);
    const data = Buffer.concat(piecesOf(queue.take(1), MARK, 0));
    const files = new MemoryFiles();
    files.put(PATH, data);
    const file = await files.open(PATH, 'read');
    for (const size of [1, 47, 48, 4096, 499_999, 600_000]) {
      const block = await readBlock(file, 0, data.length, MARK, size);
      assert.deepEqual([block.at, block.next, block.bad], [[0, data.length], data.length, false], `${size}`);
    }
    const short = await readBlock(file, 0, data.length - 1, MARK, 4096);
    assert.deepEqual([short.at, short.bad], [[0], true], 'one that does not end before the end is none');
    const beyond = await readBlock(file, 0, data.length + 9, MARK, 1_000_000);
    assert.deepEqual([beyond.at.length, beyond.bad], [2, true], 'a file that is shorter than it should be');
  });

  it('finds the next batch anywhere', async () => {
    const { data, at } = fileOf(1, 1);
    const files = new MemoryFiles();
    for (const before of [0, 1, 2, 3, 1_048_570, 1_048_573, 1_048_575, 1_048_576, 2_097_150]) {
      const fill = Buffer.alloc(before, 0x12);
      files.put(PATH, Buffer.concat([fill, data.subarray(at[0])]));
      const end = before + data.length - START;
      assert.equal(await resync(await files.open(PATH, 'read'), 0, end, MARK), before);
    }
  });
});
