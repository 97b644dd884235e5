/** `zeroth run` and a program of one's own under a service manager that knows nothing but signals. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { LogLine, Running } from '../support/cli.ts';
import { cli, folder, start, startNode, threeRoutes } from '../support/cli.ts';

const noSignals = process.platform === 'win32' ? 'Windows has no signals between processes' : false;
const DOOR = pathToFileURL(fileURLToPath(new URL('../../../dist/service.js', import.meta.url))).href;

function linesOf(text: string): LogLine[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
}

const eventsOf = (text: string): string[] => linesOf(text).map(({ event }) => event);

describe('zeroth run', { skip: noSignals }, () => {
  it('pauses, reloads and resumes by signals, and says so', async (t) => {
    const { process: node, log } = await startNode(t, threeRoutes());
    // What was never paused does not resume.
    node.child.kill('SIGCONT');
    node.child.kill('SIGTSTP');
    await node.waitFor('stderr', /"event":"paused"/);
    node.child.kill('SIGHUP');
    await node.waitFor('stderr', /"event":"config:unchanged"/);
    node.child.kill('SIGCONT');
    await node.waitFor('stderr', /"event":"resumed"/);
    const { code, stderr } = await node.stop('SIGTERM');
    assert.equal(code, 0, stderr);
    const controls = log().filter(({ event }) => event === 'service:control');
    assert.deepEqual(
      controls.map(({ control }) => control),
      ['SIGTSTP', 'SIGHUP', 'SIGCONT'],
    );
    // The node has said it a moment before the runner knows: what comes in between is done afterwards.
    const states = controls.map(({ state }) => state).join();
    assert.match(states, /^running,(pausing|paused),(reloading|paused)$/);
  });

  it('stops while it is paused', async (t) => {
    const { process: node } = await startNode(t, threeRoutes());
    node.child.kill('SIGTSTP');
    await node.waitFor('stderr', /"event":"paused"/);
    const { code, stderr } = await node.stop('SIGTERM');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /"event":"stopped"/);
    assert.doesNotMatch(stderr, /still open/);
  });

  it('writes the log to a file, and prints nothing as a service', async (t) => {
    const dir = await folder(t);
    const [config, log] = [join(dir, 'zeroth.yaml'), join(dir, 'zeroth.log')];
    await writeFile(config, `log: { format: pretty }\n${threeRoutes()}`);
    const node = start(t, ['run', config, '--service', 'edge', '--log', log]);
    while (
      !(await readFile(log, 'utf8').catch(() => '')).includes('"event":"ready"') &&
      node.child.exitCode === null
    )
      await new Promise((resolve) => setTimeout(resolve, 10));
    const { code, stdout, stderr } = await node.stop('SIGTERM');
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
    const events = eventsOf(await readFile(log, 'utf8'));
    assert.equal(events[0], 'start');
    assert.equal(events.at(-1), 'stopped');
  });

  it('says in the log why it does not start, also before it has a configuration', async (t) => {
    const dir = await folder(t);
    const [config, log] = [join(dir, 'zeroth.yaml'), join(dir, 'zeroth.log')];
    await writeFile(config, 'routes: { jobs: { pattern: pipelin } }\n');
    const { code, stderr } = await cli(['run', config, '--service', 'edge', '--log', log]);
    assert.equal(code, 3, stderr);
    const last = linesOf(await readFile(log, 'utf8')).at(-1);
    assert.deepEqual([last?.event, last?.level, last?.code], ['failed', 'fatal', 'CONFIG_INVALID']);
    assert.match(String(last?.problems), /zeroth\.yaml:1:\d+ .*pipelin/);
  });

  it('says that its log can not be written, and does not start', async (t) => {
    const dir = await folder(t);
    await writeFile(join(dir, 'zeroth.yaml'), threeRoutes());
    const { code, stderr } = await cli(['run', 'zeroth.yaml', '--log', '.'], { cwd: dir });
    assert.equal(code, 4);
    assert.match(stderr, /FILE_FAILED.* the log can't be written to \.: EISDIR/);
  });

  it('tells a rejection that nobody handled like any other fault', async (t) => {
    const dir = await folder(t);
    await writeFile(join(dir, 'zeroth.yaml'), threeRoutes());
    const fault = 'process.on("SIGUSR2", () => { Promise.reject(new Error("boom")); })';
    const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(fault)}`];
    const node = start(t, ['run', 'zeroth.yaml'], { cwd: dir, execArgv });
    await node.waitFor('stderr', /"event":"ready"/);
    const { code, stderr } = await node.stop('SIGUSR2');
    assert.equal(code, 1);
    const crashes = linesOf(stderr).filter(({ event }) => event === 'crash');
    assert.equal(crashes.length, 1);
    assert.match((crashes[0] as LogLine & { err: { stack: string } }).err.stack, /Error: boom\n/);
  });
});

/** A program of one's own: `methods` are those of its service. */
function program(t: TestContext, methods: string): Running {
  const source = `import { runAsService } from ${JSON.stringify(DOOR)};
    await runAsService({ name: 'mine', start: async () => {}, stop: async () => {}, ${methods} });`;
  return start(t, [], { execArgv: ['--input-type=module', '--eval', source] });
}

describe('a program of one’s own', { skip: noSignals }, () => {
  it('is kept alive, controlled by signals, and ends with 0', async (t) => {
    const mine = program(
      t,
      `pause: async () => {}, resume: async () => { throw new Error('not yet'); }, reload: async ({ reason }) => \`asked by \${reason}\``,
    );
    await mine.waitFor('stderr', /"event":"service:running"/);
    mine.child.kill('SIGTSTP');
    await mine.waitFor('stderr', /"event":"service:paused"/);
    mine.child.kill('SIGCONT');
    await mine.waitFor(
      'stderr',
      /"reason":"not yet".*"event":"service:refused"|"event":"service:refused".*"not yet"/,
    );
    mine.child.kill('SIGHUP');
    await mine.waitFor('stderr', /"asked by SIGHUP"/);
    const { code, stderr } = await mine.stop('SIGTERM');
    assert.equal(code, 0, stderr);
    assert.deepEqual(eventsOf(stderr), [
      'service:starting',
      'service:running',
      'service:control',
      'service:paused',
      'service:control',
      'service:refused',
      'service:control',
      'service:reloaded',
      'stop',
      'service:stopped',
    ]);
  });

  it('that can not pause is not halted by SIGTSTP, and says so', async (t) => {
    const mine = program(t, '');
    await mine.waitFor('stderr', /"event":"service:running"/);
    mine.child.kill('SIGTSTP');
    await mine.waitFor('stderr', /"event":"service:refused"/);
    assert.equal((await mine.stop('SIGTERM')).code, 0);
  });

  it('fails to start: an event, and the exit code of the error', async (t) => {
    const mine = program(
      t,
      `start: async () => { throw Object.assign(new Error('no disk'), { exitCode: 4 }); }`,
    );
    const { code, stderr } = await mine.ended;
    assert.equal(code, 4);
    const last = linesOf(stderr).at(-1);
    assert.deepEqual([last?.event, last?.level, last?.reason], ['service:failed', 'fatal', 'no disk']);
    assert.match(String(last?.err), /Error: no disk\n/);
  });

  it('gives up on its own, with a code of its choice, after its stop', async (t) => {
    const mine = program(
      t,
      `start: async ({ fail }) => { setTimeout(() => fail(new Error('the sensor is gone'), 12), 1); }`,
    );
    const { code, stderr } = await mine.ended;
    assert.equal(code, 12);
    assert.deepEqual(eventsOf(stderr).slice(-2), ['service:stopped', 'service:failed']);
  });

  it('crashes: one event with the stack, and exit code 1', async (t) => {
    const mine = program(
      t,
      `start: async () => { setTimeout(() => { Promise.reject(new Error('boom')); }, 1); }`,
    );
    const { code, stderr } = await mine.ended;
    assert.equal(code, 1);
    const last = linesOf(stderr).at(-1);
    assert.deepEqual([last?.event, last?.level], ['crash', 'fatal']);
    assert.match(String(last?.err), /Error: boom\n/);
    assert.equal(stderr.split('boom').length, 2, 'once');
  });

  it('has said what was folded before it crashes', async (t) => {
    const flood = `for (let n = 0; n < 60; n++) event('info', 'tick', { n });`;
    const crash = `start: async ({ event }) => { ${flood} setTimeout(() => { throw new Error('boom'); }, 1); }`;
    const crashed = linesOf((await program(t, crash).ended).stderr);
    assert.deepEqual(
      crashed.filter(({ folded }) => folded !== undefined).map(({ folded, n }) => [folded, n]),
      [[10, 59]],
    );
  });

  it('may be careless with what it says, and what it throws', async (t) => {
    const mine = program(
      t,
      `start: async ({ event, progress }) => { event('warning', 'a'); event('info'); event('info', 'c', null); progress(); },
       reload: async () => {}`,
    );
    await mine.waitFor('stderr', /"event":"service:running"/);
    mine.child.kill('SIGHUP');
    await mine.waitFor('stderr', /"event":"service:reloaded"/);
    const { code, stderr } = await mine.stop('SIGTERM');
    assert.equal(code, 0, stderr);
    const notes = linesOf(stderr).filter(({ event }) => event === 'service:note');
    assert.deepEqual(
      notes.map(({ level, msg }) => [level, msg]),
      [
        ['info', 'a'],
        ['info', 'undefined'],
        ['info', 'c'],
      ],
    );

    const thrower = program(t, 'start: async () => { throw Object.create(null); }');
    const thrown = await thrower.ended;
    assert.equal(thrown.code, 1);
    assert.equal(linesOf(thrown.stderr).at(-1)?.event, 'service:failed');
  });

  it('is not started when it is no service, or another one runs', async (t) => {
    for (const [methods, reason] of [
      ['stop: undefined', /no function "stop"/],
      ['stopTimeout: "5000"', /"stopTimeout" of the service/],
      ['stopTimeout: NaN', /"stopTimeout" of the service/],
      ['pause: true', /no function "pause"/],
    ] as const) {
      const { code, stderr } = await program(t, methods).ended;
      const last = linesOf(stderr).at(-1);
      assert.deepEqual([code, last?.event], [1, 'service:failed'], stderr);
      assert.match(String(last?.reason), reason);
    }
    const second = `runAsService({ name: 'second', start: async () => {}, stop: async () => {} })`;
    const twice = program(t, `start: () => ${second}`);
    assert.match((await twice.ended).stderr, /can be called once/);
  });

  it('does not stop: a second signal ends it at once', async (t) => {
    const mine = program(t, 'stop: () => new Promise(() => {})');
    await mine.waitFor('stderr', /"event":"service:running"/);
    mine.child.kill('SIGTERM');
    await mine.waitFor('stderr', /"event":"stop"/);
    const { code, stderr } = await mine.stop('SIGINT');
    assert.equal(code, 130);
    assert.equal(eventsOf(stderr).at(-1), 'stop:now');
  });

  it('leaves something open: the process ends all the same, and says what it was', async (t) => {
    const mine = program(t, 'start: async () => { setInterval(() => {}, 1000); }');
    await mine.waitFor('stderr', /"event":"service:running"/);
    const { code, stderr } = await mine.stop('SIGTERM');
    assert.equal(code, 0);
    assert.match(stderr, /warning: still open 2 s after the end, forcing the exit: .*Timeout/);
  });
});
