/** Worker threads: each has its own sockets and inproc names; one that is terminated leaves nothing behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as zmq from '../../src/index.ts';
import { until, within } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { text } from '../support/payload.ts';
import { scope } from '../support/scope.ts';
import { tcp } from '../support/transports.ts';

const LIBRARY = fileURLToPath(new URL('../../src/index.js', import.meta.url));

/** Runs `body` in a worker, with `zmq`, `data` and `post`. Resolves with what it posts first; `ended` with its exit code. */
async function worker(
  t: TestContext,
  body: string,
  data?: unknown,
): Promise<{ run: Worker; posted: unknown; ended: Promise<unknown> }> {
  const source = `
    const { parentPort, workerData: data } = require('node:worker_threads');
    const zmq = require(${JSON.stringify(LIBRARY)});
    const post = (value) => parentPort.postMessage(value);
    (async () => { ${body} })();
  `;
  const run = new Worker(source, { eval: true, workerData: data });
  t.after(() => run.terminate());
  // A worker that ended before this thread came to read what it had posted: both are told in one go.
  const ended = once(run, 'exit').then(([code]) => code);
  const [posted] = (await within(once(run, 'message'), 'the worker to post')) as [unknown];
  return { run, posted, ended };
}

describe('worker threads', { timeout: 30_000 }, () => {
  it('talk to each other over tcp', async (t) => {
    const s = scope(t, tcp);
    const pair = s.open(zmq.Pair);
    const { posted } = await worker(
      t,
      `const pair = new zmq.Pair();
       await pair.bind('tcp://127.0.0.1:*');
       post(pair.lastEndpoint);
       await pair.send(await pair.receive());`,
    );
    pair.connect(String(posted));
    await pair.send(['there', 'and back']);
    assert.deepEqual(text(await pair.receive()), ['there', 'and back']);
  });

  it('have inproc names of their own', async (t) => {
    const s = scope(t);
    const here = s.use(new zmq.Pair());
    await here.bind('inproc://same');
    const { posted } = await worker(
      t,
      `const there = new zmq.Pair();
       await there.bind('inproc://same');
       post(there.lastEndpoint);`,
    );
    assert.equal(posted, 'inproc://same');
  });

  it('are told that an inproc name of another thread is none of theirs', async (t) => {
    const s = scope(t);
    const here = s.use(new zmq.Push());
    await here.bind('inproc://input');
    const { posted } = await worker(
      t,
      `process.once('warning', ({ message }) => post(message));
       setInterval(() => {}, 1000);
       const context = new zmq.Context();
       const bound = new zmq.Push({ context });
       bound.bindSync('inproc://bound');
       new zmq.Pull({ context }).connect('inproc://bound');
       const given = new zmq.Pull();
       given.connect('inproc://given-up');
       given.disconnect('inproc://given-up');
       new zmq.Pull().connect('inproc://input');`,
    );
    assert.match(String(posted), /^inproc:\/\/input is connected, and nothing in this thread is bound to it/);
  });

  it('begin with the options of the default context', async (t) => {
    const { ioThreads, maxSockets } = zmq.context;
    t.after(() => {
      zmq.context.ioThreads = ioThreads;
      zmq.context.maxSockets = maxSockets;
    });
    zmq.context.ioThreads = 3;
    zmq.context.maxSockets = 77;
    const { posted } = await worker(t, 'post([zmq.context.ioThreads, zmq.context.maxSockets]);');
    assert.deepEqual(posted, [3, 77]);
  });

  it('that are terminated leave no endpoint, and their peers learn of it', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const log = watch(pull);
    await pull.bind('tcp://127.0.0.1:*');
    const { run, posted } = await worker(
      t,
      `const rep = new zmq.Reply();
       await rep.bind(data[1]);
       const push = new zmq.Push();
       push.connect(data[0]);
       await push.send('hello');
       post(rep.lastEndpoint);
       await rep.receive();`,
      [pull.lastEndpoint, await tcp.fixed()],
    );
    assert.deepEqual(text(await pull.receive()), ['hello']);
    await run.terminate();
    await until(() => log.count('peer:gone') === 1, 'the end of the peer');
    const heir = s.open(zmq.Reply);
    await heir.bind(String(posted));
    assert.equal(heir.lastEndpoint, posted);
  });

  it('end by themselves though a socket is open', async (t) => {
    const { ended } = await worker(t, "await new zmq.Pull().bind('tcp://127.0.0.1:*'); post('bound');");
    assert.equal(await within(ended, 'the worker to end'), 0);
  });

  it('can not be handed a socket: what arrives is no socket', (t) => {
    const s = scope(t);
    const copy = structuredClone(s.use(new zmq.Push())) as object;
    assert.ok(!(copy instanceof zmq.Socket));
    assert.deepEqual(Object.keys(copy), []);
  });
});
