import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { OpenFile } from '../../../src/store/files.ts';
import { Producers } from '../../../src/store/producers.ts';
import { createSegment, readHeader, segmentPath, sequenceOf } from '../../../src/store/segment.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

function producers(): Producers {
  const table = new Producers();
  table.commit('bob', 17, 1000);
  return table;
}

async function create(files: MemoryFiles): Promise<{ path: string; file: OpenFile; start: number }> {
  await files.makeFolder('/s');
  const header = { mark: 5, first: 42, created: 99, producers: producers() };
  const { segment, file } = await createSegment(files, '/s', header, true);
  return { path: segment.path, file, start: segment.start };
}

describe('a segment', () => {
  it('has the first sequence in its name', () => {
    assert.equal(segmentPath('/s', 42), join('/s', '00000000000000000042.log'));
    assert.equal(sequenceOf('00000000000000000042.log'), 42);
    for (const name of [
      '42.log',
      '00000000000000000000.log',
      '99999999999999999999.log',
      '00000000000000000042.index',
      'x',
    ])
      assert.equal(sequenceOf(name), null, name);
  });

  it('begins with a header that reads as it was written', async () => {
    const files = new MemoryFiles();
    const { file, start } = await create(files);
    const header = await readHeader(file);
    assert.ok(header !== null && 'mark' in header);
    assert.deepEqual([header.mark, header.first, header.created, header.start], [5, 42, 99, start]);
    assert.equal(header.producers.last('bob'), 17);
  });

  it('is there with its header, or not at all, whenever the power goes', async () => {
    for (let steps = 0; steps < 12; steps++) {
      for (const random of [() => 0, () => 0.35, () => 0.7, () => 0.999]) {
        const files = new MemoryFiles();
        const made = create(files).catch(() => null);
        for (let i = 0; i < steps; i++) await new Promise(setImmediate);
        const left = files.powerLoss(random);
        await made;
        if (!left.paths.includes('/s/00000000000000000042.log')) continue;
        const header = await readHeader(await left.open('/s/00000000000000000042.log', 'read'));
        assert.ok(header !== null && 'mark' in header);
      }
    }
  });

  it('is known to be damaged, or of another version', async () => {
    const files = new MemoryFiles();
    const { path } = await create(files);
    const bytes = files.content(path);
    const headerOf = async (data: Buffer): Promise<Awaited<ReturnType<typeof readHeader>>> => {
      files.put('/s/other', data);
      return readHeader(await files.open('/s/other', 'read'));
    };
    for (let octet = 0; octet < bytes.length; octet++) {
      if (octet >= 8 && octet < 12) continue;
      const changed = Buffer.from(bytes);
      changed[octet]! ^= 0x10;
      assert.equal(await headerOf(changed), null, `octet ${octet}`);
    }
    for (const length of [0, 7, 39, bytes.length - 1])
      assert.equal(await headerOf(bytes.subarray(0, length)), null);
    const later = Buffer.from(bytes);
    later.writeUInt32BE(2, 8);
    assert.deepEqual(await headerOf(later), { version: 2 });
  });
});
