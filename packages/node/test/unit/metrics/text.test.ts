import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Family, Sample } from '../../../src/metrics/family.ts';
import { Histogram } from '../../../src/metrics/histogram.ts';
import { exposition } from '../../../src/metrics/text.ts';

function family(type: Family['type'], labels: readonly string[], help = 'Help.'): Family {
  return { name: 'zeroth_x', type, unit: null, labels, help, collect: () => {} };
}

const text = (of: Family, ...samples: Sample[]): string => exposition({ family: of, samples });

describe('the text format', () => {
  it('writes a family with its values', () => {
    assert.equal(
      text(family('counter', ['route', 'side']), { labels: ['a', 'b'], value: 3 }),
      '# HELP zeroth_x Help.\n# TYPE zeroth_x counter\nzeroth_x{route="a",side="b"} 3\n',
    );
  });

  it('leaves out a family without values', () => {
    assert.equal(text(family('gauge', [])), '');
  });

  it('escapes what a peer may have in its name', () => {
    const lines = text(family('gauge', ['peer']), { labels: ['a"} 1\n\\b'], value: 1 }).split('\n');
    assert.equal(lines[2], 'zeroth_x{peer="a\\"} 1\\n\\\\b"} 1');
    assert.equal(lines.length, 4);
  });

  it('writes values that are no plain numbers', () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, 1e21, 0.00001];
    const lines = values.map((value) => text(family('gauge', []), { labels: [], value }).split('\n')[2]);
    assert.deepEqual(lines, ['zeroth_x NaN', 'zeroth_x +Inf', 'zeroth_x 1e+21', 'zeroth_x 0.00001']);
  });

  it('adds up the buckets of a histogram', () => {
    const histogram = new Histogram([0.1, 1]);
    for (const seconds of [0.05, 0.1, 0.5, 7]) histogram.observe(seconds);
    const lines = text(family('histogram', ['route']), { labels: ['r'], value: histogram.value() });
    assert.deepEqual(lines.trimEnd().split('\n').slice(2), [
      'zeroth_x_bucket{route="r",le="0.1"} 2',
      'zeroth_x_bucket{route="r",le="1"} 3',
      'zeroth_x_bucket{route="r",le="+Inf"} 4',
      'zeroth_x_sum{route="r"} 7.65',
      'zeroth_x_count{route="r"} 4',
    ]);
  });

  it('has no labels where there are none', () => {
    const histogram = new Histogram([1]);
    histogram.observe(0.5);
    assert.match(
      text(family('histogram', []), { labels: [], value: histogram.value() }),
      /\nzeroth_x_bucket\{le="1"\} 1\n.*\nzeroth_x_sum 0\.5\nzeroth_x_count 1\n$/,
    );
  });
});

describe('a histogram', () => {
  it('ignores what is no duration', () => {
    const histogram = new Histogram([1]);
    for (const seconds of [Number.NaN, -1]) histogram.observe(seconds);
    assert.deepEqual(histogram.value(), { bounds: [1], counts: [0, 0], sum: 0, count: 0 });
  });
});
