/** The oracle itself: it sees each kind of broken promise, and nothing in a run where all went well. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Fault, Oracle, type Seen } from '../support/oracle.ts';

/** Two producers with ten records each, in turn; acknowledged as they stand. */
function run(): { oracle: Oracle; stream: Seen[] } {
  const oracle = new Oracle(5);
  const stream: Seen[] = [];
  for (let index = 0; index < 20; index += 1) {
    const producer = index % 2 === 0 ? 'even' : 'odd';
    const { number, key, body } = oracle.next(producer);
    stream.push({ sequence: index + 1, key, body });
    oracle.acked(producer, number, index + 1);
  }
  return { oracle, stream };
}

async function* each(records: readonly Seen[]): AsyncGenerator<Seen> {
  yield* records;
}

/** As if the stream held these records. */
function renumbered(records: readonly Seen[]): Seen[] {
  return records.map((record, index) => ({ ...record, sequence: index + 1 }));
}

function faults(oracle: Oracle): Fault[] {
  return [...oracle.report.counts.keys()].sort();
}

describe('the oracle', () => {
  it('finds nothing in a run that went well', async () => {
    const { oracle, stream } = run();
    for (const seen of stream) oracle.delivered('db', seen, true);
    assert.equal(await oracle.checkStream('s', each(stream)), 20);
    oracle.checkReader('db', 20);
    assert.deepEqual(oracle.report.told, []);
    assert.deepEqual([oracle.published, oracle.acknowledged], [20, 20]);
  });

  it('sees a record that is missing', async () => {
    const { oracle, stream } = run();
    await oracle.checkStream('s', each(stream.slice(0, -1)));
    assert.deepEqual(faults(oracle), ['missing']);
  });

  it('lets records be missing that were not acknowledged', async () => {
    const { oracle, stream } = run();
    oracle.next('even');
    oracle.failed('odd', oracle.next('odd').number);
    await oracle.checkStream('s', each(stream));
    assert.deepEqual(faults(oracle), []);
  });

  it('sees a record that is there twice', async () => {
    const { oracle, stream } = run();
    await oracle.checkStream('s', each(renumbered([...stream, stream[19] as Seen])));
    assert.deepEqual(faults(oracle), ['duplicate']);
  });

  it('sees a changed order and sequences that are not what was acknowledged', async () => {
    const { oracle, stream } = run();
    const moved = [...stream.slice(0, 4), stream[6] as Seen, stream[5] as Seen, stream[4] as Seen];
    await oracle.checkStream('s', each(renumbered([...moved, ...stream.slice(7)])));
    assert.deepEqual(faults(oracle), ['order', 'sequence']);
  });

  it('sees a hole', async () => {
    const { oracle, stream } = run();
    await oracle.checkStream(
      's',
      each(stream.map((seen) => (seen.sequence > 9 ? { ...seen, sequence: 50 } : seen))),
    );
    assert.ok(faults(oracle).includes('hole'));
  });

  it('sees changed content and strangers', async () => {
    const { oracle, stream } = run();
    const changed = Buffer.concat([(stream[3] as Seen).body, Buffer.from('!')]);
    const strange = Buffer.from('even:99:');
    await oracle.checkStream(
      's',
      each([
        ...stream.slice(0, 3),
        { ...(stream[3] as Seen), body: changed },
        { ...(stream[4] as Seen), key: 'other' },
        ...stream.slice(5),
        { sequence: 21, key: '', body: strange },
        { sequence: 22, key: '', body: Buffer.from('garbage') },
      ]),
    );
    assert.deepEqual(faults(oracle), ['content', 'stranger']);
    assert.equal(oracle.report.total, 4);
  });

  it('sees what a consumer did not get, and keys out of order', () => {
    const { oracle } = run();
    const { stream } = run();
    const same = stream.map((seen) => seen.key);
    const key = same.find((each, index) => each !== '' && same.indexOf(each) !== index) ?? '';
    const [first, second] = stream.filter((seen) => seen.key === key) as [Seen, Seen];
    oracle.delivered('shards', second, true);
    oracle.delivered('shards', first, true);
    oracle.delivered('shards', second, true);
    oracle.checkReader('shards', 20);
    assert.deepEqual(faults(oracle), ['key order', 'undelivered']);
    assert.equal(oracle.report.counts.get('undelivered'), 18);
    assert.deepEqual(oracle.deliveries('shards'), { delivered: 3, repeated: 1, distinct: 2 });
  });
});
