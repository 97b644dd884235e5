/** docs/errors.md and the codes of the package stay together. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PROBLEM_CODES } from '../../src/config/problem.ts';
import { ERROR_CODES } from '../../src/errors.ts';
import { docsFile } from './docs-file.ts';

const CODES: readonly string[] = [...ERROR_CODES, ...PROBLEM_CODES];

/** Heading to what stands under it. */
function sections(): Map<string, string> {
  const text = readFileSync(docsFile('errors.md'), 'utf8').replaceAll('\r\n', '\n');
  const found = new Map<string, string>();
  for (const part of text.split(/^(?=#{1,3} )/m)) {
    const heading = /^### (\S+)\n/.exec(part)?.[1];
    if (heading === undefined) continue;
    assert.ok(!found.has(heading), `${heading} stands twice`);
    found.set(heading, part.slice(part.indexOf('\n')).trim());
  }
  return found;
}

describe('docs/errors.md', () => {
  for (const code of CODES) {
    it(`says what ${code} means and what to do`, () => {
      const text = sections().get(code);
      assert.ok(text !== undefined, `docs/errors.md has no heading "### ${code}"`);
      assert.match(text, /\*\*What to do\.\*\* \S/);
      assert.ok(text.length > 60);
    });
  }

  it('has no code of the configuration that does not exist', () => {
    const unknown = [...sections().keys()].filter(
      (code) => code.startsWith('CONFIG_') && !CODES.includes(code),
    );
    assert.deepEqual(unknown, []);
  });

  it('no code stands twice', () => assert.equal(new Set(CODES).size, CODES.length));
});
