/** Merged layers against an oracle: the plain objects merged, written as one text, and loaded as a file. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { loadLayers } from '../../../src/config/layers.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { CONTEXT } from './support.ts';

type Tree = { [key: string]: Tree | string | number | boolean | string[] | null };

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function naive(lower: Tree, upper: Tree): Tree {
  const merged: Tree = { ...lower };
  for (const [key, value] of Object.entries(upper)) {
    const below = lower[key];
    if (isTree(below) && isTree(value)) merged[key] = naive(below, value);
    else if (!isTree(below) || value !== null) merged[key] = value;
  }
  return merged;
}

const section = (keys: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Tree | null> =>
  fc.option(fc.record(keys, { requiredKeys: [] }) as fc.Arbitrary<Tree>, { nil: null, freq: 8 });
/** Bad ones now and then: most texts have so many values that one of them would be wrong. */
const mostly = (good: readonly unknown[], ...bad: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: fc.constantFrom(...bad) },
  );
const endpoints = mostly(['tcp://a:1', ['tcp://a:2', 'tcp://b:2']], [], 'nonsense', 5, null);
const side = fc.record({ connect: endpoints }) as fc.Arbitrary<Tree>;
const stream = section({
  fsync: mostly(['always', 'never'], 'sometimes'),
  retain: section({ bytes: mostly(['1GiB', 7], 'x') }),
});
const route = fc.record(
  {
    pattern: mostly(['pubsub', 'pipeline'], 'pipe'),
    frontend: side,
    backend: side,
    maxPeers: mostly([1, 2], 'many', null),
    stream,
    ipv6: mostly([true, false], 'no'),
  },
  { requiredKeys: ['pattern', 'frontend', 'backend'] },
) as fc.Arbitrary<Tree>;
const part = section({ maxPeers: mostly([3, 4], -1), heartbeatInterval: mostly(['1s', '2s'], 5), stream });
const routesOf = (one: fc.Arbitrary<Tree | null>): fc.Arbitrary<Tree | null> =>
  section({ a: one, 'c.d': one });
const rest = {
  streams: section({ s: stream, t: stream }),
  log: section({ level: mostly(['debug', 'info'], 'loud') }),
  admin: section({ token: mostly(['x'.repeat(20), 'y'.repeat(20)], 'z') }),
  telemetry: section({ interval: mostly(['1s', '2s'], '1') }),
};
const document = (one: fc.Arbitrary<Tree | null>): fc.Arbitrary<Tree> =>
  fc.record(
    { routes: routesOf(one), ...rest, log: fc.constant({ level: 'info' }) },
    { requiredKeys: ['log'] },
  ) as fc.Arbitrary<Tree>;

it('layers are what their merged text is', () => {
  let good = 0;
  fc.assert(
    fc.property(document(route), document(part), document(part), (centre, own, file) => {
      const layers = {
        centre: { name: 'centre', text: stringify({ ...centre, nodes: { n: own, other: { lg: 1 } } }) },
        file: { name: 'file', text: stringify(file) },
        sets: [],
      };
      const { config, problems } = loadLayers(layers, 'n', CONTEXT);
      const text = stringify(naive(naive(centre, own), file), { aliasDuplicateObjects: false });
      const expected = loadConfig({ text, source: 'file' }, CONTEXT);
      assert.deepEqual(config, expected.config);
      const told = (all: typeof problems): string[] =>
        all.map(({ code, key, value }) => `${code} ${key} ${value}`).sort();
      assert.deepEqual(told(problems), told(expected.problems));
      if (config !== null) good++;
    }),
    { numRuns: 150 },
  );
  assert.ok(good > 0, 'the generator makes good configurations too');
});
