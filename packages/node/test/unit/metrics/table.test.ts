import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { GROUP_LIMIT, groupRows } from '../../../src/metrics/groups.ts';
import { FAMILIES } from '../../../src/metrics/table.ts';
import type { GroupStatus } from '../../../src/session/info.ts';
import { metricsDocs } from '../../support/metrics-docs.ts';
import { docsFile } from '../docs-file.ts';

describe('the table of metrics', () => {
  it('has names and units as Prometheus asks for', () => {
    const names = FAMILIES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { name, type, unit, labels, help } of FAMILIES) {
      assert.match(name, /^(zeroth|process|nodejs)_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      if (unit !== null) assert.match(name, new RegExp(`_${unit}(_total)?$`));
      for (const label of labels) assert.match(label, /^[a-z]+$/, name);
      assert.match(help, /^.+\.$/, name);
    }
  });

  it('is what docs/metrics.md says (UPDATE_DOCS=1 writes it)', () => {
    const path = docsFile('metrics.md');
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(path, metricsDocs());
    assert.equal(
      readFileSync(path, 'utf8').replaceAll('\r\n', '\n'),
      metricsDocs(),
      'run: UPDATE_DOCS=1 npm test -- packages/node/test/unit/metrics/table.test.ts',
    );
  });
});

describe('groups', () => {
  const group = (name: string, lag: number): GroupStatus => ({
    stream: 's',
    group: name,
    consumers: 1,
    inFlight: 2,
    acknowledged: 1,
    lag,
    oldest: lag === 0 ? null : 1000,
  });

  it('have an age, which a clock that goes back does not make negative', () => {
    assert.deepEqual(groupRows([group('a', 5)], 3000)[0]?.age, 2000);
    assert.deepEqual(groupRows([group('a', 5)], 500)[0]?.age, 0);
    assert.deepEqual(groupRows([group('a', 0)], 3000)[0]?.age, 0);
  });

  it('are bounded: those that are furthest behind have names, the rest is summed', () => {
    const all = Array.from({ length: GROUP_LIMIT + 50 }, (_, at) => group(`g${at}`, at));
    const rows = groupRows(all, 3000);
    assert.equal(rows.length, GROUP_LIMIT + 1);
    assert.equal(rows[0]?.group, `g${GROUP_LIMIT + 49}`);
    const other = rows.at(-1);
    const lag = (49 * 50) / 2;
    assert.deepEqual(other, { stream: 's', group: 'other', lag, inFlight: 100, consumers: 50, age: 2000 });
  });

  it('have no name twice, also when one is called as the rest is', () => {
    const all = Array.from({ length: GROUP_LIMIT + 1 }, (_, at) => group(`g${at}`, at + 1));
    const rows = groupRows([group('other', 1e6), ...all], 3000);
    assert.equal(new Set(rows.map((row) => row.group)).size, GROUP_LIMIT + 1);
    assert.equal(rows.at(-1)?.lag, 1e6 + 1);
  });
});
