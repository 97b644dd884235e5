/** `zeroth service` without a service manager: what would be done, and what is refused before anything is. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { cli, folder } from '../support/cli.ts';

const skip = process.platform === 'linux' ? false : 'plans of systemd';

async function withConfig(t: TestContext, text: string): Promise<string> {
  const dir = await folder(t);
  await writeFile(join(dir, 'zeroth.yaml'), text);
  return dir;
}

const GOOD = `
node: { dataDir: ./data, stopTimeout: 7s }
routes:
  jobs: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:514" }, backend: { bind: "ipc://sockets/out" } }
`;

test('--dry-run shows every file and call, with absolute paths, and changes nothing', { skip }, async (t) => {
  const cwd = await withConfig(t, GOOD);
  const words = ['service', 'install', 'zeroth.yaml', '--name', 'zeroth-e2e', '--dry-run', '--env', 'A=b c'];
  const { code, stdout, stderr } = await cli(words, { cwd });
  assert.equal(code, 0, stderr);
  for (const text of [
    'write /etc/systemd/system/zeroth-e2e.service\n',
    `run ${cwd}/zeroth.yaml --quiet --service zeroth-e2e\n`,
    `ReadWritePaths=${cwd}/data\n`,
    `ReadWritePaths=-${cwd}/sockets\n`,
    'CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n',
    'TimeoutStopSec=27\n',
    'write /etc/zeroth/zeroth-e2e.env\n',
    '    A=...\n',
    'systemctl daemon-reload\n',
  ])
    assert.ok(stdout.includes(text), `${text} is not in\n${stdout}`);
  // The folder of the test is in /tmp.
  assert.match(stderr, /warning: .* is in a folder that systems empty/);
  assert.equal(existsSync('/etc/systemd/system/zeroth-e2e.service'), false);
  assert.equal(existsSync(join(cwd, 'data')), false);
});

test('--json for machines: the same plan', { skip }, async (t) => {
  const cwd = await withConfig(t, GOOD);
  const { stdout } = await cli(['service', 'install', 'zeroth.yaml', '--dry-run', '--json'], { cwd });
  const { steps } = JSON.parse(stdout) as { steps: { what: string; content?: string }[] };
  const unit = steps.find(({ what }) => what.endsWith('zeroth.service'));
  assert.match(unit?.content ?? '', /^ExecStart=:/m);
});

test('another program is found, and its files as well', { skip }, async (t) => {
  const cwd = await folder(t);
  await writeFile(join(cwd, 'app.js'), '');
  const { code, stdout, stderr } = await cli(
    ['service', 'install', '--name', 'app', '--dry-run', '--', 'node', 'app.js', '--x'],
    { cwd },
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^ +ExecStart=:/\\S+node ${cwd}/app\\.js --x$`, 'm'));
});

test('what is wrong is said before anything is done', { skip }, async (t) => {
  const cwd = await withConfig(t, GOOD);
  await writeFile(join(cwd, 'bad.yaml'), 'routes: { a: { pattern: nonsense } }\n');
  const refused: readonly (readonly [words: readonly string[], code: number, says: RegExp])[] = [
    [['bad.yaml'], 3, /pattern[\s\S]*CONFIG_INVALID/],
    [['missing.yaml'], 3, /missing\.yaml/],
    [[], 2, /zeroth init/],
    [['zeroth.yaml', '--name', 'a/b'], 2, /service name/],
    [['zeroth.yaml', '--env', 'NOVALUE'], 2, /KEY=VALUE/],
    [['zeroth.yaml', '--start', 'soon'], 2, /auto, delayed, manual/],
    [['zeroth.yaml', '--', 'node'], 2, /not both/],
    [['--', './nothing'], 2, /no program/],
    [['--', 'node', './nothing.js'], 2, /nothing\.js/],
    [['zeroth.yaml', '--display-name', 'a\nb'], 2, /control characters/],
  ];
  for (const [words, code, says] of refused) {
    const before = words.indexOf('--');
    const at = before === -1 ? words.length : before;
    const all = ['service', 'install', ...words.slice(0, at), '--dry-run', ...words.slice(at)];
    const ended = await cli(all, { cwd });
    assert.equal(ended.code, code, `${all.join(' ')}: ${ended.stderr}`);
    assert.match(ended.stderr, says);
    assert.equal(ended.stdout, '');
  }
});

test('where no systemd runs it says so', { skip: existsSync('/run/systemd/system') || skip }, async () => {
  for (const words of [['status'], ['start'], ['logs']]) {
    const { code, stderr } = await cli(['service', ...words]);
    assert.equal(code, 4);
    assert.match(stderr, /SERVICE_UNSUPPORTED.*container/);
  }
});
