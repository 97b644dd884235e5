/** Commands that ask and look, under Windows: `zeroth doctor`, `zeroth status`, two services side by side. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pullSocket, pushSocket, receiveTexts } from '../support/libzmq.ts';
import { manager, STATE, windows, zeroth } from './support/machine.ts';
import { installed, THREE, TOKEN } from './support/service.ts';

it('two services run side by side, and each stops alone', async (t) => {
  const agent = await manager();
  const one = await installed(t, 'zt-one', THREE);
  const two = await installed(t, 'zt-two', THREE);
  await Promise.all([one.started(), two.started()]);
  for (const service of [one, two]) {
    const push = pushSocket(t);
    const pull = pullSocket(t);
    pull.connect(await service.address('jobs', 'backend'));
    push.connect(await service.address('jobs', 'frontend'));
    await push.send(service.name);
    assert.deepEqual(await receiveTexts(pull, 1), [service.name]);
  }
  for (const service of [one, two]) {
    const asked = await zeroth(['status', '--url', service.url], { env: { ZEROTH_TOKEN: TOKEN } });
    assert.equal(asked.code, 0, asked.stderr);
    assert.ok(asked.stdout.includes(service.name) && asked.stdout.includes('jobs'), asked.stdout);
  }
  await one.service('stop');
  assert.equal((await agent.query('zt-one')).state, STATE.stopped);
  assert.equal((await agent.query('zt-two')).state, STATE.running);
  await two.service('stop');
});

it('doctor looks at a configuration and says what it found', async (t) => {
  const service = await installed(t, 'zt-doctor', THREE);
  const { code, stdout, stderr } = await zeroth(['doctor', windows(service.file), '--json']);
  assert.ok(code === 0 || code === 1, `${code}: ${stderr}`);
  const found = JSON.parse(stdout) as object;
  assert.ok(JSON.stringify(found).includes('node'), stdout);
});
