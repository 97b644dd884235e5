/** Records that were delivered too often, on their way to the dead-letter stream. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../../src/log/log.ts';
import { bury } from '../../../src/session/burial.ts';
import { Leases } from '../../../src/session/core/leases.ts';
import type { Runner } from '../../../src/session/runner.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { openMemoryStream, runOf, settled, until } from '../../support/streams.ts';

describe('a burial', () => {
  it('goes on elsewhere when the dead-letter stream is closed before it had the record', async (t) => {
    const source = await openMemoryStream(new MemoryFiles());
    source.append(runOf('one'), null);
    await settled(source);
    const files = new MemoryFiles();
    const full = await openMemoryStream(files);
    files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : null);
    const sound = await openMemoryStream(new MemoryFiles());
    const streams = [full, sound];
    t.after(() => Promise.all([source, full, sound].map((stream) => stream.close())));

    const dying = new Leases();
    dying.insert({ first: 1, last: 1, deliveries: 1, due: 0, octets: 5, shard: 0, holder: null });
    const group = { dying, members: [], buried: (first: number, last: number) => dying.take(first, last) };
    const options = { name: 'db', place: 'db', deadLetter: 'dead' };
    const runner = { burying: false, stream: source, options, group, pump: () => {} } as unknown as Runner;
    const ending = new AbortController();
    t.after(() => ending.abort());
    const deadLetters = async () => streams.shift()!;
    // What waits until the next attempt does not hold the process.
    const awake = setInterval(() => {}, 1000);
    t.after(() => clearInterval(awake));

    const buried = bury(runner, { deadLetters, signal: ending.signal, log: silentLog });
    await until(full, () => full.trouble !== null);
    await full.close();
    await buried;
    assert.equal(dying.count, 0);
    assert.equal(sound.committed, 2);
  });
});
