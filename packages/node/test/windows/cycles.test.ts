/** Start and stop, again and again. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { it } from 'node:test';
import { executable, here, manager, STATE, until } from './support/machine.ts';
import { installed, route } from './support/service.ts';

const CYCLES = 25;

it(`${CYCLES} times start and stop leave no process and no file`, async (t) => {
  const agent = await manager();
  const service = await installed(t, 'zt-cycles', route('jobs', 'pipeline', ', stream: {}'), {
    program: [executable],
  });
  const temporary = (): string[] => readdirSync(here('C:\\windows\\temp')).sort();
  const kept = (): string[] =>
    readdirSync(service.folder, { recursive: true })
      .map(String)
      .filter((name) => !name.endsWith('.log'))
      .sort();
  await agent.cycle(service.name);
  const before = [temporary(), kept()];
  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    const [running, stopped] = await agent.cycle(service.name);
    assert.equal(running.state, STATE.running, `cycle ${cycle}: ${JSON.stringify(running)}`);
    assert.deepEqual([stopped?.state, stopped?.exit], [STATE.stopped, 0], `cycle ${cycle}`);
    await until(`the end of process ${running.pid}`, async () => !(await agent.alive(running.pid)));
  }
  assert.deepEqual([temporary(), kept()], before);
  const count = (event: string): number => service.log().filter((line) => line.event === event).length;
  assert.deepEqual([count('ready'), count('stopped'), count('crash')], [CYCLES + 1, CYCLES + 1, 0]);
});
