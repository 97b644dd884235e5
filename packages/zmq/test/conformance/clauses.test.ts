/** Holds clauses, tests and docs/conformance.md together. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { clauses } from './clauses/all.ts';
import { conformanceDocs } from './docs.ts';
import { conformanceTests, loopsAround } from './sources.ts';

const DOCS = new URL('../../../../../docs/conformance.md', import.meta.url);

describe('the clauses', () => {
  const tests = conformanceTests();

  it('have names of their own, with the specification in front', () => {
    const names = clauses.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
    for (const name of names) assert.match(name, /^(RFC \d+( [A-Z]+)?|libzmq [a-z0-9_]+): \S.*[^.]$/);
  });

  it('have a test each, or a reason', () => {
    const tested = new Set(tests.map(({ clause }) => clause));
    const bare = clauses.filter(
      ({ name, reason, see }) => reason === undefined && !tested.has(name) && see.length === 0,
    );
    assert.deepEqual(
      bare.map(({ name }) => name),
      [],
    );
    const both = clauses.filter(({ name, reason }) => reason !== undefined && tested.has(name));
    assert.deepEqual(
      both.map(({ name }) => name),
      [],
      'have a reason why there is no test, and a test',
    );
    for (const { reason } of clauses) if (reason !== undefined) assert.match(reason, /^.+\.$/);
  });

  it('refer to tests that are there', () => {
    const lost = clauses
      .flatMap(({ see }) => see)
      .filter(({ file, test }) => loopsAround(file, test) === null);
    assert.deepEqual(lost, []);
  });

  it('are what the tests of this folder are named by', () => {
    const names = new Set(clauses.map(({ name }) => name));
    assert.deepEqual(
      tests.filter(({ clause }) => !names.has(clause)),
      [],
    );
  });

  it('are what docs/conformance.md says (UPDATE_DOCS=1 writes it)', () => {
    const made = conformanceDocs();
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(DOCS, made);
    assert.equal(
      readFileSync(DOCS, 'utf8').replaceAll('\r\n', '\n'),
      made,
      'run: UPDATE_DOCS=1 npm test -- packages/zmq/test/conformance/clauses',
    );
  });
});
