/** Every example runs and prints what it is meant to. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect } from '@zeroth/client';
import { type RunningNode, startNode } from './running-node.ts';

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

  it('curve', async () => {
    assert.equal(await example('curve'), 'a stranger was refused with 400\nanna says 23.5\n');
  });

  it('stream, through zeroth run', async (t) => {
    const node = await startNode();
    t.after(() => node.stop());
    const { stdout } = await run(
      process.execPath,
      [here('../stream.js'), String(node.endpoints.get('sessions'))],
      {
        timeout: TIMEOUT,
      },
    );
    assert.equal(stdout, '100 records are durable\n100 records in the report, by 2 workers\n');
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

/** What an earlier test has published. */
const FROM_PYTHON = [1, 2, 3].map((number) => `${number}\tpython\tmessage ${number}\n`).join('');

describe('the Python examples, through zeroth run', { skip }, () => {
  let node: RunningNode;

  before(async () => {
    node = await startNode();
  });

  after(() => node.stop());

  const example = async (name: string, side: string, ...args: string[]): Promise<string> => {
    const endpoint = node.endpoints.get(side);
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

  const python3 = async (...args: string[]): Promise<string> => {
    const script = here('../../python/stream_client.py');
    // No folder of compiled Python beside the sources.
    const { stdout } = await run(python as string, ['-B', script, ...args], { timeout: TIMEOUT });
    return stdout.replaceAll('\r\n', '\n');
  };

  it('stream_client.py publishes what @zeroth/client consumes', async () => {
    const endpoint = String(node.endpoints.get('sessions'));
    assert.equal(await python3('publish', '3', endpoint), '3 records are durable\n');
    await using client = await connect(endpoint, { name: 'reader' });
    const seen: string[] = [];
    for await (const record of client.stream('events').consume({ from: 'first' })) {
      seen.push(`${record.sequence} ${record.key} ${record.body}`);
      record.ack();
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, ['1 python message 1', '2 python message 2', '3 python message 3']);
  });

  it('stream_client.py consumes what @zeroth/client publishes, and goes on where it was', async () => {
    const endpoint = String(node.endpoints.get('sessions'));
    await using client = await connect(endpoint, { name: 'writer' });
    const stream = client.stream('events');
    const long = 'x'.repeat(300);
    await Promise.all(['one', 'two', long].map((body) => stream.publish(body, { key: 'ts' })));
    assert.equal(await python3('consume', '4', endpoint), `${FROM_PYTHON}4\tts\tone\n`);
    assert.equal(await python3('consume', '2', endpoint), `5\tts\ttwo\n6\tts\t${long}\n`);
  });

  it('stream_client.py loses and repeats nothing when the node is killed', async () => {
    const endpoint = String(node.endpoints.get('sessions'));
    await using client = await connect(endpoint, { name: 'reader' });
    const records = client.stream('events').consume({ group: 'all', from: 'new', filter: 'python' });
    await records.ready();
    const published = python3('publish', '20000', endpoint);
    const bodies = new Map<number, string>();
    for await (const record of records) {
      if (bodies.size === 0) node = await node.restart();
      bodies.set(record.sequence, String(record.body));
      record.ack();
      if (bodies.size === 20_000) break;
    }
    assert.equal(await published, '20000 records are durable\n');
    const inOrder = [...bodies].sort(([a], [b]) => a - b).map(([, body]) => body);
    assert.deepEqual(
      inOrder,
      Array.from({ length: 20_000 }, (_, index) => `message ${index + 1}`),
    );
    const { next } = await client.stream('events').info();
    assert.equal(next, Math.max(...bodies.keys()) + 1);
  });
});
