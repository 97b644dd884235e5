/** What programs without a log of their own write, where. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { EventRecord } from '../../../src/log/events.ts';
import type { ServiceHost } from '../../../src/service/host.ts';
import { createJournal } from '../../../src/service/journal.ts';
import type { Journal } from '../../../src/service/runner.ts';

interface Written {
  /** On standard error. */
  readonly text: string;
  readonly records: readonly EventRecord[];
}

function written(
  kind: ServiceHost['kind'],
  { words = false, recording = true }: { words?: boolean; recording?: boolean },
  write: (journal: Journal) => void,
): Written {
  const dir = mkdtempSync(join(tmpdir(), 'zeroth-journal-'));
  const file = join(dir, 'log');
  const fd = openSync(file, 'w');
  const records: EventRecord[] = [];
  const record = recording ? (event: EventRecord): void => void records.push(event) : null;
  try {
    const journal = createJournal('collector', { kind, record }, { fd, words });
    write(journal);
    journal.flush();
    return { text: readFileSync(file, 'utf8'), records };
  } finally {
    closeSync(fd);
    rmSync(dir, { recursive: true, force: true });
  }
}

const linesOf = ({ text }: Written): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the events of a program', () => {
  it('are JSON lines, whose own fields no other takes the place of', () => {
    const { records, ...rest } = written('terminal', { recording: false }, ({ note }) =>
      note('warn', 'a disk is nearly full', { disk: '/', level: 'none', pid: 0, free: 12n }),
    );
    assert.deepEqual(records, []);
    const [line] = linesOf({ records, ...rest });
    const { level, service, pid, event, id, disk, free, msg } = line as Record<string, unknown>;
    assert.deepEqual(
      { level, service, pid, event, id, disk, free, msg },
      {
        level: 'warn',
        service: 'collector',
        pid: process.pid,
        event: 'service:note',
        id: 910,
        disk: '/',
        free: '12',
        msg: 'a disk is nearly full',
      },
    );
  });

  it('go to the record of the system: of Windows as well, of systemd only', () => {
    const write = ({ report }: Journal): void => report('service:running', { service: 'collector' });
    const windows = written('windows', {}, write);
    assert.equal(linesOf(windows).length, 1);
    assert.equal(windows.records.length, 1);
    const systemd = written('systemd', {}, write);
    assert.equal(systemd.text, '');
    const [event] = systemd.records;
    assert.deepEqual([event?.id, event?.name, event?.level], [903, 'service:running', 'info']);
    assert.equal(linesOf(written('systemd', { recording: false }, write)).length, 1);
  });

  it('are words on a terminal, where what they hold can do nothing', () => {
    const { text } = written('terminal', { words: true }, ({ note, failed }) => {
      note('info', 'a "name"\u001b[2J\u009b2J', { file: 'x\n', by: '\u009b2J' });
      failed(Object.assign(new Error('no space\u001b[2J\u009b2J'), { code: 'ENOSPC' }));
    });
    assert.match(
      text,
      /^INFO \[\d\d:\d\d:\d\d\]: a "name"\\u001b\[2J\\u009b2J \{"file":"x\\n","by":"\\u009b2J"\}\nFATAL \[/,
    );
    assert.match(
      text,
      /"code":"ENOSPC","reason":"no space.*"\}\nError: no space\\u001b\[2J\\u009b2J\n {4}at /,
    );
    assert.ok(!text.includes('\u001b') && !text.includes('\u009b'));
  });

  it('fold a storm, and never what ends the program', () => {
    const { records } = written('windows', {}, ({ note, failed }) => {
      for (let n = 0; n < 1000; n++) note('error', 'again', { n });
      for (let n = 0; n < 60; n++) failed('gone');
    });
    const notes = records.filter(({ name }) => name === 'service:note');
    assert.equal(notes.length, 51);
    assert.equal(notes.at(-1)?.fields.folded, 950);
    const failures = records.filter(({ name }) => name === 'service:failed');
    assert.equal(failures.length, 60);
    assert.equal(failures[0]?.fields.reason, 'gone');
  });
});
