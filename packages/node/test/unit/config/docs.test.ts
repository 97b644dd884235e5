import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Spec } from '../../../src/config/spec/kinds.ts';
import { SPEC } from '../../../src/config/spec/table.ts';
import { configDocs } from '../../support/config-docs.ts';
import { docsFile } from '../docs-file.ts';

describe('docs/config.md', () => {
  it('is what the specification says (UPDATE_DOCS=1 writes it)', () => {
    const path = docsFile('config.md');
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(path, configDocs());
    // A checkout on Windows may have changed the line ends.
    assert.equal(
      readFileSync(path, 'utf8').replaceAll('\r\n', '\n'),
      configDocs(),
      'run: UPDATE_DOCS=1 npm test -- packages/node/test/unit/config/docs.test.ts',
    );
  });

  it('has every key with its default', () => {
    const lines = configDocs().split('\n');
    const check = (spec: Spec): void => {
      if (spec.type === 'entries') check(spec.entry);
      if (spec.type !== 'section') return;
      for (const [key, child] of Object.entries(spec.keys)) {
        const row = lines.find(
          (line) => line.startsWith(`| \`${key}\` |`) && line.includes(child.description),
        );
        if (spec !== SPEC) assert.ok(row !== undefined, key);
        if ('default' in child && child.default !== null)
          assert.ok(row?.includes(`\`${child.default}\``), key);
        check(child);
      }
    };
    check(SPEC);
  });
});
