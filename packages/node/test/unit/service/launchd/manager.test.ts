import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'plist';
import { launchdManager } from '../../../../src/service/launchd/manager.ts';
import { plistText, readPlist } from '../../../../src/service/launchd/plist.ts';
import { stateOfPrint } from '../../../../src/service/launchd/print.ts';
import type { Ran, ServiceManager } from '../../../../src/service/manager.ts';
import { performSteps } from '../../../../src/service/steps.ts';
import { fakeRun, specOf } from '../../../support/spec.ts';

const where = { user: 'ann', errors: '/Library/Logs/zeroth/zeroth.err' };
const word = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, ''));

test('the property list of a node', () => {
  const spec = specOf({ environment: { A: 'x & "y" <z>' }, stopTimeout: 5000 });
  assert.deepEqual(parse(plistText(spec, where)), {
    Label: 'zeroth',
    ProgramArguments: [...spec.command],
    WorkingDirectory: '/etc/zeroth',
    UserName: 'ann',
    EnvironmentVariables: { A: 'x & "y" <z>' },
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: 10,
    ExitTimeOut: 25,
    ProcessType: 'Interactive',
    SoftResourceLimits: { NumberOfFiles: 65_536 },
    HardResourceLimits: { NumberOfFiles: 65_536 },
    Umask: 0o027,
    StandardOutPath: where.errors,
    StandardErrorPath: where.errors,
  });
});

test('every word arrives as it was', () => {
  fc.assert(
    fc.property(fc.array(word), word, word, (words, value, displayName) => {
      const dataDir = `/data/${displayName}`;
      const spec = specOf({ command: ['/bin/x', ...words], environment: { V: value }, displayName, dataDir });
      const text = plistText(spec, where);
      const parsed = parse(text) as { ProgramArguments: string[]; EnvironmentVariables: { V: string } };
      assert.deepEqual(parsed.ProgramArguments, ['/bin/x', ...words]);
      assert.equal(parsed.EnvironmentVariables.V, value);
      const read = readPlist(text);
      assert.equal(read?.displayName, displayName);
      assert.equal(read?.dataDir, dataDir);
      assert.equal(read?.command, ['/bin/x', ...words].join(' '));
    }),
  );
});

const python = spawnSync('python3', ['--version']).status === 0;

test('another reader reads the same', { skip: python ? false : 'python3 is not there' }, () => {
  const spec = specOf({ command: ['/bin/x', '<&>"\'é'], displayName: 'a -- b' });
  const script = 'import plistlib, json, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
  const text = plistText(spec, where);
  const { status, stdout, stderr } = spawnSync('python3', ['-c', script], { input: text, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), parse(text));
});

test('with a manual start nothing starts it at boot', () => {
  const text = plistText(specOf({ start: 'manual' }), where);
  const parsed = parse(text) as Record<string, unknown>;
  assert.deepEqual([parsed.RunAtLoad, parsed.KeepAlive], [false, undefined]);
  assert.equal(readPlist(text)?.start, 'manual');
  assert.equal(readPlist('<plist version="1.0"><dict/></plist>'), null);
});

const PRINTED = `system/zeroth = {
	active count = 1
	path = /Library/LaunchDaemons/zeroth.plist
	state = running

	program = /usr/local/bin/node
	pid = 321
	last exit code = (never exited)
}
`;

test('what launchctl prints', () => {
  assert.deepEqual(stateOfPrint(PRINTED), { state: 'running', pid: 321, exitCode: null });
  const ended = PRINTED.replace(/\tpid.*\n/, '').replace('state = running', 'state = not running');
  assert.deepEqual(stateOfPrint(ended), { state: 'stopped', pid: null, exitCode: null });
  assert.deepEqual(stateOfPrint(ended.replace('(never exited)', '3')), {
    state: 'failed',
    pid: null,
    exitCode: 3,
  });
  assert.deepEqual(stateOfPrint(ended.replace('(never exited)', '0')), {
    state: 'stopped',
    pid: null,
    exitCode: 0,
  });
  assert.deepEqual(stateOfPrint(''), { state: 'stopped', pid: null, exitCode: null });
});

function setUp(
  t: TestContext,
  answers: Readonly<Record<string, Partial<Ran>>> = {},
): { manager: ServiceManager; calls: string[]; daemons: string } {
  const daemons = mkdtempSync(join(tmpdir(), 'zeroth-daemons-'));
  t.after(() => rmSync(daemons, { recursive: true }));
  const { run, calls } = fakeRun(answers);
  return { manager: launchdManager({ daemons, logs: join(daemons, 'logs'), run }), calls, daemons };
}

test('install, control, uninstall', async (t) => {
  let printed = 113;
  const { manager, calls, daemons } = setUp(t, {
    'launchctl print': {
      get code() {
        return printed;
      },
    },
  });
  const path = join(daemons, 'zeroth.plist');
  const steps = await manager.install(
    specOf({ environment: { TOKEN: 'x' }, dataDir: '/nowhere/data', user: 'ann' }),
  );
  assert.equal(existsSync(path), false);
  await performSteps(steps);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(readFileSync(path, 'utf8').includes('<string>x</string>'));
  assert.ok(calls.includes('install -d -m 0750 -o ann /nowhere/data'));
  assert.ok(calls.includes(`launchctl bootstrap system ${path}`));
  await assert.rejects(manager.install(specOf()), { code: 'SERVICE_EXISTS' });
  printed = 0;
  await assert.rejects(manager.install(specOf({ name: 'other' })), { code: 'SERVICE_EXISTS' });
  calls.length = 0;
  for (const verb of ['start', 'stop', 'pause', 'resume', 'reload', 'uninstall'] as const)
    await performSteps(await manager[verb]('zeroth'));
  assert.deepEqual(
    calls.filter((line) => !line.startsWith('launchctl print')),
    [
      'launchctl kickstart system/zeroth',
      'launchctl kill SIGTERM system/zeroth',
      'launchctl kill SIGTSTP system/zeroth',
      'launchctl kill SIGCONT system/zeroth',
      'launchctl kill SIGHUP system/zeroth',
      'launchctl bootout system/zeroth',
    ],
  );
  assert.equal(existsSync(path), false);
});

test('the log of an earlier service of this name goes on', async (t) => {
  const { manager, calls, daemons } = setUp(t, { 'launchctl print': { code: 113 } });
  mkdirSync(join(daemons, 'logs', 'zeroth'), { recursive: true });
  writeFileSync(join(daemons, 'logs', 'zeroth.err'), 'old');
  await performSteps(await manager.install(specOf({ dataDir: null })));
  assert.deepEqual(
    calls.filter((line) => line.startsWith('install')),
    [],
  );
});

test('an install that fails leaves nothing; property lists of others are not touched', async (t) => {
  const { manager, calls, daemons } = setUp(t, {
    'launchctl print': { code: 113 },
    'launchctl bootstrap': { code: 5, stderr: 'Input/output error' },
  });
  await assert.rejects(performSteps(await manager.install(specOf({ dataDir: null }))), {
    code: 'SERVICE_FAILED',
    message: /code 5: Input\/output error/,
  });
  assert.equal(existsSync(join(daemons, 'zeroth.plist')), false);
  writeFileSync(join(daemons, 'com.apple.x.plist'), '<plist version="1.0"><dict/></plist>');
  calls.length = 0;
  await assert.rejects(async () => manager.uninstall('com.apple.x'), { code: 'SERVICE_UNKNOWN' });
  await assert.rejects(async () => manager.stop('nothing'), { code: 'SERVICE_UNKNOWN' });
  await assert.rejects(manager.install(specOf({ start: 'delayed' })), { code: 'SERVICE_UNSUPPORTED' });
  assert.deepEqual([await manager.list(), calls], [[], []]);
});
