import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { LevelLog, LogOptions } from '../../../src/log/create.ts';
import { createLog } from '../../../src/log/create.ts';

const EVIL = '\u001b[2J\nfake line';

/** What is in the file right after the last call, before any turn of the event loop. */
async function written(
  options: Partial<LogOptions>,
  write: (log: LevelLog) => void = (log) => {
    log.child({ route: 'jobs' }).warn({ event: 'test', reason: EVIL }, 'words');
    log.debug({ event: 'hidden' }, 'not shown');
  },
): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'zeroth-log-'));
  const file = join(dir, 'log');
  const fd = openSync(file, 'w');
  try {
    const log = await createLog({
      level: 'info',
      format: 'auto',
      name: 'n',
      terminal: false,
      colour: false,
      fd,
      ...options,
    });
    write(log);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(fd);
    rmSync(dir, { recursive: true, force: true });
  }
}

describe('createLog', () => {
  it('writes JSON lines where there is no terminal', async () => {
    const text = await written({});
    const line = JSON.parse(text) as Record<string, unknown>;
    assert.equal(line.level, 'warn');
    assert.equal(line.node, 'n');
    assert.equal(line.pid, process.pid);
    assert.equal(line.route, 'jobs');
    assert.equal(line.msg, 'words');
    assert.equal(line.reason, EVIL);
    assert.equal(new Date(line.time as string).toISOString(), line.time);
  });

  it('writes one plain line on a terminal, with what peers chose escaped', async () => {
    const text = await written({ terminal: true });
    assert.match(text, /^WARN \[\d\d:\d\d:\d\d\.\d{3}\]: words \{.*"route":"jobs".*\}\n$/);
    assert.ok(!text.includes('\u001b'), 'no escape sequence of a peer');
    assert.equal(text.split('\n').length, 2);
  });

  it('writes the stack of an error so that it does nothing to a terminal', async () => {
    const text = await written({ terminal: true }, (log) => {
      log.error({ err: new Error('\u001b[2J\u009b2J\rFATAL'), peer: '\u009b2J\u202e' }, 'words');
    });
    assert.match(text, /Error: \\u001b\[2J\\u009b2J\\u000dFATAL\n +at /);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there is none
    assert.ok(!/[\u001b\r\u0080-\u009f\u202e]/.test(text), text);
  });

  it('obeys the format whatever the terminal, and the level', async () => {
    assert.match(await written({ terminal: true, format: 'json' }), /^\{/);
    assert.match(await written({ format: 'pretty' }), /^WARN/);
    assert.equal(await written({ level: 'error' }), '');
    assert.equal(await written({ level: 'silent' }), '');
  });

  it('changes its level while it is written, that of all children with it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'zeroth-log-'));
    const fd = openSync(join(dir, 'log'), 'w');
    try {
      const options = {
        level: 'info',
        format: 'json',
        name: 'n',
        terminal: false,
        colour: false,
        fd,
      } as const;
      const log = await createLog(options);
      const child = log.child({ route: 'jobs' }).child({ side: 'frontend' });
      child.debug({ event: 'one' }, 'not shown');
      log.setLevel('debug');
      child.debug({ event: 'two' }, 'shown');
      log.setLevel('silent');
      child.fatal({ event: 'three' }, 'not shown');
      log.setLevel('error');
      child.warn({ event: 'four' }, 'not shown');
      log.error({ event: 'five' }, 'shown');
      const lines = readFileSync(join(dir, 'log'), 'utf8').trim().split('\n');
      const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
      assert.deepEqual(events, ['two', 'five']);
    } finally {
      closeSync(fd);
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
