import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  environmentLine,
  plainText,
  quoteCommand,
  quoteWord,
} from '../../../../src/service/systemd/quote.ts';
import type { UnitOptions } from '../../../../src/service/systemd/unit.ts';
import { readUnit, timerText, unitText } from '../../../../src/service/systemd/unit.ts';
import { specOf } from '../../../support/spec.ts';

const options: UnitOptions = { version: 252, user: 'zeroth', notify: true, environmentFile: null };
const has = (unit: string, line: string): boolean => unit.split('\n').includes(line);

/** Words without control characters: spec.ts lets no others in. */
const word = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, ''));

/** systemd.syntax(7) and systemd.unit(5), "Specifiers", as plainly as can be. */
function systemdWords(line: string): string[] {
  const words: string[] = [];
  let current: string | null = null;
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (c === '\\') current = `${current ?? ''}${line.charAt(++i)}`;
    else if (c === '"') {
      quoted = !quoted;
      current ??= '';
    } else if (c === ' ' && !quoted) {
      if (current !== null) words.push(current);
      current = null;
    } else current = `${current ?? ''}${c}`;
  }
  if (current !== null) words.push(current);
  assert.equal(quoted, false);
  return words.map((each) => each.replaceAll('%%', '%'));
}

test('systemd reads every word as it was', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), (words) => {
      assert.deepEqual(systemdWords(words.map(quoteWord).join(' ')), words);
    }),
  );
});

test('a command has no variables, and a specifier nowhere', () => {
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const line = quoteCommand(['/bin/x y', ...words]);
      assert.equal(line.replaceAll('%%', '').includes('%'), false);
      const [program, ...rest] = systemdWords(line);
      assert.deepEqual([program, ...rest], [':/bin/x y', ...words]);
    }),
  );
});

test('a variable is read as a shell reads double quotes', () => {
  fc.assert(
    fc.property(word, (value) => {
      const [, quoted = ''] = /^KEY="(.*)"$/s.exec(environmentLine('KEY', value)) ?? [];
      assert.equal(quoted.replace(/\\(.)/gs, '$1'), value);
      assert.equal(/(^|[^\\])(\\\\)*["$`]/.test(quoted), false);
    }),
  );
});

test('a line does not go on with the next', () => {
  assert.equal(plainText('a %n b \\ \\'), 'a %%n b');
});

test('the unit of a node', () => {
  const unit = unitText(specOf({ stopTimeout: 10_500 }), options);
  for (const line of [
    'Type=notify',
    'NotifyAccess=main',
    'WatchdogSec=30',
    'ExecStart=:/usr/bin/node /opt/zeroth.js run /etc/zeroth/zeroth.yaml',
    'ExecReload=/bin/kill -HUP $MAINPID',
    'Restart=on-failure',
    'RestartPreventExitStatus=2 3',
    'RestartForceExitStatus=SIGHUP',
    'TimeoutStopSec=31',
    'ReadWritePaths=/var/lib/zeroth',
    'ProtectHome=yes',
    'PrivateTmp=yes',
    'CapabilityBoundingSet=',
    'WantedBy=multi-user.target',
  ])
    assert.ok(has(unit, line), `${line} is not in\n${unit}`);
  assert.doesNotMatch(
    unit,
    /^(MemoryDenyWriteExecute|AmbientCapabilities|StateDirectory|EnvironmentFile|RestartSteps)=/m,
  );
});

test('what a service needs is open, and nothing else', () => {
  const low = unitText(specOf({ lowPorts: true }), options);
  assert.ok(has(low, 'AmbientCapabilities=CAP_NET_BIND_SERVICE'));
  const ipc = unitText(specOf({ writes: ['/tmp/x', '/run/my app'] }), options);
  for (const line of ['PrivateTmp=no', 'ReadWritePaths=-/tmp/x', 'ReadWritePaths="-/run/my app"'])
    assert.ok(has(ipc, line), ipc);
  assert.ok(has(unitText(specOf({ dataDir: '/home/ann/data' }), options), 'ProtectHome=read-only'));
  assert.ok(has(unitText(specOf({ dataDir: null }), options), 'StateDirectory=zeroth-zeroth'));
  // /tmpfs is not /tmp.
  assert.ok(has(unitText(specOf({ writes: ['/tmpfs'] }), options), 'PrivateTmp=yes'));
});

test('without a way to talk to systemd it is not waited for', () => {
  const unit = unitText(specOf(), { ...options, notify: false });
  assert.ok(has(unit, 'Type=exec'));
  assert.doesNotMatch(unit, /^(WatchdogSec|NotifyAccess)=/m);
});

test('when it starts; the backoff of newer ones', () => {
  for (const start of ['delayed', 'manual'] as const)
    assert.doesNotMatch(unitText(specOf({ start }), options), /WantedBy/);
  assert.match(timerText(specOf()), /^OnBootSec=120\nUnit=zeroth\.service$/m);
  assert.match(unitText(specOf(), { ...options, version: 254 }), /^RestartMaxDelaySec=60$/m);
});

test('a unit of ours is known again, and no other', () => {
  const spec = specOf({ displayName: '100 % "ours"', start: 'delayed', command: ['/bin/a b', 'c%'] });
  assert.deepEqual(readUnit(unitText(spec, options)), {
    displayName: '100 % "ours"',
    start: 'delayed',
    command: '"/bin/a b" c%',
    dataDir: '/var/lib/zeroth',
    environmentFile: null,
  });
  assert.equal(readUnit('[Service]\nExecStart=/bin/true\n'), null);
});

const analyze = spawnSync('systemd-analyze', ['--version']).status === 0;
const noAnalyze = analyze ? false : 'systemd-analyze is not there';

test('systemd itself finds nothing wrong in it', { skip: noAnalyze }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-unit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const specs = [
    specOf({ name: 'one', command: [process.execPath, 'a b', '"', "'", '%n', '$HOME', '\\', ';'] }),
    specOf({
      name: 'two',
      command: [process.execPath],
      writes: ['/tmp/my app', '/run/x"y'],
      lowPorts: true,
      start: 'delayed',
    }),
    specOf({ name: 'three', command: [process.execPath], dataDir: null, displayName: 'Ü 100%' }),
  ];
  const files = specs.map((spec) => {
    const path = join(folder, `${spec.name}.service`);
    // The account is made by install.
    writeFileSync(path, unitText(spec, { ...options, user: 'root' }));
    return path;
  });
  const timer = join(folder, 'two.timer');
  writeFileSync(timer, timerText(specs[1] ?? specOf()));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...files, timer], {
    encoding: 'utf8',
  });
  const about = stderr.split('\n').filter((line) => line.includes(folder) || /^(one|two|three)\./.test(line));
  assert.deepEqual([status, about], [0, []], stderr);

  const bad = join(folder, 'bad.service');
  writeFileSync(bad, '[Service]\nType=nonsense\n');
  assert.match(spawnSync('systemd-analyze', ['verify', bad], { encoding: 'utf8' }).stderr, /bad\.service/);
});

test('it is as closed as a network service can be', { skip: noAnalyze }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-unit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'zeroth.service');
  writeFileSync(path, unitText(specOf(), { ...options, user: 'nobody' }));
  const words = ['security', '--offline=yes', '--threshold=20', '--no-pager', path];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
});
