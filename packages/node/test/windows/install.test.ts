/** `zeroth service install` and `uninstall` on Windows: what is written, what is refused, what is left. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { facts, folder, manager, node, packages, STATE, until, windows, zeroth } from './support/machine.ts';
import { SERVICES, SOURCES, values } from './support/registry.ts';
import { configuration, installed, leavesNothing, route, THREE } from './support/service.ts';

const NO_SUCH_SERVICE = 1060;

async function nothingOf(name: string): Promise<void> {
  assert.equal((await (await manager()).query(name)).error, NO_SUCH_SERVICE);
  assert.equal(await values(`${SERVICES}\\${name}`), null);
  assert.equal(await values(`${SOURCES}\\${name}`), null);
}

it('a dry run tells every step and does none', async (t) => {
  const name = 'zt-dry';
  const path = folder(t);
  leavesNothing(t, name);
  writeFileSync(join(path, 'zeroth.yaml'), configuration(name, THREE));
  const { code, stdout, stderr } = await zeroth([
    'service',
    'install',
    windows(join(path, 'zeroth.yaml')),
    '--name',
    name,
    '--dry-run',
  ]);
  assert.equal(code, 0, stderr);
  for (const told of [
    name,
    node,
    windows(join(path, 'zeroth.yaml')),
    'EventLogMessages.dll',
    windows(join(path, 'data')),
  ])
    assert.ok(stdout.includes(told), `${told} is not in\n${stdout}`);
  await nothingOf(name);
  assert.deepEqual(readdirSync(path), ['zeroth.yaml']);
});

it('an installed service has a quoted path, recovery actions, an environment and an event source', async (t) => {
  const name = 'zt.entries_1-x';
  const before = facts.trace === undefined ? 0 : readFileSync(facts.trace, 'utf8').length;
  const args = [
    '--start',
    'delayed',
    '--display-name',
    'Zeroth of a test',
    '--description',
    'What it is for',
  ];
  const service = await installed(t, name, THREE, {
    args: [...args, '--env', 'ZT_COLOUR=light blue', '--env', 'ZT_OTHER=2'],
  });
  const key = await values(`${SERVICES}\\${name}`);
  assert.ok(key !== null);
  const data = (value: string): string | undefined => key.get(value)?.data;
  const image = data('ImagePath') ?? '';
  const script = `${packages}\\node_modules\\zeroth\\bin\\zeroth.js`;
  assert.ok(image.toLowerCase().startsWith(`"${node}" "${script}" run `.toLowerCase()), image);
  assert.ok(image.includes(` "${windows(service.file)}" `), image);
  assert.match(image, / --service zt\.entries_1-x( |$)/);
  assert.equal(data('DisplayName'), 'Zeroth of a test');
  assert.equal(data('Description'), 'What it is for');
  assert.deepEqual(['Type', 'Start', 'ObjectName'].map(data), ['0x10', '0x2', `NT SERVICE\\${name}`]);
  assert.deepEqual(key.get('Environment'), {
    type: 'REG_MULTI_SZ',
    data: 'ZT_COLOUR=light blue\\0ZT_OTHER=2',
  });
  if (facts.trace === undefined) {
    assert.equal(data('DelayedAutostart'), '0x1');
    // SERVICE_FAILURE_ACTIONS: a day; no message, no command; three times "restart" after so many ms.
    const actions = Buffer.from(data('FailureActions') ?? '', 'hex');
    assert.equal(actions.readUInt32LE(0), 86_400);
    const tail = actions.subarray(actions.length - 24);
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].map((i) => tail.readUInt32LE(4 * i)),
      [5000, 30_000, 60_000].flatMap((delay) => [1, delay]),
    );
    assert.equal(data('FailureActionsOnNonCrashFailures'), '0x1');
  } else {
    // Wine keeps none of these, but says that it was asked to: recovery, delayed start, its flag, the account's identifier.
    const told = readFileSync(facts.trace, 'utf8').slice(before);
    assert.match(
      told,
      /SERVICE_CONFIG_FAILURE_ACTIONS not implemented: period 86400 msg \(null\) cmd \(null\)/,
    );
    for (const level of [3, 4, 5]) assert.ok(told.includes(`ChangeServiceConfig2W level ${level} not`), told);
  }
  const source = await values(`${SOURCES}\\${name}`);
  assert.deepEqual(source?.get('EventMessageFile'), {
    type: 'REG_EXPAND_SZ',
    data: '%SystemRoot%\\Microsoft.NET\\Framework64\\v4.0.30319\\EventLogMessages.dll',
  });
  assert.deepEqual(source?.get('TypesSupported'), { type: 'REG_DWORD', data: '0x7' });
  assert.ok(existsSync(join(service.folder, 'data')), 'the data folder is made');
  assert.equal((await (await manager()).query(name)).state, STATE.stopped);
});

it('a relative path is made absolute', async (t) => {
  const name = 'zt-relative';
  const path = folder(t);
  leavesNothing(t, name);
  mkdirSync(join(path, 'conf'));
  writeFileSync(join(path, 'conf', 'edge.yaml'), configuration(name, THREE));
  const { code, stderr } = await zeroth(['service', 'install', 'conf/edge.yaml', '--name', name], {
    cwd: path,
  });
  assert.equal(code, 0, stderr);
  const image = (await values(`${SERVICES}\\${name}`))?.get('ImagePath')?.data ?? '';
  assert.ok(image.includes(` "${windows(join(path, 'conf', 'edge.yaml'))}" `), image);
});

it('a bad configuration is refused before anything is written', async (t) => {
  const name = 'zt-refused';
  const path = folder(t);
  leavesNothing(t, name);
  writeFileSync(join(path, 'zeroth.yaml'), 'routes: { jobs: { pattern: pipelin } }\n');
  const args = ['service', 'install', windows(join(path, 'zeroth.yaml')), '--name', name];
  const { code, stderr } = await zeroth(args);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /pipelin/);
  await nothingOf(name);
  assert.deepEqual(readdirSync(path), ['zeroth.yaml']);
});

it('a name is taken once', async (t) => {
  const service = await installed(t, 'zt-once', THREE);
  const { code, stderr } = await zeroth(['service', 'install', windows(service.file), '--name', 'zt-once']);
  assert.notEqual(code, 0);
  assert.match(stderr, /zt-once/);
  assert.equal((await (await manager()).query('zt-once')).state, STATE.stopped);
});

it('what is not installed is said to be so', async () => {
  for (const verb of ['start', 'uninstall']) {
    const { code, stderr } = await zeroth(['service', verb, '--name', 'zt-nobody']);
    assert.notEqual(code, 0, verb);
    assert.match(stderr, /zt-nobody/, verb);
  }
});

it('uninstall stops the service, removes it and its event source, and leaves the data', async (t) => {
  const name = 'zt-gone';
  const service = await installed(t, name, route('kept', 'pipeline', ', stream: {}'));
  const pid = await service.started();
  await service.service('uninstall');
  const agent = await manager();
  await until('the end of its process', async () => !(await agent.alive(pid)));
  await nothingOf(name);
  assert.ok(readdirSync(join(service.folder, 'data')).length > 0);
  assert.ok(existsSync(service.file));
});
