import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { CLIENT_ERROR_CODES, ClientError, fromNode } from '../../src/errors.ts';

/** Headings of the client's part of docs/errors.md, with what stands under them. */
function sections(): Map<string, string> {
  const file = new URL('../../../../../docs/errors.md', import.meta.url);
  const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  const part = text.split(/^(?=## )/m).find((each) => each.startsWith('## The client'));
  assert.ok(part !== undefined, 'docs/errors.md has no part for the client');
  const found = new Map<string, string>();
  for (const section of part.split(/^(?=### )/m).slice(1)) {
    const [, heading, body] = /^### (\S+)\n([\s\S]*)$/.exec(section) ?? [];
    assert.ok(heading !== undefined && body !== undefined);
    assert.ok(!found.has(heading), `docs/errors.md has ${heading} twice`);
    found.set(heading, body.trim());
  }
  return found;
}

describe('docs/errors.md', () => {
  const documented = sections();

  for (const code of CLIENT_ERROR_CODES) {
    it(`says what ${code} means and what to do`, () => {
      assert.match(documented.get(code) ?? '', /^\S[\s\S]{30,}\n\n\*\*What to do\.\*\* \S/);
    });
  }

  it('has no code of the client that does not exist', () => {
    const known: readonly string[] = CLIENT_ERROR_CODES;
    assert.deepEqual(
      [...documented.keys()].filter((code) => !known.includes(code)),
      [],
    );
  });
});

describe('ClientError', () => {
  it('is an Error with a code and a name', () => {
    const error = new ClientError('ERR_BUSY', 'words');
    assert.ok(error instanceof Error);
    assert.equal(String(error), 'ClientError: words');
    assert.deepEqual(Object.keys(error), ['code']);
  });

  it('carries what is known beside the code', () => {
    const cause = new Error('below');
    const error = new ClientError('ERR_CONNECT', 'words', { stream: 's', endpoint: 'e', cause });
    assert.deepEqual([error.stream, error.endpoint, error.cause], ['s', 'e', cause]);
  });

  it('takes over the codes of the node that it knows', () => {
    const details = { stream: 's' };
    const known = fromNode({ code: 'STREAM_UNKNOWN', message: 'no such' }, 'ERR_REFUSED', details);
    assert.deepEqual([known.code, known.message, known.stream], ['ERR_STREAM_UNKNOWN', 'no such', 's']);
    assert.equal(fromNode({ code: 'REPLACED', message: '' }, 'ERR_REFUSED', {}).message, 'REPLACED');
    const other = fromNode({ code: 'FROM_2030', message: 'new words' }, 'ERR_REFUSED', details);
    assert.deepEqual([other.code, other.message], ['ERR_REFUSED', 'FROM_2030: new words']);
  });
});
