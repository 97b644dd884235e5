/** `zeroth service` and a node under a real systemd, from install to uninstall. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Systemd } from '../support/systemd.ts';
import { bootSystemd, NODE, noSystemd, ZEROTH } from '../support/systemd.ts';

const skip = (await noSystemd()) ?? false;
const FRONT = 'tcp://127.0.0.1:5601';
const BACK = 'tcp://127.0.0.1:5602';

const CONFIG = `
node: { name: plant, dataDir: /var/lib/plant/data, stopTimeout: 5s, watch: false }
routes:
  jobs: { pattern: pipeline, frontend: { bind: "${FRONT}" }, backend: { bind: "${BACK}" } }
`;

async function write(s: Systemd, path: string, text: string): Promise<void> {
  await s.ok(['sh', '-c', `mkdir -p "$(dirname ${path})" && cat > ${path}`], { input: text });
}

async function boot(t: TestContext): Promise<Systemd> {
  const s = await bootSystemd(t);
  await write(s, '/etc/zeroth/zeroth.yaml', CONFIG);
  return s;
}

interface Status {
  readonly state: string;
  readonly pid: number | null;
  readonly exitCode: number | null;
  readonly text: string | null;
  readonly start: string;
}

async function status(s: Systemd, name = 'zeroth'): Promise<Status> {
  const { stdout } = await s.zeroth('service', 'status', '--name', name, '--json');
  return JSON.parse(stdout) as Status;
}

/** A message through the service. */
async function pass(s: Systemd, text: string): Promise<void> {
  const [sent, received] = await Promise.all([
    s.zeroth('push', FRONT, text),
    s.zeroth('pull', BACK, '-n', '1', '--timeout', '20s'),
  ]);
  assert.equal(sent.code, 0, sent.stderr);
  assert.match(received.stdout, new RegExp(text), received.stderr);
}

test('a node is installed, started, controlled and removed', { skip }, async (t) => {
  const s = await boot(t);
  await s.ok([
    ...ZEROTH,
    'service',
    'install',
    '/etc/zeroth/zeroth.yaml',
    '--env',
    'SECRET=quite "so" $HOME \\ %n',
  ]);
  assert.equal((await s.zeroth('service', 'install', '/etc/zeroth/zeroth.yaml')).code, 4);
  assert.match(await s.ok(['systemctl', 'is-enabled', 'zeroth.service']), /^enabled/);
  assert.match(await s.ok(['stat', '-c', '%U %a', '/var/lib/plant/data']), /^zeroth 750/);
  assert.equal((await s.run(['cat', '/etc/passwd'])).stdout.includes('zeroth:'), true);

  const other = await s.run(['runuser', '-u', 'nobody', '--', ...ZEROTH, 'service', 'start']);
  assert.equal(other.code, 4);
  assert.match(other.stderr, /SERVICE_ELEVATION/);
  assert.ok(other.stderr.includes(`sudo ${ZEROTH.join(' ')} service start`), other.stderr);

  const words = [
    'service',
    'install',
    '/etc/zeroth/zeroth.yaml',
    '--name',
    'x',
    '--env',
    'A=hush',
    '--env=B=hush',
  ];
  const told = await s.run(['runuser', '-u', 'nobody', '--', ...ZEROTH, ...words]);
  assert.equal(told.code, 4);
  assert.match(told.stderr, /--env A=\.\.\. --env=B=\.\.\./);
  assert.doesNotMatch(told.stderr, /hush/);

  // Start returns when the node is ready.
  await s.ok([...ZEROTH, 'service', 'start']);
  const running = await status(s);
  assert.equal(running.state, 'running', JSON.stringify(running));
  assert.match(await s.ok(['ps', '-o', 'user=', '-p', String(running.pid)]), /^zeroth/);
  const environment = await s.ok(['cat', `/proc/${running.pid}/environ`]);
  assert.ok(environment.split('\0').includes('SECRET=quite "so" $HOME \\ %n'), environment);
  await pass(s, 'one');

  // Root asks the node itself, through the socket that it has for its own user.
  assert.match(await s.ok([...ZEROTH, 'status']), /plant/);

  // Reload: the unit says how.
  await s.ok([...ZEROTH, 'service', 'reload']);
  await s.until(
    'no reload in the journal',
    () => s.run(['journalctl', '--no-pager', '-u', 'zeroth', '--output=json']),
    ({ stdout }) => /"ZEROTH_EVENT":"(config|reload)/.test(stdout),
  );

  await s.ok([...ZEROTH, 'service', 'pause']);
  assert.equal((await status(s)).state, 'paused');
  await s.ok([...ZEROTH, 'service', 'continue']);
  assert.equal((await status(s)).state, 'running');
  await pass(s, 'two');

  await s.ok([...ZEROTH, 'service', 'stop']);
  const stopped = await status(s);
  assert.deepEqual([stopped.state, stopped.exitCode], ['stopped', 0], JSON.stringify(stopped));
  assert.equal((await s.zeroth('service', 'status', '--name', 'zeroth')).code, 8);

  // Events have their fields and priority; none is there twice.
  const entries = (await s.ok(['journalctl', '--no-pager', '-u', 'zeroth', '--output=json', '--all']))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);
  const ready = entries.filter(({ MESSAGE }) => MESSAGE?.includes('node ready'));
  assert.equal(ready.length, 1, JSON.stringify(entries.map(({ MESSAGE }) => MESSAGE)));
  assert.equal(ready[0]?.ZEROTH_EVENT, 'ready');
  assert.equal(ready[0]?.PRIORITY, '6');
  assert.match(ready[0]?.ZEROTH_ID ?? '', /^\d+$/);
  assert.match(await s.ok([...ZEROTH, 'service', 'logs', '--lines', '200']), /node ready/);

  assert.match(await s.ok([...ZEROTH, 'service', 'uninstall']), /data \(\/var\/lib\/plant\/data\)/);
  assert.equal((await s.run(['systemctl', 'cat', 'zeroth.service'])).code, 1);
  assert.match(await s.ok(['ls', '-d', '/var/lib/plant/data']), /data/);
  assert.match(await s.ok([...ZEROTH, 'service', 'status']), /no service is installed/);
});

test('what belongs to other programs is not given to the account, whatever the names are', {
  skip,
}, async (t) => {
  const s = await boot(t);
  await write(s, '/var/lib/taken/ibdata1', '');
  await write(s, '/etc/zeroth/taken.yaml', CONFIG.replace('/var/lib/plant/data', '/var/lib/taken'));
  const refused = await s.zeroth('service', 'install', '/etc/zeroth/taken.yaml');
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /\/var\/lib\/taken has "ibdata1" in it/);
  await write(s, '/opt/app.cjs', '');
  await s.ok([
    ...ZEROTH,
    'service',
    'install',
    '--name',
    'taken',
    '--start',
    'manual',
    '--',
    NODE,
    '/opt/app.cjs',
  ]);
  await s.zeroth('service', 'start', '--name', 'taken');
  assert.match(
    await s.ok(['stat', '-c', '%U', '/var/lib/taken/ibdata1', '/var/lib/zeroth-taken']),
    /^root\nzeroth\n$/,
  );
  // The data of a node that a person has run becomes the service's, and stays it when it is installed again.
  await s.ok(['useradd', 'ann']);
  await s.ok(['install', '-d', '-o', 'ann', '/var/lib/plant/data', '/var/lib/plant/data/streams']);
  for (const verb of [
    ['install', '/etc/zeroth/zeroth.yaml'],
    ['start'],
    ['uninstall'],
    ['install', '/etc/zeroth/zeroth.yaml'],
  ])
    await s.ok([...ZEROTH, 'service', ...verb]);
  assert.match(await s.ok(['stat', '-c', '%U', '/var/lib/plant/data/streams']), /^zeroth/);
  const unknown = (await s.ok(['ls', '-A', '/var/lib/plant/data'])).trim().split('\n');
  assert.deepEqual(
    unknown.filter((name) => !/^(streams|config|lock.*)$/.test(name)),
    [],
  );
});

/** A program of somebody else, whose loop hangs when it is asked to pause. */
const STUCK = `
import { runAsService } from '/opt/zeroth/packages/node/dist/service.js';
let timer;
await runAsService({
  name: 'stuck',
  start: async () => { timer = setInterval(() => {}, 1000); },
  stop: async () => { clearInterval(timer); },
  pause: async () => { for (;;); },
  resume: async () => {},
});
`;

test('a stuck event loop is ended by the watchdog, and the service starts again', { skip }, async (t) => {
  const s = await boot(t);
  await write(s, '/opt/stuck.mjs', STUCK);
  await s.ok([...ZEROTH, 'service', 'install', '--name', 'stuck', '--', NODE, '/opt/stuck.mjs']);
  // So that the test need not wait half a minute.
  await write(s, '/etc/systemd/system/stuck.service.d/test.conf', '[Service]\nWatchdogSec=2\nRestartSec=0\n');
  await s.ok(['systemctl', 'daemon-reload']);
  await s.ok([...ZEROTH, 'service', 'start', '--name', 'stuck']);
  const { pid, state } = await status(s, 'stuck');
  assert.equal(state, 'running');
  await s.ok(['systemctl', 'kill', '--kill-who=main', '--signal=SIGTSTP', 'stuck']);
  await s.until(
    'it does not start again',
    () => status(s, 'stuck'),
    (now) => now.state === 'running' && now.pid !== pid,
  );
  assert.match(await s.ok(['systemctl', 'show', 'stuck', '--property=NRestarts']), /=[1-9]/);
  assert.match(await s.ok(['journalctl', '--no-pager']), /stuck\.service: Watchdog timeout/);
  await s.ok([...ZEROTH, 'service', 'stop', '--name', 'stuck']);
  assert.equal((await status(s, 'stuck')).state, 'stopped');
});

test('a start that fails is told, with its exit code', { skip }, async (t) => {
  const s = await boot(t);
  await s.ok([...ZEROTH, 'service', 'install', '/etc/zeroth/zeroth.yaml', '--start', 'manual']);
  await write(s, '/etc/zeroth/zeroth.yaml', 'routes: { jobs: { pattern: nonsense } }\n');
  const failed = await s.zeroth('service', 'start');
  assert.equal(failed.code, 4);
  assert.match(failed.stderr, /SERVICE_FAILED/);
  // A configuration does not get better by trying again.
  const after = await status(s);
  assert.deepEqual([after.state, after.exitCode], ['failed', 3], JSON.stringify(after));
  assert.equal((await s.zeroth('service', 'install', '/etc/zeroth/zeroth.yaml', '--name', 'other')).code, 3);
});

test('instances side by side; a delayed start is a timer; what the account may not read is refused', {
  skip,
}, async (t) => {
  const s = await boot(t);
  await write(
    s,
    '/etc/zeroth/edge.yaml',
    'node: { name: edge, dataDir: /var/lib/edge }\nroutes: { a: { pattern: pubsub, frontend: { bind: "ipc:///tmp/edge/in" }, backend: { bind: "tcp://lo:99" } } }\n',
  );
  await s.ok(['sh', '-c', 'mkdir /tmp/edge && chmod 1777 /tmp/edge']);
  await s.ok([...ZEROTH, 'service', 'install', '/etc/zeroth/zeroth.yaml']);
  await s.ok([
    ...ZEROTH,
    'service',
    'install',
    '/etc/zeroth/edge.yaml',
    '--name',
    'edge',
    '--start',
    'delayed',
  ]);
  assert.match(await s.ok(['systemctl', 'is-enabled', 'edge.timer']), /^enabled/);
  await s.ok([...ZEROTH, 'service', 'start']);
  // A port below 1024, of an interface by its name, and a socket in the /tmp that everybody sees.
  await s.ok([...ZEROTH, 'service', 'start', '--name', 'edge']);
  assert.match(await s.ok(['ls', '/tmp/edge']), /in/);
  assert.equal((await status(s, 'edge')).start, 'delayed');
  const list = await s.ok([...ZEROTH, 'service', 'status']);
  assert.match(list, /edge +running +delayed/);
  assert.match(list, /zeroth +running +auto/);
  assert.match(await s.ok([...ZEROTH, 'status', '--node', 'edge']), /edge/);

  await s.ok([
    'sh',
    '-c',
    'cp /etc/zeroth/edge.yaml /etc/zeroth/secret.yaml && chmod 600 /etc/zeroth/secret.yaml',
  ]);
  const refused = await s.zeroth('service', 'install', '/etc/zeroth/secret.yaml', '--name', 'secret');
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /zeroth can't read \/etc\/zeroth\/secret\.yaml: let it: chgrp zeroth/);
  assert.equal((await s.run(['systemctl', 'cat', 'secret.service'])).code, 1);
});

test('without koffi: no watchdog, lines with their priority in the journal, and it comes back after a kill', {
  skip,
}, async (t) => {
  const s = await boot(t);
  await s.ok(['mount', '-t', 'tmpfs', 'tmpfs', '/opt/zeroth/node_modules/koffi']);
  await s.ok([...ZEROTH, 'service', 'install', '/etc/zeroth/zeroth.yaml']);
  await write(s, '/etc/systemd/system/zeroth.service.d/test.conf', '[Service]\nRestartSec=0\n');
  await s.ok(['systemctl', 'daemon-reload']);
  assert.match(await s.ok(['systemctl', 'cat', 'zeroth']), /^Type=exec$/m);
  await s.ok([...ZEROTH, 'service', 'start']);
  const ready = async (count: number): Promise<void> => {
    await s.until(
      'not ready',
      () => s.run(['journalctl', '--no-pager', '-u', 'zeroth', '-p', '6..6', '--output=cat']),
      ({ stdout }) => stdout.split('"event":"ready"').length > count,
    );
  };
  await ready(1);
  const { pid } = await status(s);
  await s.ok(['kill', '-KILL', String(pid)]);
  await ready(2);
  assert.notEqual((await status(s)).pid, pid);
  await pass(s, 'again');
  await s.ok([...ZEROTH, 'service', 'pause']);
  await s.ok([...ZEROTH, 'service', 'continue']);
  await s.ok([...ZEROTH, 'service', 'stop']);
});

test('another program: its words arrive as they were typed', { skip }, async (t) => {
  const s = await boot(t);
  const words = ['a b', 'q"uo\'te', '$HOME', '%n', '\\', ';', '', '#', 'é'];
  await write(
    s,
    '/opt/app.cjs',
    'require("fs").writeFileSync(process.env.STATE_DIRECTORY + "/words", JSON.stringify(process.argv.slice(2)))',
  );
  await s.ok([
    ...ZEROTH,
    'service',
    'install',
    '--name',
    'app',
    '--start',
    'manual',
    '--',
    NODE,
    '/opt/app.cjs',
    ...words,
  ]);
  // It does not tell that it is ready: systemd says so, and what it wrote is there.
  await s.zeroth('service', 'start', '--name', 'app');
  assert.deepEqual(JSON.parse(await s.ok(['cat', '/var/lib/zeroth-app/words'])), words);
  assert.equal(ZEROTH[0], NODE);
});
