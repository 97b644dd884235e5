/** What `zeroth stream` reads from its arguments, and how it writes figures. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMoment } from '../../../src/cli/stream/moment.ts';
import { readersOf } from '../../../src/cli/stream/places.ts';
import { rangeWords, sizeWords, table, timeWords } from '../../../src/cli/stream/table.ts';

const NOW = Date.UTC(2026, 0, 31, 6);
const parse = (text: string): unknown => parseMoment(text, '--from', ['first', 'last'], NOW);

describe('a place in a stream', () => {
  it('is a word, a sequence, a time, or how long ago', () => {
    assert.deepEqual(parse('last'), { type: 'word', word: 'last' });
    assert.deepEqual(parse('118'), { type: 'sequence', sequence: 118 });
    assert.deepEqual(parse('10m'), { type: 'time', time: NOW - 600_000 });
    assert.deepEqual(parse('2h ago'), { type: 'time', time: NOW - 7_200_000 });
    for (const text of ['2026-01-31T05:59:00Z', '2026-01-31 05:59Z', '2026-01-31T06:59+01:00'])
      assert.deepEqual(parse(text), { type: 'time', time: NOW - 60_000 }, text);
    assert.deepEqual(parse('2026-01-31'), { type: 'time', time: Date.UTC(2026, 0, 31) });
  });

  it('never lies before 1970', () => {
    assert.deepEqual(parse('40000d'), { type: 'time', time: 0 });
  });

  it('is refused with what is allowed', () => {
    for (const text of ['0', '9007199254740993', '-1', '', 'all', '2026-13-01', 'yesterday', '1.5'])
      assert.throws(() => parse(text), { code: 'USAGE' }, text);
    assert.throws(
      () => parse('ten minutes'),
      (error: { message: string; hint: string }) => {
        assert.equal(error.message, '--from does not take ten minutes');
        assert.match(error.hint, /^first, last, a sequence, a time such as .*, or how long ago such as 10m$/);
        return true;
      },
    );
    assert.throws(
      () => parse('10 minutes'),
      (error: { hint: string }) => error.hint.startsWith('did you mean 10m?'),
    );
  });
});

describe('places of readers', () => {
  const places = (value: unknown): Map<string, Uint8Array> =>
    new Map([['db', Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))]]);
  const stream = { first: 10, next: 30 };

  it('say how far behind a reader is', () => {
    const [reader] = readersOf(places({ acknowledged: 25, strategy: 'group' }), stream);
    assert.deepEqual(reader, { name: 'db', strategy: 'group', acknowledged: 25, lag: 5 });
  });

  it('count only what is kept', () => {
    assert.equal(readersOf(places({ acknowledged: 3 }), stream)[0]?.lag, 20);
    assert.equal(readersOf(places({ acknowledged: 99 }), stream)[0]?.lag, 0);
  });

  it('have what is acknowledged out of order', () => {
    const ranges = [[26, 27], [29, 29], [40, 50], 'x', [1]];
    assert.equal(readersOf(places({ acknowledged: 25, ranges }), stream)[0]?.lag, 2);
  });

  it('of a route have what was sent and is not delivered', () => {
    const place = {
      acknowledged: 15,
      next: 28,
      outstanding: [
        [15, 16],
        [20, 20],
      ],
    };
    // 15, 16 and 20 are under way, 28 and 29 are not sent.
    assert.equal(readersOf(places(place), stream)[0]?.lag, 5);
  });

  it('are listed though they can not be read', () => {
    for (const value of ['', '{"ackn', 'null', '17', '{"acknowledged":"5"}']) {
      const unknown = { name: 'db', strategy: null, acknowledged: null, lag: null };
      assert.deepEqual(readersOf(places(value), stream), [unknown], value);
    }
  });
});

describe('figures', () => {
  it('sizes have three digits', () => {
    assert.equal(sizeWords(0), '0 B');
    assert.equal(sizeWords(999), '999 B');
    assert.equal(sizeWords(1000), '0.98 KiB');
    assert.equal(sizeWords(1024 * 1024), '1.00 MiB');
    assert.equal(sizeWords(25.5 * 1024 ** 3), '25.5 GiB');
    assert.equal(sizeWords(5000 * 1024 ** 4), '5000 TiB');
  });

  it('times are UTC', () => {
    assert.equal(timeWords(NOW), '2026-01-31 06:00:00Z');
    assert.equal(timeWords(null), '-');
  });

  it('ranges of one are one', () => {
    assert.equal(rangeWords(5, 5), 'record 5');
    assert.equal(rangeWords(5, 6), 'records 5 to 6');
  });

  it('tables are aligned, without blanks at the ends of lines', () => {
    const rows = [
      ['events', '5'],
      ['a', '12345678'],
    ];
    assert.equal(
      table(['NAME', 'COUNT'], rows, new Set([1])),
      'NAME       COUNT\nevents         5\na       12345678\n',
    );
    assert.equal(table(['A', 'B'], [['x', '']], new Set()), 'A  B\nx\n');
  });
});
