/** The catalogue and its call sites hold together; docs/events.md is made from it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import type { EventEntry } from '../../../src/log/catalogue/entry.ts';
import { AREAS, EVENTS } from '../../../src/log/events.ts';
import { eventsDocs } from '../../support/events-docs.ts';
import { docsFile } from '../docs-file.ts';

const SRC = join(dirname(docsFile('')), 'packages', 'node', 'src');

/** Sources without the catalogue itself. */
function sources(): { readonly name: string; readonly text: string }[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !/^log\/(catalogue\/|events\.ts)/.test(name))
    .map((name) => ({ name, text: readFileSync(join(SRC, name), 'utf8') }));
}

const all: readonly (EventEntry & { readonly name: string })[] = AREAS.flatMap(({ events }) =>
  Object.entries(events).map(([name, entry]) => ({ ...entry, name })),
);

describe('the catalogue of events', () => {
  it('has each name and each id once, in the hundred of its area', () => {
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    assert.deepEqual(Object.keys(EVENTS).sort(), all.map(({ name }) => name).sort());
    AREAS.forEach(({ title, from, events }, at) => {
      assert.ok(from > (AREAS[at - 1]?.from ?? 0), title);
      for (const [name, { id }] of Object.entries<EventEntry>(events))
        assert.ok(id >= from && id < (AREAS[at + 1]?.from ?? from + 100) && id <= 65535, name);
    });
  });

  it('says something of each event and each field, in one line', () => {
    for (const { name, message, fields, level, kept, fold } of all) {
      assert.match(name, /^[a-z]+([:-][a-z]+)*$/);
      for (const text of [message, ...Object.values(fields)])
        assert.match(text, /^[^\s|][^\n|]*[^\s.|]$/, name);
      // Names that each line has anyway.
      for (const field of ['level', 'time', 'node', 'pid', 'msg', 'event', 'id', 'folded'])
        assert.ok(!(field in fields), `${name}: ${field}`);
      assert.ok(kept === undefined || level === 'info', name);
      assert.ok(fold?.sum === undefined || fold.sum in fields, name);
    }
  });

  it('has what the sources call, and nothing else', () => {
    const files = sources();
    const known = new Set(all.map(({ name }) => name));
    const called = files.flatMap(({ name, text }) =>
      [...text.matchAll(/\.event\(\s*(['"`])([^'"`$]+)\1/g)].map(([, , event]) => ({ name, event })),
    );
    assert.ok(called.length > 40, 'the pattern finds them');
    for (const { name, event } of called) assert.ok(known.has(event as string), `${name}: ${event}`);
    const text = files.map((file) => file.text).join('\n');
    const used = (event: string): boolean => new RegExp(`['"]${event}['"]`).test(text);
    assert.deepEqual(
      all.filter(({ name }) => !used(name)).map(({ name }) => name),
      [],
      'entries that nobody uses',
    );
  });

  it('has everything that the log says of level info and above', () => {
    const lines = sources()
      .filter(({ name }) => !name.startsWith('log/'))
      .flatMap(({ name, text }) =>
        [...text.matchAll(/log\??\.(info|warn|error|fatal)\b/gi)].map(([call]) => `${name}: ${call}`),
      );
    assert.deepEqual(lines, []);
  });
});

describe('docs/events.md', () => {
  it('is what the catalogue says (UPDATE_DOCS=1 writes it)', () => {
    const path = docsFile('events.md');
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(path, eventsDocs());
    assert.equal(
      // A checkout on Windows may have changed the line ends.
      readFileSync(path, 'utf8').replaceAll('\r\n', '\n'),
      eventsDocs(),
      'run: UPDATE_DOCS=1 npm test -- packages/node/test/unit/log/catalogue.test.ts',
    );
  });
});
