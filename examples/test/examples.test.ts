/** Every example runs and prints what it is meant to. */
import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT = 60_000;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe('the TypeScript examples', () => {
  const example = async (name: string): Promise<string> => {
    const { stdout } = await run(process.execPath, [here(`../${name}.js`)], { timeout: TIMEOUT });
    return stdout;
  };

  it('worker-pool', async () => {
    const [, shares] =
      /^The squares of 1 to 100 add up to 338350\. .*: ([\d, ]+)\n$/.exec(await example('worker-pool')) ?? [];
    const each = String(shares).split(', ').map(Number);
    assert.equal(each.length, 3);
    assert.equal(
      each.reduce((sum, share) => sum + share),
      100,
    );
    for (const share of each) assert.ok(share > 0, `each worker has a share: ${shares}`);
  });

  it('pubsub', async () => {
    assert.deepEqual((await example('pubsub')).split('\n'), [
      'temperature/hall 20.5, temperature/yard 20.5, temperature/hall 20.7, temperature/yard 20.7',
      'temperature/hall 20.5, temperature/hall 20.7',
      'pressure 20.5, pressure 20.7',
      '',
    ]);
  });

  it('reqrep', async () => {
    assert.equal(await example('reqrep'), 'Hello world!\nHello Zeroth!\nNo reply in time.\n');
  });
});

/** A Python that has pyzmq, or null. The first on the path may be one without. */
function pythonWithZmq(): string | null {
  const candidates = [process.env.PYTHON, 'python3', '/usr/bin/python3', 'python'];
  for (const name of candidates) {
    if (name !== undefined && spawnSync(name, ['-c', 'import zmq'], { timeout: TIMEOUT }).status === 0)
      return name;
  }
  return null;
}

const python = pythonWithZmq();
const skip = python === null ? 'no Python with pyzmq (apt-get install python3-zmq)' : false;
if (skip !== false) console.log(`The Python examples are skipped: ${skip}`);

describe('the Python examples, through zeroth run', { skip }, () => {
  let node: ChildProcessWithoutNullStreams;
  let dir: string;
  const endpoints = new Map<string, string>();

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'zeroth-examples-'));
    const side = 'bind: "tcp://127.0.0.1:0"';
    const route = (pattern: string): string =>
      `{ pattern: ${pattern}, frontend: { ${side} }, backend: { ${side} } }`;
    const routes = ['pubsub', 'reqrep', 'pipeline'].map((pattern) => `  ${pattern}: ${route(pattern)}\n`);
    await writeFile(join(dir, 'zeroth.yaml'), `routes:\n${routes.join('')}`);
    node = spawn(process.execPath, [
      here('../../../packages/node/dist/cli/main.js'),
      'run',
      join(dir, 'zeroth.yaml'),
    ]);
    node.stdout.resume();
    let log = '';
    for await (const chunk of node.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      log += chunk as string;
      if (log.includes('"event":"ready"')) break;
    }
    node.stderr.resume();
    for (const line of log.split('\n').filter((text) => text.includes('"route:ready"'))) {
      const { pattern, frontend, backend } = JSON.parse(line) as {
        pattern: string;
        frontend: [string];
        backend: [string];
      };
      endpoints.set(`${pattern} frontend`, frontend[0]).set(`${pattern} backend`, backend[0]);
    }
  });

  after(async () => {
    node.kill();
    if (node.exitCode === null && node.signalCode === null) await once(node, 'close');
    await rm(dir, { recursive: true, force: true });
  });

  const example = async (name: string, side: string, ...args: string[]): Promise<string> => {
    const endpoint = endpoints.get(side);
    assert.ok(endpoint, `the node has no ${side}`);
    const { stdout } = await run(python as string, [here(`../../python/${name}.py`), endpoint, ...args], {
      timeout: TIMEOUT,
    });
    return stdout.replaceAll('\r\n', '\n');
  };

  it('push.py and pull.py', async () => {
    const pulled = example('pull', 'pipeline backend', '3');
    await example('push', 'pipeline frontend', 'one', 'two', 'drei');
    assert.equal(await pulled, 'one\ntwo\ndrei\n');
  });

  it('pub.py and sub.py', async () => {
    const received = example('sub', 'pubsub backend', 'plant/', '2');
    await example('pub', 'pubsub frontend', 'plant/7', '20.5', '20.7');
    assert.equal(await received, 'plant/7\t20.5\nplant/7\t20.7\n');
  });

  it('req.py and rep.py', async () => {
    const served = example('rep', 'reqrep backend', '2');
    assert.equal(await example('req', 'reqrep frontend', 'hello', 'again'), 'HELLO\nAGAIN\n');
    await served;
  });
});
