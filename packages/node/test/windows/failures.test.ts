/** Starts that fail, and processes that die: what Windows is told, and what is there afterwards. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { EVENTS } from '../../src/log/events.ts';
import { connected, pullSocket, pushSocket, receiveTexts } from '../support/libzmq.ts';
import { reported } from './support/events.ts';
import { manager, STATE, until, zeroth } from './support/machine.ts';
import type { Installed } from './support/service.ts';
import { installed, route, THREE } from './support/service.ts';

/** ERROR_SERVICE_SPECIFIC_ERROR: the code stands beside it. */
const SPECIFIC = 1066;

async function failsWith(service: Installed, code: number, words: RegExp): Promise<void> {
  const agent = await manager();
  const seen = await agent.start(service.name);
  const pid = seen.find((each) => each.pid > 0)?.pid;
  const { state, exit, specific } = seen.at(-1)!;
  assert.deepEqual({ state, exit, specific }, { state: STATE.stopped, exit: SPECIFIC, specific: code });
  if (pid !== undefined) await until('the end of its process', async () => !(await agent.alive(pid)));
  const event = await until('the event', async () =>
    (await reported(service.name)).find(({ id }) => id === EVENTS.failed.id),
  );
  assert.equal(event.type, 1);
  assert.match(event.text, words);
  // The command line says the same.
  const status = await zeroth(['service', 'status', '--name', service.name]);
  assert.match(status.stdout, new RegExp(`\\b${code}\\b`));
}

it('a configuration that became bad is Stopped, 1066 with code 3, and an event', async (t) => {
  const service = await installed(t, 'zt-bad', THREE);
  writeFileSync(service.file, 'routes: { jobs: { pattern: pipelin } }\n');
  await failsWith(service, 3, /./);
  const started = await zeroth(['service', 'start', '--name', service.name]);
  assert.notEqual(started.code, 0, started.stdout);
});

it('a port in use is Stopped, 1066 with code 4, and an event', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const taken = route('jobs', 'pipeline').replace('127.0.0.1:0', `127.0.0.1:${port}`);
  await failsWith(await installed(t, 'zt-taken', taken), 4, /./);
});

it('what was acknowledged is there after the process was terminated', async (t) => {
  const agent = await manager();
  const kept = route('kept', 'pipeline', ', stream: { fsync: always }');
  const service = await installed(t, 'zt-kept', kept);
  const pid = await service.started();
  const COUNT = 200;
  const push = pushSocket(t);
  await connected(push, await service.address('kept', 'frontend'));
  for (let i = 0; i < COUNT; i++) await push.send(`record ${i}`);
  await until('all is stored', async () => {
    const { streams } = await service.status();
    return streams.some(({ name, next }) => name === 'kept' && next === COUNT + 1);
  });
  push.close();
  await agent.kill(pid);
  await until('its end', async () => !(await agent.alive(pid)));
  // Wine does not see the end of a process, and has the service for running: it goes on under another name.
  const again = await installed(t, 'zt-kept-again', kept, { folder: service.folder });
  await again.started();
  const pull = pullSocket(t);
  pull.connect(await again.address('kept', 'backend'));
  assert.deepEqual(
    await receiveTexts(pull, COUNT),
    Array.from({ length: COUNT }, (_, i) => `record ${i}`),
  );
});
