/**
 * The commands in the READMEs, run as they stand, and with them `zeroth run` on its embedded default configuration. The
 * only file that uses the default ports: files run at the same time.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cli, folder, MAIN, RUNTIME, start } from '../support/cli.ts';
import type { Command } from '../support/readme.ts';
import { commandBlocks } from '../support/readme.ts';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const READMES = ['README.md', 'README.zh-CN.md'] as const;
const SENDERS = ['push', 'pub', 'req'];
const RECEIVERS = ['pull', 'sub', 'rep', 'tap'];
const PATIENCE = 30_000;
const noShell = process.platform === 'win32' ? 'the commands are written for sh' : false;

const read = (name: string): Promise<string> => readFile(join(ROOT, name), 'utf8');

/** A command line under sh, with `zeroth` on its path. */
class ShellCommand {
  readonly text: string;
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #heard: Set<() => void> = new Set();
  output = '';
  errors = '';
  over = false;

  constructor(text: string, cwd: string, bin: string) {
    this.text = text;
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      NO_COLOR: '1',
      ZEROTH_RUNTIME_DIR: RUNTIME,
      PATH: `${bin}${delimiter}${process.env.PATH}`,
    };
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS']) delete env[name];
    // A group of its own, so that all of a pipe can be ended.
    // Without exec a shell may stay in between, and have an exit code of its own.
    const child = spawn('sh', ['-c', text.includes('|') ? text : `exec ${text}`], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.setEncoding('utf8').on('data', (data: string) => this.#hear(() => (this.output += data)));
    child.stderr.setEncoding('utf8').on('data', (data: string) => this.#hear(() => (this.errors += data)));
    this.#child = child;
    this.ended = once(child, 'close').then(([code]) => {
      this.#hear(() => (this.over = true));
      return code as number | null;
    });
  }

  /** Waits until `done`, and fails with all that was written. */
  async until(what: string, done: () => boolean): Promise<void> {
    const failure = (): Error =>
      new Error(`${this.text}: ${what}\n--- stdout\n${this.output}\n--- stderr\n${this.errors}`);
    let late = false;
    const timer = setTimeout(() => this.#hear(() => (late = true)), PATIENCE);
    try {
      while (!done()) {
        if (this.over || late) throw failure();
        await new Promise<void>((resolve) => this.#heard.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  stop(signal: NodeJS.Signals): void {
    if (this.over || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      // It has just ended by itself, and what it wrote is still to be read.
      assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    }
  }

  #hear(change: () => void): void {
    change();
    for (const resolve of this.#heard) resolve();
    this.#heard.clear();
  }
}

/** Runs the commands of a README, one block after the other, in a folder of their own. */
class Reader {
  readonly #t: TestContext;
  readonly #cwd: string;
  readonly #bin: string;
  #node: ShellCommand | null = null;

  constructor(t: TestContext, cwd: string, bin: string) {
    this.#t = t;
    this.#cwd = cwd;
    this.#bin = bin;
  }

  async block(commands: readonly Command[]): Promise<void> {
    const zeroth = commands.filter((command) => command.kind === 'zeroth');
    const receivers = zeroth.filter(({ verb }) => RECEIVERS.includes(verb));
    const senders = zeroth.filter(({ verb }) => SENDERS.includes(verb));
    for (const command of zeroth) {
      if (command.verb === 'run') await this.#run(command.text);
      else if (!receivers.includes(command) && !senders.includes(command)) await this.#succeed(command.text);
    }
    if (receivers.length + senders.length > 0 && this.#node === null) await this.#run('zeroth run');
    // Whoever reads this opens two terminals; here, who receives has to be there first.
    const listening = receivers.map(({ text, verb }) =>
      this.#start(verb === 'tap' ? text : text.replace(verb, `${verb} --verbose`)),
    );
    for (const receiver of listening) {
      await receiver.until('did not connect', () => /connected|bound|tapping/.test(receiver.errors));
    }
    for (const { text } of senders) await this.#succeed(text);
    for (const receiver of listening) {
      if (senders.length > 0) await receiver.until('received nothing', () => receiver.output !== '');
      receiver.stop('SIGINT');
      await this.#endOf(receiver);
    }
  }

  async stop(): Promise<void> {
    if (this.#node === null) return;
    this.#node.stop('SIGINT');
    assert.equal(await this.#endOf(this.#node), 0, this.#node.errors);
    this.#node = null;
  }

  async #run(text: string): Promise<void> {
    await this.stop();
    const node = this.#start(text);
    await node.until('is not ready', () => /"event":"ready"/.test(node.errors));
    this.#node = node;
  }

  async #succeed(text: string): Promise<void> {
    const command = this.#start(text);
    const code = await this.#endOf(command);
    assert.equal(code, 0, `${text}: exit code ${code}\n${command.output}${command.errors}`);
  }

  #start(text: string): ShellCommand {
    const command = new ShellCommand(text, this.#cwd, this.#bin);
    this.#t.after(async () => {
      command.stop('SIGKILL');
      await command.ended;
    });
    return command;
  }

  async #endOf(command: ShellCommand): Promise<number | null> {
    await command.until('did not end', () => command.over);
    return command.ended;
  }
}

describe('the READMEs', () => {
  it('show the same commands', async () => {
    const [english, chinese] = await Promise.all(
      READMES.map(async (name) => commandBlocks(await read(name))),
    );
    assert.deepEqual(chinese, english);
  });

  it('show the two commands that everybody needs, and scripts and files that are there', async () => {
    const text = await read('README.md');
    for (const line of ['npm ci && npm start', 'npm ci && npm test'])
      assert.ok(text.includes(line), `README.md lacks: ${line}`);
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    for (const command of commandBlocks(text).flat()) {
      if (command.kind === 'other') for (const file of command.files) await access(join(ROOT, file));
      const script = command.kind === 'npm' ? /^npm (?:run (\S+)|(start|test)\b)/.exec(command.text) : null;
      const name = script?.[1] ?? script?.[2];
      if (name !== undefined)
        assert.ok(Object.hasOwn(scripts, name), `there is no script for: ${command.text}`);
    }
  });

  it('show commands that work, on the default configuration', { skip: noShell }, async (t) => {
    const [cwd, bin] = [await folder(t), await folder(t)];
    await writeFile(join(bin, 'zeroth'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    await chmod(join(bin, 'zeroth'), 0o755);
    const reader = new Reader(t, cwd, bin);
    const blocks = commandBlocks(await read('README.md'));
    assert.ok(
      blocks.flat().some(({ kind }) => kind === 'zeroth'),
      'README.md shows no zeroth command',
    );
    for (const block of blocks) await reader.block(block);
    await reader.stop();
  });
});

describe('zeroth run on its embedded default configuration', () => {
  it('says where to connect, and its line to copy sends a first message', async (t) => {
    const cwd = await folder(t);
    await writeFile(join(cwd, 'zeroth.yaml'), 'routes: {}\n');
    const node = start(t, ['run'], { cwd });
    const [, push] = await node.waitFor('stdout', /^ {2}npx zeroth (push .*)$/m);
    const [, pull] = await node.waitFor('stdout', /^ {2}npx zeroth (pull .*)$/m);
    assert.match(node.stdout, /embedded default configuration \(zeroth init writes a file to change\)/);
    assert.equal((await cli((push as string).split(' '))).code, 0);
    const received = await cli([...(pull as string).split(' '), '-n', '1']);
    assert.equal(received.stdout, 'hello\n');
    const log = node.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; level: string; msg: string });
    const unused = log.find(({ event }) => event === 'config:unused');
    assert.equal(unused?.level, 'warn');
    assert.equal(unused?.msg, 'zeroth.yaml is here and is not used: zeroth run zeroth.yaml');
  });
});
