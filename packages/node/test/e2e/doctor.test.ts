/** `zeroth doctor` as a person calls it, on machines that have something wrong. */
import assert from 'node:assert/strict';
import type { SpawnSyncReturns } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import type { CliOptions } from '../support/cli.ts';
import { cli, folder, MAIN, RUNTIME, start } from '../support/cli.ts';
import { unusedEndpoint } from '../support/port.ts';

interface Check {
  readonly id: string;
  readonly status: 'ok' | 'warning' | 'failure';
  readonly message: string;
  readonly hint: string | null;
  readonly [figure: string]: unknown;
}

interface Answer {
  readonly code: number | null;
  readonly ok: boolean;
  readonly checks: readonly Check[];
  /** Those of an id that are not ok. */
  wrong(id: string): readonly Check[];
}

function answerOf(code: number | null, stdout: string, stderr: string): Answer {
  let parsed: { ok: boolean; checks: Check[] };
  try {
    parsed = JSON.parse(stdout) as typeof parsed;
  } catch {
    throw new Error(`no JSON, exit code ${code}: ${stdout}${stderr}`);
  }
  const wrong = (id: string): readonly Check[] =>
    parsed.checks.filter((each) => each.id === id && each.status !== 'ok');
  return { code, ...parsed, wrong };
}

/** Asks again when a check had no result: on a machine full of other tests it may not come to one within its time. */
async function inTime(args: readonly string[], options?: CliOptions): ReturnType<typeof cli> {
  for (let left = 10; ; left--) {
    const ended = await cli(args, options);
    if (left === 0 || !ended.stdout.includes('no result within')) return ended;
  }
}

async function doctor(args: readonly string[], options?: CliOptions): Promise<Answer> {
  const { code, stdout, stderr } = await inTime(['doctor', '--json', ...args], options);
  return answerOf(code, stdout, stderr);
}

/** A configuration with free ports and a folder for data of its own. */
async function machine(t: TestContext, more = ''): Promise<{ cwd: string; file: string }> {
  const cwd = await folder(t);
  const file = join(cwd, 'zeroth.yaml');
  await writeFile(
    file,
    `node: { name: plant-7, dataDir: ./data }
routes:
  jobs: { pattern: pipeline, maxPeers: 10, frontend: { bind: "${await unusedEndpoint()}" }, backend: { bind: "tcp://127.0.0.1:0" } }
streams: { events: { retain: { bytes: 1MiB } } }
sessions: { bind: "tcp://127.0.0.1:0", maxSessions: 10 }
${more}`,
  );
  return { cwd, file };
}

const needsPipes = process.platform === 'win32' ? 'Windows has no named pipes in folders' : false;

/** What needs a namespace of its own, and root to make one. */
const NAMESPACE = ['--mount', '--propagation', 'private'];
const canUnshare =
  process.platform === 'linux' && spawnSync('unshare', [...NAMESPACE, '--net', 'true']).status === 0;
const needsUnshare = canUnshare ? false : 'needs root, and unshare of util-linux';

/** The doctor after `prepare`, a shell script, in a namespace of its own. */
function within(flags: readonly string[], prepare: string, file: string): Answer {
  const script = `set -e; ${prepare}; exec "$0" "$1" doctor --json "$2"`;
  const args = [...flags, 'sh', '-c', script, process.execPath, MAIN, file];
  const env = { ...process.env, ZEROTH_RUNTIME_DIR: RUNTIME };
  const ended: SpawnSyncReturns<string> = spawnSync('unshare', args, { encoding: 'utf8', env });
  // What can't be ended would be said here.
  assert.equal(ended.stderr, '');
  return answerOf(ended.status, ended.stdout, ended.stderr);
}

describe('zeroth doctor', () => {
  it('finds nothing that a node needs missing, in one screen, and leaves nothing', async (t) => {
    const { cwd, file } = await machine(t);
    const { code, stdout, stderr } = await inTime(['doctor', 'zeroth.yaml'], { cwd });
    assert.equal(code, 0, stdout);
    assert.equal(stderr, '');
    assert.ok(stdout.split('\n').length < 40, stdout);
    assert.match(stdout, /^ok +config +zeroth\.yaml: 1 route, 1 stream, sessions$/m);
    // The disk may be busy with the data of other tests.
    assert.match(stdout, /^(ok|warning) +fsync +4 KiB are on the disk after [\d.]+ m?s/m);
    assert.match(stdout, /^(all is well|\d+ warnings?)\n$/m);
    assert.deepEqual(await readdir(cwd), ['zeroth.yaml']);
    assert.deepEqual(
      (await readdir(RUNTIME)).filter((name) => name.includes('doctor')),
      [],
    );
    const { ok, checks } = await doctor([file]);
    assert.equal(ok, true);
    for (const { id, status, message, hint } of checks) {
      assert.ok(id !== '' && message !== '', id);
      assert.equal(hint === null, status === 'ok', `${id}: ${message}`);
    }
    const ids = new Set(checks.map(({ id }) => id));
    for (const id of [
      'config',
      'node',
      'files',
      'permissions',
      'ports',
      'data',
      'space',
      'disk',
      'fsync',
      'paths',
      'clock',
      'ipc',
      'cryptography',
      'network',
      'service',
    ])
      assert.ok(ids.has(id), `no ${id}`);
  });

  it('looks at the embedded default without a file, and says when there is one', async (t) => {
    const { cwd } = await machine(t);
    const { wrong } = await doctor([], { cwd });
    assert.deepEqual(
      wrong('config').map(({ hint }) => hint),
      ['zeroth doctor zeroth.yaml'],
    );
  });

  it('ends with 3 for a bad configuration, and checks the rest', async (t) => {
    const cwd = await folder(t);
    const file = join(cwd, 'bad.yaml');
    await writeFile(file, 'routes:\n  a: { pattern: pipe }\n  b: { bnd: 1 }\n');
    const { code, ok, checks, wrong } = await doctor([file]);
    assert.deepEqual([code, ok], [3, false]);
    assert.match(
      wrong('config')[0]?.message ?? '',
      /bad\.yaml: 7 problems: line 2: routes\.a\.frontend: .*; and 5 more$/,
    );
    assert.ok(checks.some(({ id }) => id === 'node') && !checks.some(({ id }) => id === 'ports'));
    assert.equal((await doctor([join(cwd, 'none.yaml')])).code, 3);
  });

  it('ends with 4 when the centre is not there', async (t) => {
    const url = (await unusedEndpoint()).replace('tcp:', 'http:');
    const { file } = await machine(t, `source: { kind: etcd, url: "${url}", key: zeroth }\n`);
    const { code, wrong } = await doctor([file]);
    assert.equal(code, 4);
    assert.match(wrong('centre')[0]?.message ?? '', /ECONNREFUSED/);
  });

  it('knows the running node of the configuration, and that its endpoints are in the way of another one', async (t) => {
    const { file, cwd } = await machine(t);
    const node = start(t, ['run', file]);
    await node.waitFor('stderr', /"event":"ready"/);
    const own = await doctor([file]);
    assert.equal(own.ok, true, JSON.stringify(own.checks, null, 2));
    const ports = own.checks.find(({ id }) => id === 'ports');
    assert.match(ports?.message ?? '', /of the running node plant-7/);
    assert.equal(own.checks.find(({ id }) => id === 'lock')?.pid, node.child.pid);
    const other = join(cwd, 'other.yaml');
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(ports === undefined ? '' : await readFile(file, 'utf8')) ?? [];
    await writeFile(
      other,
      `node: { name: plant-8, dataDir: ./data }\nroutes:\n  x: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:${port}" }, backend: { bind: "inproc://x" } }\n`,
    );
    const { code, wrong } = await doctor([other]);
    assert.equal(code, 4);
    assert.equal(wrong('lock')[0]?.pid, node.child.pid);
    const [taken] = wrong('ports').filter(({ status }) => status === 'failure');
    assert.equal(taken?.code, 'EADDRINUSE');
    if (process.platform === 'linux') assert.equal(taken.pid, node.child.pid);
  });

  it('ends when a disk never answers', { skip: needsPipes }, async (t) => {
    const { cwd, file } = await machine(t);
    await mkdir(join(cwd, 'data'));
    // As a dead network share does, a pipe without a writer holds up who opens it.
    assert.equal(spawnSync('mkfifo', [join(cwd, 'data', 'lock')]).status, 0);
    const node = start(t, ['doctor', '--json', file]);
    const { signal, stdout, stderr } = await node.ended;
    assert.equal(signal, 'SIGKILL');
    const { wrong } = answerOf(null, stdout, stderr);
    assert.match(wrong('data')[0]?.message ?? '', /no result within/);
    assert.match(stderr, /does not come back/);
  });

  it('finds a disk that is full', { skip: needsUnshare }, async (t) => {
    const { cwd, file } = await machine(t);
    await mkdir(join(cwd, 'data'));
    const fill = `mount -t tmpfs -o size=64k zeroth "${cwd}/data"; dd if=/dev/zero of="${cwd}/data/big" bs=4k 2>/dev/null || true`;
    const { code, wrong } = within(NAMESPACE, fill, file);
    assert.equal(code, 4);
    assert.match(wrong('space')[0]?.message ?? '', /the disk is full/);
    assert.equal(wrong('fsync')[0]?.code, 'ENOSPC');
    assert.match(wrong('disk')[0]?.message ?? '', /tmpfs: gone when the machine starts anew/);
  });

  it('finds a disk for reading only', { skip: needsUnshare }, async (t) => {
    const { cwd, file } = await machine(t);
    await mkdir(join(cwd, 'data'));
    const { code, wrong } = within(NAMESPACE, `mount -t tmpfs -o ro zeroth "${cwd}/data"`, file);
    assert.equal(code, 4);
    assert.equal(wrong('data')[0]?.code, 'EROFS');
  });

  it('finds a network without loopback', { skip: needsUnshare }, async (t) => {
    const { file } = await machine(t);
    const { code, wrong } = within(['--net'], 'true', file);
    assert.equal(code, 4);
    assert.match(wrong('network')[0]?.message ?? '', /nothing comes through 127\.0\.0\.1/);
  });

  it('does not wait for name servers that are silent', { skip: needsUnshare }, async (t) => {
    const { cwd, file } = await machine(t);
    const yaml = await readFile(file, 'utf8');
    await writeFile(
      file,
      yaml.replace('backend: { bind', 'backend: { connect: tcp://plant.example.com:5555, bind'),
    );
    await writeFile(join(cwd, 'resolv.conf'), 'nameserver 10.9.9.2\n');
    // A network whose other end takes everything and answers nothing.
    const silent = `mount --bind "${cwd}/resolv.conf" /etc/resolv.conf; ip link set lo up
ip link add v0 type veth peer name v1; ip addr add 10.9.9.1/24 dev v0; ip link set v0 up; ip link set v1 up`;
    const { code, wrong } = within([...NAMESPACE, '--net'], silent, file);
    assert.equal(code, 4);
    assert.deepEqual([wrong('connect')[0]?.found, wrong('connect')[0]?.code], ['name', 'ETIMEDOUT']);
  });

  it('finds too few open files, and what another user may not do', { skip: needsUnshare }, async (t) => {
    const { cwd, file } = await machine(t);
    await chmod(cwd, 0o755);
    const yaml = await readFile(file, 'utf8');
    await writeFile(
      file,
      yaml.replace(/frontend: \{ bind: "[^"]*" \}/, 'frontend: { bind: "tcp://127.0.0.1:81" }'),
    );
    const low = within(NAMESPACE, 'ulimit -n 100', file);
    assert.equal(low.wrong('files')[0]?.limit, 100);
    assert.match(low.wrong('ports')[0]?.message ?? '', /this user may bind it, others may not/);
    // Somebody else's, whose files nobody may look into.
    const server = createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const taken = `backend: { bind: "tcp://127.0.0.1:${port}" }`;
    await writeFile(file, (await readFile(file, 'utf8')).replace(/backend: \{ bind: "[^"]*" \}/, taken));
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    const env = { PATH: process.env.PATH, ZEROTH_RUNTIME_DIR: join(cwd, 'run') };
    const args = [...nobody, process.execPath, MAIN, 'doctor', '--json', file];
    const ended = spawnSync('setpriv', args, { encoding: 'utf8', env });
    if (ended.status === null || ended.stdout === '') return t.skip(`as nobody: ${ended.stderr}`);
    const { code, wrong } = answerOf(ended.status, ended.stdout, ended.stderr);
    assert.equal(code, 4);
    assert.equal(wrong('data')[0]?.code, 'EACCES');
    assert.equal(wrong('ports')[0]?.code, 'EACCES');
    assert.match(wrong('ports')[1]?.message ?? '', /taken by a process that this user can't see, of user 0/);
    assert.match(wrong('ipc')[0]?.message ?? '', /no folder for the local socket/);
    assert.deepEqual(wrong('permissions'), []);
  });
});
