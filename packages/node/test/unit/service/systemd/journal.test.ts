import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EventRecord } from '../../../../src/log/events.ts';
import { isJournal, journalEntry } from '../../../../src/service/systemd/journal.ts';
import { parseEntry } from '../../../support/datagrams.ts';

const event = (fields: Record<string, unknown>, more: Partial<EventRecord> = {}): EventRecord => ({
  id: 7,
  name: 'route:ready',
  level: 'warn',
  message: 'route ready',
  fields,
  time: 0,
  ...more,
});
const entryOf = (fields: Record<string, unknown>, more?: Partial<EventRecord>): Map<string, string> =>
  parseEntry(Buffer.from(journalEntry(event(fields, more), 'edge')));

test('an event is its message with what matters, its priority, and a field for each of its own', () => {
  assert.deepEqual(
    Object.fromEntries(entryOf({ route: 'a b', stopTimeout: 5, list: ['x'], none: null, on: true })),
    {
      MESSAGE: 'route ready route="a b" stopTimeout=5 list=["x"] on=true',
      PRIORITY: '4',
      SYSLOG_IDENTIFIER: 'edge',
      ZEROTH_ID: '7',
      ZEROTH_EVENT: 'route:ready',
      ZEROTH_ROUTE: 'a b',
      ZEROTH_STOP_TIMEOUT: '5',
      ZEROTH_LIST: '["x"]',
      ZEROTH_ON: 'true',
    },
  );
  assert.deepEqual(
    (['info', 'warn', 'error', 'fatal'] as const).map((level) => entryOf({}, { level }).get('PRIORITY')),
    ['6', '4', '3', '2'],
  );
});

test('no value can forge a field', () => {
  const fields = entryOf({ err: 'Error: x\n    at y\nPRIORITY=0' });
  assert.equal(fields.get('ZEROTH_ERR'), 'Error: x\n    at y\nPRIORITY=0');
  assert.equal(fields.get('PRIORITY'), '4');
  assert.equal(fields.get('MESSAGE'), 'route ready err="Error: x"');
  // Two that would have the same name: the first counts.
  assert.equal(entryOf({ id: 9, event: 'forged' }).get('ZEROTH_ID'), '7');
});

test('an entry is bounded, and well-formed whatever is in it', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.anything()),
      fc.string({ unit: 'binary' }),
      (fields, message) => {
        let entry: Uint8Array;
        try {
          JSON.stringify(fields);
          entry = journalEntry(event(fields, { message }), 'x');
        } catch {
          return; // Fields are plain values.
        }
        assert.ok(entry.length <= 49_152);
        for (const name of parseEntry(Buffer.from(entry)).keys())
          assert.match(name, /^[A-Z][A-Z0-9_]{0,63}$/);
      },
    ),
  );
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, 'é'.repeat(9000)]));
  const entry = journalEntry(event(many), 'x');
  assert.ok(entry.length <= 49_152);
  const long = entryOf({ text: 'é'.repeat(20_000) }).get('ZEROTH_TEXT') ?? '';
  assert.match(long, /^é+ … \(cut\)$/);
});

test('standard error is the journal only if it is what JOURNAL_STREAM names', (t) => {
  const fd = openSync('/dev/null', 'r');
  t.after(() => closeSync(fd));
  const { dev, ino } = fstatSync(fd);
  assert.equal(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, fd), true);
  for (const JOURNAL_STREAM of [undefined, '', `${dev}:${ino + 1}`, 'x'])
    assert.equal(isJournal({ JOURNAL_STREAM }, fd), false);
  assert.equal(isJournal({ JOURNAL_STREAM: '1:2' }, 9999), false);
});
