/** Starting and stopping `zeroth run`: exit codes, draining, what is logged. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { LogLine, RunningNode } from '../support/cli.ts';
import { cli, folder, start, startNode, threeRoutes } from '../support/cli.ts';
import * as lib from '../support/libzmq.ts';

const noSignals = process.platform === 'win32' ? 'Windows has no signals between processes' : false;

/** Marks so high that the node takes everything that a test sends. */
const HIGH_MARKS = ', sendHighWaterMark: 100000, receiveHighWaterMark: 100000';

function lineOf(node: RunningNode, event: string, route?: string): LogLine {
  const line = node
    .log()
    .find((each) => each.event === event && (route === undefined || each.route === route));
  assert.ok(line, `no ${event} in the log: ${node.process.stderr}`);
  return line;
}

describe('zeroth run, stopped', { skip: noSignals }, () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`exits 0 by itself on ${signal}, with clients on every route`, async (t) => {
      const node = await startNode(t, threeRoutes());
      const push = lib.pushSocket(t);
      await lib.connected(push, node.address('jobs', 'frontend'));
      const sub = lib.subscriberSocket(t, '');
      await lib.connected(sub, node.address('telemetry', 'backend'));
      const req = lib.requestSocket(t);
      await lib.connected(req, node.address('orders', 'frontend'));
      const { code, stderr } = await node.process.stop(signal);
      assert.equal(code, 0, stderr);
      assert.equal(lineOf(node, 'stop').signal, signal);
      assert.equal(lineOf(node, 'stopped').undelivered, 0);
      // main says so when a handle of ours keeps the process alive.
      assert.doesNotMatch(stderr, /still open/);
    });
  }

  it('delivers everything that was accepted to a consumer that is there', async (t) => {
    const count = 20_000;
    const node = await startNode(t, `node: { stopTimeout: 60s }\n${threeRoutes(HIGH_MARKS)}`);
    // Connected and not reading: the node has to keep what the kernel and this queue do not hold.
    const pull = lib.pullSocket(t, { receiveHighWaterMark: 10 });
    await lib.connected(pull, node.address('jobs', 'backend'));
    const push = lib.pushSocket(t);
    await lib.connected(push, node.address('jobs', 'frontend'));
    const body = 'x'.repeat(1024);
    for (let n = 0; n < count; n++) await push.send([`${n}`, body]);
    push.close();
    // The producer is gone and the node has read all of it: these messages are accepted.
    const gone = new RegExp(`"event":"peer:gone".*"messagesIn":${count}[,}]`);
    await node.process.waitFor('stderr', gone);
    node.process.child.kill('SIGTERM');
    await node.process.waitFor('stderr', /"event":"stop"/);
    for (let n = 0; n < count; n++) {
      const [number] = (await pull.receive()) as [Buffer];
      assert.equal(String(number), `${n}`);
    }
    const { code } = await node.process.ended;
    assert.equal(code, 0);
    const report = lineOf(node, 'route:stopped', 'jobs');
    assert.equal(report.undelivered, 0);
    assert.equal(report.forwarded, count);
  });

  it('loses nothing in the middle of a stream: the consumer gets exactly what was forwarded', async (t) => {
    const node = await startNode(t, threeRoutes());
    const pull = lib.pullSocket(t);
    await lib.connected(pull, node.address('jobs', 'backend'));
    const push = lib.pushSocket(t);
    await lib.connected(push, node.address('jobs', 'frontend'));
    let stopping = false;
    const producing = (async () => {
      push.sendTimeout = 0;
      for (let n = 0; !stopping; ) {
        // At its mark the producer waits for the node, or for ever once that is gone.
        await push.send(`${n}`).then(
          () => n++,
          () => new Promise((resolve) => setImmediate(resolve)),
        );
      }
    })();
    const received: number[] = [];
    pull.receiveTimeout = 1000;
    const consuming = (async () => {
      for (;;) {
        // Only who begins to wait after the end of the node has waited for all of it.
        const over = node.process.child.exitCode !== null;
        try {
          received.push(Number(String((await pull.receive())[0])));
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'EAGAIN');
          if (over) return;
        }
        if (received.length === 5000) node.process.child.kill('SIGTERM');
      }
    })();
    const { code } = await node.process.ended;
    stopping = true;
    await Promise.all([producing, consuming]);
    assert.equal(code, 0);
    const report = lineOf(node, 'route:stopped', 'jobs');
    assert.equal(report.undelivered, 0);
    assert.equal(report.forwarded, received.length);
    assert.ok(received.length >= 5000);
    assert.ok(
      received.every((number, index) => number === index),
      'no gap and no message twice',
    );
  });

  it('brings the reply to a request that is out, before it ends', async (t) => {
    const node = await startNode(t, `node: { stopTimeout: 60s }\n${threeRoutes()}`);
    const rep = lib.replySocket(t);
    await lib.connected(rep, node.address('orders', 'backend'));
    const req = lib.requestSocket(t);
    await lib.connected(req, node.address('orders', 'frontend'));
    await req.send('question');
    await rep.receive();
    node.process.child.kill('SIGTERM');
    await node.process.waitFor('stderr', /"event":"stop"/);
    await rep.send('answer');
    assert.deepEqual((await req.receive()).map(String), ['answer']);
    const { code } = await node.process.ended;
    assert.equal(code, 0);
    assert.equal(lineOf(node, 'route:stopped', 'orders').undelivered, 0);
  });

  it('does not wait for the reply of a worker that is gone', async (t) => {
    const node = await startNode(t, `node: { stopTimeout: 1h }\n${threeRoutes()}`);
    const rep = lib.replySocket(t);
    await lib.connected(rep, node.address('orders', 'backend'));
    const other = lib.replySocket(t);
    const req = lib.requestSocket(t);
    await lib.connected(req, node.address('orders', 'frontend'));
    await req.send('question');
    await rep.receive();
    rep.close();
    await node.process.waitFor('stderr', /"event":"peer:gone".*"socketType":"REP"/);
    await lib.connected(other, node.address('orders', 'backend'));
    const { code } = await node.process.stop('SIGTERM');
    assert.equal(code, 0);
  });

  it('says what it could not deliver in time, and exits 0', async (t) => {
    const node = await startNode(t, `node: { stopTimeout: 200ms }\n${threeRoutes()}`);
    const push = lib.pushSocket(t);
    push.connect(node.address('jobs', 'frontend'));
    // No consumer. The route takes the first of these, and they are in the report or still with the producer.
    for (let n = 0; n < 100; n++) await push.send(`${n}`);
    push.close();
    await node.process.waitFor('stderr', /"event":"peer:gone"/);
    const { code, stderr } = await node.process.stop('SIGTERM');
    assert.equal(code, 0);
    const report = lineOf(node, 'route:undelivered', 'jobs');
    const { undelivered, forwarded, dropped } = report;
    assert.deepEqual({ undelivered, forwarded, dropped }, { undelivered: 100, forwarded: 0, dropped: 0 });
    assert.equal(report.level, 'warn');
    assert.equal(lineOf(node, 'stopped').undelivered, 100);
    assert.doesNotMatch(stderr, /still open/);
  });

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`exits at once with ${expected} on a second ${signal}`, async (t) => {
      const node = await startNode(t, `node: { stopTimeout: 1h }\n${threeRoutes()}`);
      const push = lib.pushSocket(t);
      push.connect(node.address('jobs', 'frontend'));
      await push.send('nobody reads this');
      push.close();
      await node.process.waitFor('stderr', /"event":"peer:gone"/);
      node.process.child.kill(signal);
      await node.process.waitFor('stderr', /"event":"stop"/);
      const { code } = await node.process.stop(signal);
      assert.equal(code, expected);
      assert.equal(lineOf(node, 'stop:now').signal, signal);
    });
  }
});

describe('zeroth run, started', () => {
  it('exits 4 when a port is in use: names route, side and endpoint, and how to find who has it', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const dir = await folder(t);
    const yaml = (format: string): string => `log: { format: ${format} }
routes:
  free: { pattern: pubsub, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" } }
  taken: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:${port}" }, backend: { bind: "tcp://127.0.0.1:0" } }
`;
    await writeFile(join(dir, 'json.yaml'), yaml('json'));
    const json = await cli(['run', 'json.yaml'], { cwd: dir });
    assert.equal(json.code, 4);
    assert.equal(json.stdout, '');
    const last = JSON.parse(json.stderr.trimEnd().split('\n').at(-1) as string) as LogLine;
    const { level, route, side, endpoint, code, hint } = last as LogLine & { hint: string };
    assert.deepEqual(
      [level, route, side, endpoint, code],
      ['fatal', 'taken', 'frontend', `tcp://127.0.0.1:${port}`, 'BIND_FAILED'],
    );
    assert.match(hint, new RegExp(`another process has it.*${port}.*choose another port`));

    await writeFile(join(dir, 'pretty.yaml'), yaml('pretty'));
    const pretty = await cli(['run', 'pretty.yaml'], { cwd: dir });
    assert.equal(pretty.code, 4);
    const words = `error \\[BIND_FAILED\\] route taken, frontend: cannot bind to tcp://127.0.0.1:${port}: .*EADDRINUSE.*\\n {2}-> another process`;
    assert.match(pretty.stderr, new RegExp(words));
    assert.doesNotMatch(pretty.stderr, /still open/);
  });

  it('says where to connect on standard output, and nothing else there', async (t) => {
    const dir = await folder(t);
    await writeFile(join(dir, 'zeroth.yaml'), threeRoutes());
    const running = start(t, ['run', 'zeroth.yaml'], { cwd: dir });
    await running.waitFor('stdout', /zeroth status shows how it does\. Ctrl-C stops it\.\n$/);
    const { stdout } = running;
    assert.match(stdout, /^zeroth \d+\.\d+\.\d+, node \S+: zeroth\.yaml\n/);
    assert.match(stdout, /^ {2}jobs \(pipeline\) +frontend +tcp:\/\/127\.0\.0\.1:\d+ +connect a PUSH here$/m);
    assert.match(stdout, /^ {2}npx zeroth push tcp:\/\/127\.0\.0\.1:\d+ hello$/m);

    await writeFile(join(dir, 'zeroth.yaml'), threeRoutes());
    const quiet = start(t, ['run', '--quiet', 'zeroth.yaml'], { cwd: dir });
    await quiet.waitFor('stderr', /"event":"ready"/);
    assert.equal(quiet.stdout, '');
  });

  it('logs pretty lines without colours under NO_COLOR when told so', async (t) => {
    const dir = await folder(t);
    await writeFile(join(dir, 'zeroth.yaml'), `log: { format: pretty, level: debug }\n${threeRoutes()}`);
    const running = start(t, ['run', 'zeroth.yaml'], { cwd: dir });
    await running.waitFor('stderr', /INFO \[[\d:.]+\]: node ready/);
    assert.match(running.stderr, /DEBUG \[[\d:.]+\]: endpoint bound/);
    assert.ok(!running.stderr.includes('\u001b'), 'no escape sequence');
  });

  it('goes on when the reader of its log is gone', async (t) => {
    const node = await startNode(t, threeRoutes());
    const [to, from] = [node.address('jobs', 'frontend'), node.address('jobs', 'backend')];
    node.process.child.stderr.destroy();
    const pull = lib.pullSocket(t);
    await lib.connected(pull, from);
    for (let n = 0; n < 3; n++) {
      const push = lib.pushSocket(t);
      await lib.connected(push, to);
      await push.send(`${n}`);
      assert.deepEqual(await lib.receiveTexts(pull, 1), [`${n}`]);
      push.close();
    }
    assert.equal(node.process.child.exitCode, null);
  });

  it('logs an unexpected fault once and exits 1', { skip: noSignals }, async (t) => {
    const dir = await folder(t);
    await writeFile(join(dir, 'zeroth.yaml'), threeRoutes());
    const fault = 'process.on("SIGUSR2", () => { throw new Error("boom"); })';
    const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(fault)}`];
    const running = start(t, ['run', 'zeroth.yaml'], { cwd: dir, execArgv });
    await running.waitFor('stderr', /"event":"ready"/);
    const { code, stderr } = await running.stop('SIGUSR2');
    assert.equal(code, 1);
    const lines = stderr.split('\n').filter((line) => line.includes('boom'));
    assert.equal(lines.length, 1, stderr);
    const line = JSON.parse(lines[0] as string) as LogLine & { err: { message: string; stack: string } };
    assert.deepEqual([line.level, line.event, line.err.message], ['fatal', 'crash', 'boom']);
    assert.match(line.err.stack, /Error: boom/);
  });

  for (const [what, fault, exitCode] of [
    ['a rejection that nobody handles', 'Promise.reject(new Error("boom"))', 1],
    [
      'an error that throws when it is looked at',
      'throw Object.defineProperty(new Error(), "stack", { get() { throw new Error("again") } })',
      1,
    ],
    [
      'a fault that brings another',
      'process.on("exit", () => { throw new Error("again") }); throw new Error("boom")',
      // Node's own for a fault while it exits.
      7,
    ],
  ] as const)
    it(`tells ${what} once, and ends`, { skip: noSignals }, async (t) => {
      const dir = await folder(t);
      await writeFile(join(dir, 'zeroth.yaml'), threeRoutes());
      const code = encodeURIComponent(`process.on("SIGUSR2", () => { ${fault} })`);
      const running = start(t, ['run', 'zeroth.yaml'], {
        cwd: dir,
        execArgv: ['--import', `data:text/javascript,${code}`],
      });
      await running.waitFor('stderr', /"event":"ready"/);
      const ended = await running.stop('SIGUSR2');
      const crashes = ended.stderr.split('\n').filter((line) => line.includes('"event":"crash"'));
      assert.equal(crashes.length, 1, ended.stderr);
      assert.equal(ended.code, exitCode, ended.stderr);
    });
});
