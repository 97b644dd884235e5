/** When the process ends: who holds it, for how long, and what it says meanwhile. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as zmq from '../../src/index.ts';
import { within } from '../support/deadline.ts';
import { text } from '../support/payload.ts';
import { scope } from '../support/scope.ts';
import { basicWires, tcp, transports } from '../support/transports.ts';

const FILE = fileURLToPath(new URL('../support/child.js', import.meta.url));
const WAITING = /^\(node:\d+\) WARNING: Waiting for queued ZeroMQ messages to be delivered\./m;
const WAY_OUT = "Set 'context.blocky = false' to change this behaviour.";

/** Runs support/child.ts with a scenario. Resolves with its exit code and what it printed. */
async function child(...scenario: string[]): Promise<{ code: number | null; output: string }> {
  const { code, output } = await childAndErrors(...scenario);
  return { code, output };
}

/** Also what it wrote to stderr. */
async function childAndErrors(
  ...scenario: string[]
): Promise<{ code: number | null; output: string; errors: string }> {
  const run = spawn(process.execPath, [...process.execArgv, FILE, ...scenario], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  run.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  let output = '';
  run.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  try {
    const [code] = (await within(once(run, 'close'), `the process ${scenario.join(' ')} to exit`)) as [
      number | null,
    ];
    return { code, output: output.trim(), errors };
  } finally {
    run.kill('SIGKILL');
  }
}

describe('the process', { timeout: 60_000 }, () => {
  it('exits though sockets are open, when nobody waits for them', async () => {
    assert.deepEqual(await child('idle'), { code: 0, output: 'idle' });
  });

  it('stays until a message is sent that is queued, and exits then', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const endpoint = await tcp.fixed();
    const ended = child('queued', endpoint);
    await pull.bind(endpoint);
    assert.deepEqual(text(await pull.receive()), ['late']);
    assert.deepEqual(await ended, { code: 0, output: 'queued' });
  });

  it('stays while somebody waits for a message', async () => {
    const run = spawn(process.execPath, [FILE, 'waiting'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [chunk] = (await once(run.stdout, 'data')) as [Buffer];
    assert.equal(chunk.toString().trim(), 'waiting');
    // Whoever is not held is gone by the time that another process came and went.
    assert.deepEqual(await child('idle'), { code: 0, output: 'idle' });
    assert.equal(run.exitCode, null);
    run.kill();
    await once(run, 'close');
  });

  // The child has no certificate for wss.
  for (const transport of transports.filter(({ name }) => name !== 'wss')) {
    it(`exits when its sockets are closed, over ${transport.name}`, async () => {
      assert.deepEqual(await child('talk', transport.endpoint()), { code: 0, output: 'pong' });
    });
  }

  it('exits when closed sockets never had a peer', async () => {
    assert.deepEqual(await child('alone'), { code: 0, output: 'closed' });
  });

  for (const transport of basicWires) {
    it(`delivers first what linger -1 keeps, over ${transport.name}`, async (t) => {
      const s = scope(t, transport);
      const endpoint = await transport.fixed();
      const exit = child('push', endpoint, '-1', '500');
      const pull = s.open(zmq.Pull);
      await pull.bind(endpoint);
      for (let index = 0; index < 500; index += 1)
        assert.deepEqual(text(await pull.receive()), [String(index)]);
      assert.deepEqual(await exit, { code: 0, output: 'closed' });
    });
  }

  it('exits at once with linger 0, though nobody took the messages', async () => {
    assert.deepEqual(await child('push', await tcp.fixed(), '0', '10'), { code: 0, output: 'closed' });
  });

  it('exits when linger is over, though nobody took the messages', async () => {
    assert.deepEqual(await child('push', await tcp.fixed(), '50', '10'), { code: 0, output: 'closed' });
  });

  it('exits when a socket is closed whose events are being read', async () => {
    assert.deepEqual(await child('events'), { code: 0, output: 'end' });
  });

  it('says why it does not end while a message waits for a peer, and ends when it is sent', async (t) => {
    const run = spawn(process.execPath, [FILE, 'queued', await tcp.fixed()], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    t.after(() => run.kill('SIGKILL'));
    const [chunk] = (await within(once(run.stderr, 'data'), 'the warning')) as [Buffer];
    assert.match(chunk.toString(), WAITING);
    assert.ok(chunk.toString().includes(WAY_OUT));
    assert.equal(run.exitCode, null);
  });

  it('waits for a linger that was set, and no longer, though the socket was not closed', async () => {
    const { code, output, errors } = await childAndErrors('leave', 'true', '700');
    assert.deepEqual([code, output], [0, 'left']);
    assert.match(errors, WAITING);
    assert.ok(errors.includes(WAY_OUT));
  });

  it('waits for a linger that was set also where blocky is off, and does not advise to switch it off', async () => {
    const { code, output, errors } = await childAndErrors('leave', 'false', '700');
    assert.deepEqual([code, output], [0, 'left']);
    assert.match(errors, WAITING);
    assert.ok(!errors.includes(WAY_OUT));
  });

  it('says nothing when it has to wait for a moment only', async () => {
    assert.deepEqual(await childAndErrors('leave', 'true', '50'), { code: 0, output: 'left', errors: '' });
  });

  for (const scenario of [['leave', 'false', '-'], ['leaveClosed']]) {
    it(`is not held by queued messages where blocky is off: ${scenario[0]}`, async () => {
      assert.deepEqual(await childAndErrors(...scenario), { code: 0, output: 'left', errors: '' });
    });
  }
});
