/** The collector of examples/service, controlled as systemd does it: by signals. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Push } from '@zeroth/zmq';

const COLLECTOR = fileURLToPath(new URL('../../service/collector.mjs', import.meta.url));
const TIMEOUT = 60_000;
const noSignals = process.platform === 'win32' ? 'Windows has no signals between processes' : false;

class Collector {
  readonly #child;
  /** Its exit code, once all that it wrote is in the log. */
  readonly #ended: Promise<number | null>;
  #log = '';
  #over = false;

  constructor(t: TestContext, ...args: string[]) {
    const child = spawn(process.execPath, [COLLECTOR, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
    this.#child = child;
    this.#ended = once(child, 'close').then(([code]) => {
      this.#over = true;
      return code as number | null;
    });
    t.after(() => child.kill('SIGKILL'));
  }

  get log(): string {
    return this.#log;
  }

  /** Sends a signal, and waits for the event that says that it was obeyed. */
  async obey(signal: NodeJS.Signals, event: string): Promise<void> {
    const from = this.#log.length;
    this.#child.kill(signal);
    await this.said(event, from);
  }

  async said(event: string, from = 0): Promise<Record<string, unknown>> {
    for (;;) {
      const over = this.#over;
      const line = this.#log
        .slice(from)
        .split('\n')
        .slice(0, -1)
        .find((text) => text.includes(`"${event}"`));
      if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
      assert.ok(!over, `it ended without ${event}: ${this.#log}`);
      await wait(5);
    }
  }

  stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  end(): Promise<number | null> {
    return this.#ended;
  }
}

describe('the collector', { skip: noSignals, timeout: TIMEOUT }, () => {
  it('collects, pauses, resumes, reloads and stops without losing a line', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'zeroth-collector-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'lines.log');
    const holds = async (path: string, text: string): Promise<void> => {
      while ((await readFile(path, 'utf8')) !== text) await wait(5);
    };
    const collector = new Collector(t, 'tcp://127.0.0.1:0', file);
    const { endpoint } = await collector.said('collecting');
    const push = new Push();
    t.after(() => push.close());
    push.connect(String(endpoint));

    await push.send('one');
    await holds(file, 'one\n');

    await collector.obey('SIGTSTP', 'service:paused');
    await push.send('two');
    // Opened anew while it is paused: what comes later stands in the new file.
    await rename(file, join(folder, 'lines.log.1'));
    await collector.obey('SIGHUP', 'service:reloaded');
    assert.equal(await readFile(file, 'utf8'), '');
    assert.equal(await readFile(join(folder, 'lines.log.1'), 'utf8'), 'one\n');
    await collector.obey('SIGCONT', 'service:resumed');
    await holds(file, 'two\n');

    await collector.obey('SIGTSTP', 'service:paused');
    await push.send('three');
    // With the system, or with the collector: both count.
    assert.deepEqual(await push.drain(), { undelivered: 0 });
    assert.equal(await collector.stop(), 0, collector.log);
    assert.equal(await readFile(file, 'utf8'), 'two\nthree\n');
    assert.doesNotMatch(collector.log, /still open/);
  });

  it('does not start where it can not write, and says so', async (t) => {
    const collector = new Collector(
      t,
      'tcp://127.0.0.1:0',
      join(tmpdir(), 'no', 'such', 'folder', 'lines.log'),
    );
    const { level, code } = await collector.said('service:failed');
    assert.deepEqual([level, code], ['fatal', 'ENOENT']);
    assert.equal(await collector.end(), 1);
  });
});
