import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Ran, ServiceManager } from '../../../../src/service/manager.ts';
import { performSteps } from '../../../../src/service/steps.ts';
import { systemdManager } from '../../../../src/service/systemd/manager.ts';
import { stateOf } from '../../../../src/service/systemd/show.ts';
import { fakeRun, specOf } from '../../../support/spec.ts';

interface Set {
  readonly manager: ServiceManager;
  readonly calls: string[];
  readonly units: string;
  readonly environments: string;
}

function setUp(t: TestContext, answers: Readonly<Record<string, Partial<Ran>>> = {}): Set {
  const units = mkdtempSync(join(tmpdir(), 'zeroth-units-'));
  const environments = join(units, 'environments');
  t.after(() => rmSync(units, { recursive: true }));
  const free = { 'systemctl show zeroth.service --property=LoadState': { stdout: 'not-found\n' } };
  const { run, calls } = fakeRun({ ...answers, ...free });
  return { manager: systemdManager({ units, environments, run, notify: true }), calls, units, environments };
}

test('an install is its whole plan first', async (t) => {
  const { manager, calls, units, environments } = setUp(t, { 'id -u': { code: 1 } });
  const steps = await manager.install(specOf({ environment: { TOKEN: 'x"y' }, dataDir: '/nowhere/zeroth' }));
  assert.equal(existsSync(join(units, 'zeroth.service')), false);
  assert.deepEqual(
    calls.filter((line) => !/^(id|systemctl show|systemctl --version)/.test(line)),
    [],
  );
  await performSteps(steps);
  assert.match(readFileSync(join(units, 'zeroth.service'), 'utf8'), /^EnvironmentFile=.*zeroth\.env$/m);
  // Nobody but root reads the values.
  const secret = join(environments, 'zeroth.env');
  assert.equal(readFileSync(secret, 'utf8'), 'TOKEN="x\\"y"\n');
  assert.equal(statSync(secret).mode & 0o777, 0o600);
  assert.doesNotMatch(readFileSync(join(units, 'zeroth.service'), 'utf8'), /x"y/);
  for (const line of [
    'useradd --system',
    'install -d -m 0750 -o zeroth /nowhere/zeroth',
    'systemctl daemon-reload',
    'systemctl enable zeroth.service',
  ])
    assert.ok(
      calls.some((call) => call.startsWith(line)),
      calls.join('\n'),
    );
});

test('an install that fails leaves nothing', async (t) => {
  const { manager, calls, units, environments } = setUp(t, {
    'id -u': { code: 1 },
    'systemctl enable': { code: 1, stderr: 'no' },
  });
  const steps = await manager.install(specOf({ environment: { A: 'b' }, dataDir: '/nowhere/zeroth' }));
  await assert.rejects(performSteps(steps), {
    code: 'SERVICE_FAILED',
    message: /systemctl enable.*code 1: no/,
  });
  assert.deepEqual(
    [existsSync(join(units, 'zeroth.service')), existsSync(join(environments, 'zeroth.env'))],
    [false, false],
  );
  assert.ok(calls.includes('userdel zeroth'));
  assert.ok(calls.includes('rmdir /nowhere/zeroth'));
});

test('a name that is taken, a user that is not there', async (t) => {
  const { manager, units } = setUp(t, {
    'systemctl show cron.service': { stdout: 'loaded\n' },
    'id -u -- nobody-here': { code: 1 },
  });
  writeFileSync(join(units, 'taken.service'), '');
  const exists = { code: 'SERVICE_EXISTS' };
  await assert.rejects(manager.install(specOf({ name: 'taken' })), exists);
  await assert.rejects(manager.install(specOf({ name: 'cron' })), exists);
  await assert.rejects(manager.install(specOf({ user: 'nobody-here' })), {
    code: 'SERVICE_FAILED',
    message: /nobody-here/,
  });
});

test('what the account can not read is named, with the way out', async (t) => {
  const { manager, units } = setUp(t, {
    'runuser -u zeroth -- test -r /etc/zeroth/zeroth.yaml': { code: 1 },
  });
  const steps = await manager.install(specOf());
  await assert.rejects(performSteps(steps), {
    code: 'SERVICE_FAILED',
    message: /zeroth can't read \/etc\/zeroth\/zeroth\.yaml: let it: chgrp zeroth/,
  });
  assert.equal(existsSync(join(units, 'zeroth.service')), false);
});

test('units of others are not touched', async (t) => {
  const { manager, calls, units } = setUp(t);
  writeFileSync(join(units, 'ssh.service'), '[Service]\nExecStart=/bin/true\n');
  for (const verb of [
    'uninstall',
    'start',
    'stop',
    'restart',
    'reload',
    'pause',
    'resume',
    'status',
  ] as const) {
    await assert.rejects(async () => manager[verb]('ssh'), { code: 'SERVICE_UNKNOWN', message: /systemctl/ });
    await assert.rejects(async () => manager[verb]('nothing'), { code: 'SERVICE_UNKNOWN' });
  }
  assert.deepEqual(await manager.list(), []);
  assert.deepEqual(calls, []);
});

test('a delayed start is a timer, and goes with the service', async (t) => {
  const { manager, calls, units } = setUp(t);
  await performSteps(await manager.install(specOf({ start: 'delayed', dataDir: null })));
  assert.ok(existsSync(join(units, 'zeroth.timer')));
  assert.ok(calls.includes('systemctl enable zeroth.timer'));
  await performSteps(await manager.uninstall('zeroth'));
  assert.deepEqual(
    [existsSync(join(units, 'zeroth.timer')), existsSync(join(units, 'zeroth.service'))],
    [false, false],
  );
  assert.ok(calls.includes('systemctl disable --now zeroth.timer'));
});

test('a file of variables that is not ours is neither written nor removed', async (t) => {
  const { manager, environments } = setUp(t);
  mkdirSync(environments);
  const path = join(environments, 'zeroth.env');
  writeFileSync(path, 'MINE=1');
  await assert.rejects(manager.install(specOf({ environment: { A: 'b' } })), {
    code: 'SERVICE_EXISTS',
    message: /zeroth\.env/,
  });
  await performSteps(await manager.install(specOf({ dataDir: null })));
  await performSteps(await manager.uninstall('zeroth'));
  assert.equal(readFileSync(path, 'utf8'), 'MINE=1');
});

test('a timer that somebody removed is not missed; an uninstall that fails leaves it enabled', async (t) => {
  const { manager, units, calls } = setUp(t, { 'systemctl stop': { code: 1, stderr: 'no' } });
  await performSteps(await manager.install(specOf({ start: 'delayed', dataDir: null })));
  await assert.rejects(performSteps(await manager.uninstall('zeroth')), /no/);
  assert.equal(calls.at(-1), 'systemctl enable zeroth.timer');
  rmSync(join(units, 'zeroth.timer'));
  assert.deepEqual(
    (await manager.uninstall('zeroth')).filter(({ what }) => what.includes('zeroth.timer')),
    [],
  );
});

test('units can be read by everybody, whatever the umask of root is', async (t) => {
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const { manager, units } = setUp(t);
  await performSteps(await manager.install(specOf({ dataDir: null })));
  assert.equal(statSync(join(units, 'zeroth.service')).mode & 0o777, 0o644);
});

test('what systemctl shows', () => {
  const shown = (text: string): ReturnType<typeof stateOf> => stateOf(text.replaceAll(' ', '\n'));
  assert.deepEqual(
    shown(
      'ActiveState=active MainPID=12 StatusText=paused:x ActiveEnterTimestamp=@1700000000 ExecMainCode=0',
    ),
    {
      state: 'paused',
      pid: 12,
      since: 1_700_000_000_000,
      exitCode: null,
      text: 'paused:x',
    },
  );
  assert.deepEqual(
    shown('ActiveState=failed MainPID=0 ExecMainCode=1 ExecMainStatus=3 InactiveEnterTimestamp='),
    {
      state: 'failed',
      pid: null,
      since: null,
      exitCode: 3,
      text: null,
    },
  );
  assert.equal(shown('ActiveState=failed ExecMainCode=2 ExecMainStatus=9').exitCode, 137);
  assert.equal(shown('ActiveState=activating SubState=auto-restart').state, 'failed');
  assert.equal(shown('ActiveState=activating SubState=start').state, 'starting');
  assert.equal(shown('').state, 'stopped');
});
