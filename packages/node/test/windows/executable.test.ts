/** zeroth.exe as a service: no Node, no package. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pullSocket, pushSocket, receiveTexts } from '../support/libzmq.ts';
import { executable, manager, run, STATE, until } from './support/machine.ts';
import { SERVICES, values } from './support/registry.ts';
import { installed, THREE } from './support/service.ts';

it('the executable is installed, runs, forwards, reloads and stops', async (t) => {
  const agent = await manager();
  const name = 'zt-exe';
  const program = [executable];
  const service = await installed(t, name, THREE, { program });
  const image = (await values(`${SERVICES}\\${name}`))?.get('ImagePath')?.data ?? '';
  assert.ok(image.startsWith(`"${executable}" run "`), image);
  const seen = await agent.start(name);
  const running = seen.at(-1)!;
  assert.equal(running.state, STATE.running, JSON.stringify(seen));
  const push = pushSocket(t);
  const pull = pullSocket(t);
  pull.connect(await service.address('jobs', 'backend'));
  push.connect(await service.address('jobs', 'frontend'));
  await push.send('through the executable');
  assert.deepEqual(await receiveTexts(pull, 1), ['through the executable']);
  await service.service('pause');
  assert.equal((await agent.query(name)).state, STATE.paused);
  await service.service('continue');
  await service.service('reload');
  await service.service('stop');
  const stopped = await agent.query(name);
  assert.deepEqual([stopped.state, stopped.exit], [STATE.stopped, 0]);
  await until('the end of its process', async () => !(await agent.alive(running.pid)));
});

it('the executable says its version and checks a configuration', async () => {
  const { code, stdout } = await run([executable, '--version']);
  assert.deepEqual([code, /^\d+\.\d+\.\d+/.test(stdout.trim())], [0, true], stdout);
});
