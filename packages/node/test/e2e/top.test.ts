/** `zeroth top` as a process, with and without a terminal, and nodes that hang. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { jsonLines, MAIN, RUNTIME, start } from '../support/cli.ts';
import type { Controlled } from '../support/controlled.ts';
import { controlled, flowing } from '../support/controlled.ts';

const noSignals = process.platform === 'win32' ? 'Windows has no signals between processes' : false;
const noTerminal =
  spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'there is no script(1)';

describe('zeroth top', () => {
  it('prints a screen for each interval where there is no terminal, and lines for machines', async (t) => {
    const node = await controlled(t);
    const flow = await flowing(t, node);
    const top = start(t, ['top', '--node', node.name, '--json', '--interval', '100ms']);
    await top.waitFor('stdout', /\n/);
    await flow();
    const moved = (): boolean =>
      jsonLines(top.stdout.slice(0, top.stdout.lastIndexOf('\n') + 1)).some(({ routes }) =>
        (routes as { name: string; messagesPerSecond: number | null }[]).some(
          ({ name, messagesPerSecond }) => name === 'jobs' && (messagesPerSecond ?? 0) > 0,
        ),
      );
    await top.until('no rate', moved);
    assert.equal((await top.stop()).code, 0);
    const screens = await node.run('top', '-n', '2', '--interval', '100ms');
    assert.equal(screens.code, 0, screens.stderr);
    assert.equal(screens.stdout.split(`${node.name} is up`).length, 3);
    assert.ok(!screens.stdout.includes('\u001b'));
  });

  it('ends with the node', async (t) => {
    const node = await controlled(t);
    const top = start(t, ['top', '--node', node.name, '--interval', '100ms']);
    await top.waitFor('stdout', /ROUTE/);
    await node.process.stop();
    const { code, stderr } = await top.ended;
    assert.equal(code, 4);
    assert.match(stderr, /\[NODE_UNREACHABLE\]/);
  });
});

describe('zeroth top on a terminal', { skip: noTerminal }, () => {
  const ENTER = '\u001b[?1049h';
  const LEAVE = '\u001b[?25h\u001b[?1049l';

  /** `zeroth top` on a terminal of its own, made by script(1). */
  function onTerminal(
    t: TestContext,
    node: Controlled,
  ): { child: ChildProcess; text: () => string; ended: Promise<void> } {
    const line = `stty cols 60 rows 12; exec '${process.execPath}' '${MAIN}' top --node ${node.name} --interval 100ms`;
    const env: NodeJS.ProcessEnv = { ...process.env, ZEROTH_RUNTIME_DIR: RUNTIME, TERM: 'xterm' };
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'NO_COLOR']) delete env[name];
    const child = spawn('script', ['-qfec', line, '/dev/null'], { env });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (data: string) => (text += data));
    t.after(() => child.kill('SIGKILL'));
    const ended = once(child, 'close').then(() => {});
    return { child, text: () => text, ended };
  }

  async function until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  it('draws, ends with q, and gives the terminal back', async (t) => {
    const node = await controlled(t);
    const top = onTerminal(t, node);
    await until(() => top.text().split('ROUTE').length > 3);
    top.child.stdin?.write('q');
    await top.ended;
    assert.ok(top.text().includes(ENTER));
    assert.ok(top.text().trimEnd().endsWith(LEAVE), JSON.stringify(top.text().slice(-200)));
    const lines = stripVTControlCharacters(top.text()).split(/\r*\n/);
    assert.ok(
      lines.every((line) => line.length <= 60),
      'a line is longer than the terminal',
    );
  });

  it('gives the terminal back when the node goes away', async (t) => {
    const node = await controlled(t);
    const top = onTerminal(t, node);
    await until(() => top.text().includes('ROUTE'));
    await node.process.stop();
    await top.ended;
    assert.ok(top.text().includes(LEAVE));
    assert.match(top.text().slice(top.text().lastIndexOf(LEAVE)), /NODE_UNREACHABLE/);
  });

  it('ends with q also while the node hangs', async (t) => {
    const node = await controlled(t);
    const top = onTerminal(t, node);
    await until(() => top.text().split('ROUTE').length > 2);
    node.process.child.kill('SIGSTOP');
    t.after(() => node.process.child.kill('SIGCONT'));
    // The next look finds a node that says nothing, or the wait for it is cut short: both have to end.
    top.child.stdin?.write('q');
    await top.ended;
    assert.ok(top.text().trimEnd().endsWith(LEAVE));
    node.process.child.kill('SIGCONT');
  });
});

describe('a node that hangs', { skip: noSignals }, () => {
  it('is told from one that is not there', async (t) => {
    const node = await controlled(t);
    node.process.child.kill('SIGSTOP');
    t.after(() => node.process.child.kill('SIGCONT'));
    const { code, stderr } = await node.run('status');
    node.process.child.kill('SIGCONT');
    assert.equal(code, 4);
    assert.match(stderr, /\[NODE_UNREACHABLE\] node \S+ \(process \d+\) does not answer/);
  });
});
