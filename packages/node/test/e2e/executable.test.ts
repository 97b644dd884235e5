/** The executable of this machine, built once: what only goes wrong when the node is one file. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Pull, Push } from '@zeroth/zmq';
import { cli, folder, start, startNode } from '../support/cli.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';

const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url));
/** Of scripts/build-exe.mjs: a Node for it can't be fetched. */
const UNAVAILABLE = 69;

const out = mkdtempSync(join(tmpdir(), 'zeroth-exe-test-'));
after(() => rmSync(out, { recursive: true, force: true }));

/** Builds, and says why not if it could not. */
function build(): string | null {
  const windows = process.platform === 'win32';
  const target = `${windows ? 'win' : process.platform}-${process.arch}`;
  const script = join(ROOT, 'scripts', 'build-exe.mjs');
  const args = [script, '--target', target, '--out', out];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status === UNAVAILABLE) return `no executable here: ${stderr.trim()}`;
  assert.equal(status, 0, stderr);
  process.env.ZEROTH_EXECUTABLE = join(out, target, windows ? 'zeroth.exe' : 'zeroth');
  return null;
}

const missing = build();
const skip = missing ?? false;

describe('the executable', { skip }, () => {
  it('knows its version, and writes and checks a configuration', async (t) => {
    const cwd = await folder(t);
    assert.match((await cli(['--version'], { cwd })).stdout, /^\d+\.\d+\.\d+\n$/);
    assert.equal((await cli(['init'], { cwd })).code, 0);
    const checked = await cli(['check', 'zeroth.yaml'], { cwd });
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  });

  it('forwards, keeps, is asked how it does, and reports to a collector', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    const ANY = 'tcp://127.0.0.1:0';
    const node = await startNode(
      t,
      `
node: { dataDir: ${JSON.stringify(await folder(t))} }
routes:
  jobs: { pattern: pipeline, frontend: { bind: "${ANY}" }, backend: { bind: "${ANY}" }, stream: {} }
telemetry: { endpoint: "${receiver.url}", interval: 100ms }
`,
    );
    const push = new Push({ linger: 0 });
    const pull = new Pull();
    t.after(() => {
      push.close();
      pull.close();
    });
    push.connect(node.address('jobs', 'frontend'));
    pull.connect(node.address('jobs', 'backend'));
    await push.send('through one file');
    assert.equal(String((await pull.receive())[0]), 'through one file');
    const status = await cli(['status', '--json']);
    assert.equal(status.code, 0, status.stderr);
    assert.match(status.stdout, /"jobs"/);
    await receiver.until(() => receiver.metrics.length > 0);
    assert.deepEqual(receiver.problems, []);
    assert.equal((await node.process.stop('SIGTERM')).code, 0);
  });

  it('forwards over WebSocket, which it loads with the first connection', async (t) => {
    const node = await startNode(
      t,
      'routes:\n  web: { pattern: pipeline, frontend: { bind: "ws://127.0.0.1:0/in" }, backend: { bind: "ws://127.0.0.1:0" } }\n',
    );
    const push = new Push({ linger: 0 });
    const pull = new Pull();
    t.after(() => {
      push.close();
      pull.close();
    });
    push.connect(node.address('web', 'frontend'));
    pull.connect(node.address('web', 'backend'));
    await push.send('through one file');
    assert.equal(String((await pull.receive())[0]), 'through one file');
    assert.equal((await node.process.stop('SIGTERM')).code, 0);
  });

  it('comes with the licences of what is inside, and of nothing else', async () => {
    const text = await readFile(join(process.env.ZEROTH_EXECUTABLE ?? '', '..', 'LICENSES.txt'), 'utf8');
    for (const name of ['ws', 'libsodium', 'koffi', 'pino'])
      assert.match(text, new RegExp(`^${name} \\d`, 'm'));
    // An addon would be looked for in folders around the executable.
    assert.doesNotMatch(text, /^(sodium-native|require-addon) \d/m);
  });

  it('has the codecs and the words for people', async (t) => {
    const proto = join(await folder(t), 'shop.proto');
    await writeFile(proto, 'syntax = "proto3"; package shop; message Order { string note = 1; }');
    for (const codec of ['msgpack', `protobuf:${proto}#shop.Order`]) {
      const pull = start(t, ['pull', '--bind', 'tcp://127.0.0.1:0', '-n', '1', '--decode', codec]);
      const [, endpoint = ''] = await pull.waitFor('stderr', /bound to (\S+)/);
      const sent = await cli(['push', endpoint, '{"note":"hello"}', '--encode', codec]);
      assert.equal(sent.code, 0, sent.stderr);
      assert.match((await pull.ended).stdout, /hello/, codec);
    }
    const file = join(await folder(t), 'zeroth.yaml');
    await writeFile(file, 'log: { format: pretty }\nroutes: {}\nstreams: {}\n');
    const node = start(t, ['run', file]);
    await node.waitFor('stderr', /INFO.*node ready/);
    assert.equal((await node.stop('SIGTERM')).code, 0);
  });

  it('names itself as the program of a service', { skip: process.platform === 'win32' }, async (t) => {
    const cwd = await folder(t);
    assert.equal((await cli(['init'], { cwd })).code, 0);
    const planned = await cli(['service', 'install', 'zeroth.yaml', '--dry-run'], { cwd });
    assert.equal(planned.code, 0, planned.stderr);
    const program = process.env.ZEROTH_EXECUTABLE ?? '';
    assert.ok(planned.stdout.includes(`${program} run ${join(cwd, 'zeroth.yaml')}`), planned.stdout);
  });
});
