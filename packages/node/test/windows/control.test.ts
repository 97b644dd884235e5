/** Programs that are services through `runAsService`: controls while the event loop is busy, crashes, the example. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { EVENTS } from '../../src/log/events.ts';
import { pushSocket } from '../support/libzmq.ts';
import { unusedEndpoint } from '../support/port.ts';
import { reported } from './support/events.ts';

import {
  CONTROL,
  facts,
  folder,
  good,
  here,
  manager,
  node,
  packages,
  STATE,
  until,
  windows,
} from './support/machine.ts';
import type { Scope } from './support/service.ts';
import { leavesNothing } from './support/service.ts';

/** GetExitCodeProcess, of one that runs. */
const STILL_ACTIVE = 259;

/** Does what the name of a file in its folder says; tells what it did by files. */
const PROGRAM = `
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAsService } from 'zeroth/service';
const [name, folder] = process.argv.slice(2);
const tell = (what) => writeFileSync(join(folder, what), '');
const asked = (what) => existsSync(join(folder, what));
let timer;
await runAsService({
  name,
  async start(context) {
    timer = setInterval(() => {
      if (asked('be busy')) {
        clearInterval(timer);
        tell('busy');
        while (asked('be busy') && !asked('enough'));
        tell('free');
      }
      if (asked('throw')) {
        clearInterval(timer);
        throw new Error('thrown on purpose');
      }
      if (asked('note')) {
        clearInterval(timer);
        context.event('warn', 'a word of the program', { colour: 'blue' });
      }
    }, 10);
  },
  async stop() {
    clearInterval(timer);
    tell('stopped');
  },
});
`;

async function program(scope: Scope & Parameters<typeof folder>[0], name: string) {
  const path = folder(scope);
  const script = here(`${packages}\\${name}.mjs`);
  writeFileSync(script, PROGRAM);
  leavesNothing(scope, name, script);
  const command = [node, windows(script), name, windows(path)];
  await good(['service', 'install', '--name', name, '--', ...command]);
  await good(['service', 'start', '--name', name]);
  const agent = await manager();
  assert.equal((await agent.query(name)).state, STATE.running);
  return {
    agent,
    ask: (what: string): void => writeFileSync(join(path, what), ''),
    told: (what: string): boolean => existsSync(join(path, what)),
  };
}

it('controls are answered while the event loop is busy', async (t) => {
  const name = 'zt-busy';
  const { agent, ask, told } = await program(t, name);
  ask('be busy');
  await until('the loop', () => told('busy'));
  assert.equal((await agent.control(name, CONTROL.interrogate)).error, 0);
  assert.equal((await agent.query(name)).state, STATE.running);
  assert.equal((await agent.control(name, CONTROL.stop)).error, 0);
  assert.equal((await agent.query(name)).state, STATE.stopping);
  assert.deepEqual([told('free'), told('stopped')], [false, false]);
  ask('enough');
  await until('the stop', async () => (await agent.query(name)).state === STATE.stopped);
  assert.ok(told('stopped'));
  assert.equal((await agent.query(name)).exit, 0);
});

it('an uncaught error is an event with its stack, and ends the process with a code', async (t) => {
  const name = 'zt-crash';
  const { agent, ask } = await program(t, name);
  const { pid } = await agent.query(name);
  const handle = await agent.open(pid);
  assert.equal(await agent.exitCode(handle), STILL_ACTIVE);
  ask('throw');
  await until('its end', async () => (await agent.exitCode(handle)) !== STILL_ACTIVE);
  assert.equal(await agent.exitCode(handle), 1);
  const seen = await until('the event', async () =>
    (await reported(name)).find(({ id }) => id === EVENTS['service:failed'].id || id === EVENTS.crash.id),
  );
  assert.equal(seen.type, 1);
});

it('a program says a word of its own in the event log', async (t) => {
  const name = 'zt-note';
  const { ask } = await program(t, name);
  ask('note');
  const seen = await until('the event', async () =>
    (await reported(name)).find(({ id }) => id === EVENTS['service:note'].id),
  );
  assert.equal(seen.type, 2);
  assert.match(seen.text, /^a word of the program/);
});

it('the example is a service that pauses, continues, reopens its file and stops', async (t) => {
  const name = 'collector';
  const path = folder(t);
  const script = here(`${packages}\\collector.mjs`);
  copyFileSync(join(facts.repository, 'examples/service/collector.mjs'), script);
  leavesNothing(t, name, script);
  const file = join(path, 'lines.log');
  const endpoint = await unusedEndpoint();
  const service = (verb: string): Promise<string> => good(['service', verb, '--name', name]);
  await good(['service', 'install', '--name', name, '--', node, windows(script), endpoint, windows(file)]);
  await service('start');
  const push = pushSocket(t);
  push.connect(endpoint);
  const has = (text: string): Promise<unknown> =>
    until(`${JSON.stringify(text)} in its file`, () => readFileSync(file, 'utf8') === text);
  await push.send('one');
  await has('one\n');
  await service('pause');
  await push.send('two');
  const agent = await manager();
  assert.equal((await agent.query(name)).state, STATE.paused);
  assert.equal(readFileSync(file, 'utf8'), 'one\n');
  await service('continue');
  await has('one\ntwo\n');
  renameSync(file, `${file}.1`);
  await service('reload');
  await until('the file that is opened anew', () => existsSync(file));
  await push.send('three');
  await has('three\n');
  await service('stop');
  assert.deepEqual([(await agent.query(name)).state, (await agent.query(name)).exit], [STATE.stopped, 0]);
});
