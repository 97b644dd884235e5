/**
 * The short form of `npm run chaos`: each scenario with a few kills. What is shown: nothing that was acknowledged is
 * missing, nothing is there twice, and the order of each producer is kept.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calm } from './calm.ts';
import { resets, route } from './plain.ts';
import { reload } from './reload.ts';
import { Run } from './run.ts';
import { both, client, freeze, kill, proxy, type Scenario } from './scenarios.ts';

/** Another seed each time, told when something breaks: the short form looks for something, too. */
const SEED: number = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

const SHORT: readonly (readonly [title: string, scenario: Scenario, kills: number])[] = [
  ['kill -9 of the node', kill, 2],
  ['cut, delayed, halved and late connections', proxy, 3],
  ['kill -9 of the node behind a bad line', both, 2],
  ['TCP resets', resets, 0],
  ['a durable pipeline route whose node is killed', route, 2],
  ['a node that stands still', freeze, 1],
  ['kill -9 of a client that comes back', client, 2],
  ['reloads under load', reload, 15],
  ['calm, which health must not take for trouble', calm, 0],
];

describe('chaos', { timeout: 200_000 }, () => {
  for (const [title, scenario, kills] of SHORT)
    it(title, async (t) => {
      const minutes = scenario === calm ? 0.25 : 1;
      const run = new Run(SEED, { kills, minutes, messages: 3000 }, () => undefined);
      t.after(() => run.close());
      const figures = await scenario(run);
      t.diagnostic(JSON.stringify({ seed: SEED, ...figures }));
      assert.deepEqual(run.report.told, [], `CHAOS_SEED=${SEED}`);
    });
});
