/**
 * `npm run chaos`: the long form. Prints progress and a table; exits with 1 when a promise was broken, and says how to
 * repeat that run.
 */
import { parseArgs } from 'node:util';
import { calm } from './calm.ts';
import { wordsOf } from './load.ts';
import { resets, route } from './plain.ts';
import { reload } from './reload.ts';
import { type Figures, type Limits, Run } from './run.ts';
import { both, client, freeze, kill, proxy, type Scenario } from './scenarios.ts';

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  kill,
  proxy,
  both,
  resets,
  route,
  freeze,
  client,
  reload,
  calm,
};

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    minutes: { type: 'string', default: '10' },
    messages: { type: 'string', default: '20000' },
    scenario: { type: 'string', default: 'all' },
    help: { type: 'boolean', default: false },
  },
});

function number(name: 'kills' | 'seed' | 'minutes' | 'messages'): number {
  const value = Number(values[name]);
  if (!(value >= 0)) throw new Error(`--${name} needs a number`);
  return value;
}

if (values.help) {
  console.log(`npm run chaos -- [OPTION...]
  --scenario NAME[,NAME]  ${Object.keys(SCENARIOS).join(', ')}; default: all of them
  --kills N               kills, freezes, restarts or reloads of a scenario; cuts of the proxy are five times as many (20)
  --minutes M             ends the chaos of a scenario before that (10)
  --messages N            of the scenario resets (20000)
  --seed S                repeats a run, as far as timing allows`);
} else {
  const names = values.scenario === 'all' ? Object.keys(SCENARIOS) : values.scenario.split(',');
  const limits: Limits = { kills: number('kills'), minutes: number('minutes'), messages: number('messages') };
  let failed = false;
  const table: [string, Figures][] = [];
  for (const name of names) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) throw new Error(`no scenario ${name}: ${Object.keys(SCENARIOS).join(', ')}`);
    const [ok, figures] = await runOne(name, scenario, number('seed'), limits);
    failed ||= !ok;
    table.push([name, figures]);
  }
  console.log('\nscenario   result');
  for (const [name, figures] of table) {
    const words = Object.entries(figures).map(([key, value]) => `${key}: ${value}`);
    console.log(`${name.padEnd(10)} ${words.join('; ')}`);
  }
  process.exitCode = failed ? 1 : 0;
}

async function runOne(
  name: string,
  scenario: Scenario,
  seed: number,
  limits: Limits,
): Promise<[ok: boolean, figures: Figures]> {
  const started = performance.now();
  let told = 0;
  const run = new Run(seed, limits, (text) => {
    if (performance.now() - told < 2000) return;
    told = performance.now();
    console.log(`${name}: ${text}`);
  });
  console.log(`${name}: seed ${seed}`);
  let figures: Figures = {};
  try {
    figures = await scenario(run);
  } catch (error) {
    run.report.add('died', `the scenario: ${wordsOf(error)}`);
  } finally {
    await run.close();
  }
  const { report, oracle } = run;
  const seconds = Math.round((performance.now() - started) / 1000);
  for (const text of report.told) console.log(`${name}: ${text}`);
  if (report.total > 0) {
    const counts = [...report.counts].map(([fault, count]) => `${fault} ${count}`).join(', ');
    console.log(`${name}: BROKEN: ${counts}`);
    const { kills, minutes } = limits;
    console.log(
      `${name}: again: npm run chaos -- --scenario ${name} --seed ${seed} --kills ${kills} --minutes ${minutes}`,
    );
  }
  const { published, acknowledged } = oracle;
  return [report.total === 0, { violations: report.total, published, acknowledged, ...figures, seconds }];
}
