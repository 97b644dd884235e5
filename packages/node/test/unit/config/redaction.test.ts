/** The mechanism alone, with a specification of its own; sections.test.ts has the real keys. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatProblems } from '../../../src/config/format.ts';
import type { Problem } from '../../../src/config/problem.ts';
import { readValues } from '../../../src/config/read.ts';
import type { AnySectionSpec, TextSpec } from '../../../src/config/spec/kinds.ts';
import { COMMON, SECTION } from '../../../src/config/spec/kinds.ts';
import { CONTEXT } from './support.ts';

const text: TextSpec = {
  ...COMMON,
  type: 'text',
  description: 'Any.',
  default: null,
  computed: null,
  maxLength: 16,
  pattern: { source: '^[a-z]+$', allowed: 'letters' },
};
const SPEC: AnySectionSpec = {
  ...SECTION,
  description: 'Some keys.',
  keys: {
    user: text,
    passphrase: { ...text, secret: true, knownAs: ['key'] },
    admin: { ...SECTION, description: 'More.', keys: { user: text, passphrase: { ...text, secret: true } } },
  },
};
const SECRET = 'HUNTER2';

function problemsOf(yaml: string): readonly Problem[] {
  const { report } = readValues(SPEC, yaml, 'x.yaml', CONTEXT);
  return [...report.problems(), ...report.warnings()];
}

describe('a secret is in no problem', () => {
  const cases: [what: string, yaml: string][] = [
    ['a bad value', `passphrase: ${SECRET}`],
    ['a bad value in quotes', `passphrase: "${SECRET}"`],
    ['a value of several lines', `passphrase: |\n  ${SECRET}\n  more\nuser: 1`],
    ['the wrong type', `passphrase: [${SECRET}]`],
    ['another problem on the line', `{ user: 1, passphrase: ${SECRET}, admin: { user: 2 } }`],
    ['a mistyped key', `passhprase: ${SECRET}`],
    ['another name of the key', `key: ${SECRET}`],
    ['a key that sounds like a secret', `apiToken: ${SECRET}`],
    ['a mistyped section', `admn: { passphrase: ${SECRET} }`],
    ['an unknown section', `other: { password: ${SECRET} }`],
    ['a list under an unknown key', `others:\n  - name: a\n    token: ${SECRET}\n`],
    ['a URL', `source: nats://me:${SECRET}@10.0.0.5:4222`],
    ['a key twice', `passphrase: abc\npassphrase: ${SECRET}`],
    ['an anchor elsewhere', `user: &p ${SECRET}\npassphrase: *p`],
    ['an alias elsewhere', `passphrase: &p ${SECRET}\nuser: *p`],
    ['a comment', `user: 1 # passphrase: ${SECRET}`],
    ['broken YAML', `passphrase: ${SECRET}\nuser: [`],
    ['broken YAML on the line', `{ passphrase: "${SECRET}" "x", user: }`],
    ['an alias that is not one', `passphrase: *${SECRET}`],
    ['an unknown tag', `passphrase: !${SECRET} x`],
    ['too deep', `passphrase: ${SECRET} \nuser: ${'['.repeat(200)}`],
    ['a key that is a list', `[passphrase]: ${SECRET}`],
  ];
  for (const [what, yaml] of cases) {
    it(what, () => {
      const problems = problemsOf(yaml);
      assert.notEqual(problems.length, 0);
      assert.doesNotMatch(
        JSON.stringify(problems) + formatProblems(problems, { color: true }),
        new RegExp(SECRET, 'i'),
      );
    });
  }

  it('whatever is wrong around it', () => {
    const good = [
      `passphrase: ${SECRET}`,
      `admin: { passphrase: ${SECRET} }`,
      `{ user: 1, passphrase: '${SECRET}' }`,
    ];
    const edit = fc.tuple(
      fc.constantFrom(...good),
      fc.nat(40),
      fc.constantFrom('[', '}', ':', '"', '\n', ' #', '&a ', '- '),
    );
    fc.assert(
      fc.property(edit, ([yaml, at, insert]) => {
        // Not into the word itself, nor into the name of its key: the rest could not be known for a secret.
        fc.pre(at <= yaml.indexOf('passphrase') || at > yaml.indexOf(SECRET) + SECRET.length);
        const all = JSON.stringify(problemsOf(yaml.slice(0, at) + insert + yaml.slice(at)));
        assert.doesNotMatch(all, new RegExp(SECRET));
      }),
    );
  });
});

it('what is not secret is shown', () => {
  const problems = problemsOf('{ user: 1234, usr: abc, passphrase: abc }');
  const excerpts = problems.map(({ excerpt }) => excerpt?.text);
  assert.deepEqual(excerpts, Array(2).fill('{ user: 1234, usr: abc, passphrase: … }'));
  assert.equal(problems[0]?.value, '1234');
});

it('a bad secret says so without its value', () => {
  const [problem] = problemsOf(`passphrase: ${SECRET}`);
  assert.equal(problem?.value, '[redacted]');
  assert.deepEqual(problem?.allowed, ['letters']);
  assert.equal(problem?.excerpt?.text, 'passphrase: …');
});
