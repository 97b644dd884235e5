import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/config/units.ts';

describe('durations', () => {
  const exact: [string, number][] = [
    ['0s', 0],
    ['0ms', 0],
    ['500ms', 500],
    ['5s', 5_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['007s', 7_000],
  ];
  for (const [text, value] of exact) {
    it(`${text} is ${value} ms`, () => assert.deepEqual(parseDuration(text), { ok: true, value }));
  }

  const refused: [string, string | null][] = [
    ['10', '10s'],
    ['0', '0s'],
    ['1.5s', '1500ms'],
    ['1m30s', '90s'],
    ['10 s', '10s'],
    ['10 Seconds', '10s'],
    ['2min', '2m'],
    ['5S', '5s'],
    ['3w', null],
    ['s', null],
    ['', null],
    ['-5s', null],
    ['1e3s', null],
    ['ten seconds', null],
    ['5constructor', null],
    ['9999999999999999d', null],
  ];
  for (const [text, suggestion] of refused) {
    it(`"${text}" is refused, suggesting ${suggestion}`, () => {
      const parsed = parseDuration(text);
      assert.ok(!parsed.ok);
      assert.equal(parsed.suggestion, suggestion);
    });
  }

  it('any number of milliseconds survives format and parse', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        assert.deepEqual(parseDuration(formatDuration(value)), { ok: true, value });
      }),
    );
  });

  it('whole units are written as such', () => {
    assert.deepEqual([0, 1, 1500, 60_000, 90_000, 86_400_000].map(formatDuration), [
      '0s',
      '1ms',
      '1500ms',
      '1m',
      '90s',
      '1d',
    ]);
  });
});

describe('sizes', () => {
  const exact: [string, number][] = [
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['64KiB', 65_536],
    ['10MiB', 10_485_760],
    ['1GiB', 1_073_741_824],
    ['10KB', 10_000],
    ['10MB', 10_000_000],
    ['1GB', 1_000_000_000],
  ];
  for (const [text, value] of exact) {
    it(`${text} is ${value} B`, () => assert.deepEqual(parseSize(text), { ok: true, value }));
  }

  const refused: [string, string | null][] = [
    ['10mb', '10MB'],
    ['10mib', '10MiB'],
    ['10 MiB', '10MiB'],
    ['64k', '64KiB'],
    ['64K', '64KiB'],
    ['1.5KiB', '1536B'],
    ['100 bytes', '100B'],
    ['10TB', null],
    ['-1', null],
    ['', null],
    ['MiB', null],
    ['unlimited', null],
    ['9007199254740993', null],
  ];
  for (const [text, suggestion] of refused) {
    it(`"${text}" is refused, suggesting ${suggestion}`, () => {
      const parsed = parseSize(text);
      assert.ok(!parsed.ok);
      assert.equal(parsed.suggestion, suggestion);
    });
  }

  it('any number of bytes survives format and parse', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        assert.deepEqual(parseSize(formatSize(value)), { ok: true, value });
      }),
    );
  });
});

it('no text makes them throw, and a suggestion is always valid', () => {
  const near = fc.stringMatching(/^[0-9.]{0,18} ?[a-zA-Z]{0,8}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (text) => {
      for (const parse of [parseDuration, parseSize]) {
        const parsed = parse(text);
        if (parsed.ok) assert.ok(Number.isSafeInteger(parsed.value));
        else if (parsed.suggestion !== null) assert.ok(parse(parsed.suggestion).ok, parsed.suggestion);
      }
    }),
    { numRuns: 1000 },
  );
});
