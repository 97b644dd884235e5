/** Texts that are not what YAML, or a patient reader, can take. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatProblems } from '../../../src/config/format.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { MAX_DEPTH } from '../../../src/config/parse.ts';
import { MAX_FILE_SIZE } from '../../../src/config/source.ts';
import { DEFAULT_CONFIG_YAML, INIT_TEMPLATE } from '../../../src/config/templates.ts';
import { bad, good, route } from './support.ts';

describe('structure', () => {
  const cases: [what: string, text: string, code: string, place: string, message: RegExp][] = [
    ['empty', '', 'CONFIG_EMPTY', '0:0', /no settings/],
    ['comments only', '# nothing\n\n', 'CONFIG_EMPTY', '0:0', /no settings/],
    ['null', '~', 'CONFIG_EMPTY', '0:0', /no settings/],
    ['an empty document', '---\n...\n', 'CONFIG_EMPTY', '0:0', /no settings/],
    ['a list', '- a', 'CONFIG_NOT_A_MAPPING', '1:1', /found a list/],
    ['a text', 'hello', 'CONFIG_NOT_A_MAPPING', '1:1', /found a string/],
    ['a number', '\n7', 'CONFIG_NOT_A_MAPPING', '2:1', /found a number/],
    ['an open list', 'node: [1\nlog: {}', 'CONFIG_SYNTAX', '2:1', /end with a \]/],
    ['an open quote', 'node: { name: "a', 'CONFIG_SYNTAX', '1:17', /Missing closing "quote/],
    ['truncated', DEFAULT_CONFIG_YAML.slice(0, 60), 'CONFIG_SYNTAX', '4:20', /flow map/i],
    ['a tab', 'node:\n\tname: x', 'CONFIG_SYNTAX', '2:1', /indent with spaces/],
    ['bad indentation', 'node:\n  name: a\n bad: b', 'CONFIG_SYNTAX', '3:1', /./],
    [
      'an unquoted IPv6 endpoint',
      'routes: { a: { frontend: { bind: tcp://[::1]:5 } } }',
      'CONFIG_SYNTAX',
      '1:40',
      /needs quotes/,
    ],
    [
      'an unquoted wildcard',
      'routes: { a: { frontend: { bind: *:5555 } } }',
      'CONFIG_SYNTAX',
      '1:34',
      /needs quotes/,
    ],
    ['an unknown anchor', 'node: *nobody', 'CONFIG_SYNTAX', '1:7', /not defined before/],
    ['an unknown tag', 'node: { name: !env NAME }', 'CONFIG_SYNTAX', '1:15', /Unresolved tag/],
    ['two documents', 'node: {}\n---\nlog: {}', 'CONFIG_SYNTAX', '2:1', /second document/],
    ['many documents', '---\n'.repeat(10_000), 'CONFIG_SYNTAX', '2:1', /second document/],
    ['a cycle', 'node: &a { name: *a }', 'CONFIG_ALIAS_CYCLE', '1:18', /contains it/],
    ['a cycle by lists', 'node: &a [1, [2, *a]]', 'CONFIG_ALIAS_CYCLE', '1:18', /contains it/],
    ['nested lists', '['.repeat(100_000), 'CONFIG_TOO_DEEP', '1:131', /64 levels/],
    ['nested dashes', '- '.repeat(100_000), 'CONFIG_TOO_DEEP', '1:260', /64 levels/],
    ['nested questions', '? '.repeat(100_000), 'CONFIG_TOO_DEEP', '1:260', /64 levels/],
    [
      'just too deep',
      `a: ${'['.repeat(MAX_DEPTH)}1${']'.repeat(MAX_DEPTH)}`,
      'CONFIG_TOO_DEEP',
      '1:68',
      /64 levels/,
    ],
  ];
  for (const [what, text, code, place, message] of cases) {
    it(`${what}: ${code}`, () => {
      const problems = bad(text);
      const [first] = problems;
      assert.deepEqual([first?.code, `${first?.line}:${first?.column}`], [code, place]);
      assert.match(formatProblems(problems, { color: false }), message);
      assert.equal(problems.filter(({ line }) => line === first?.line).length, 1, 'one problem for a line');
    });
  }

  it('as deep as allowed is only an unknown key', () => {
    const depth = MAX_DEPTH - 2;
    assert.deepEqual(
      bad(`a: ${'['.repeat(depth)}1${']'.repeat(depth)}`).map(({ code }) => code),
      ['CONFIG_UNKNOWN_KEY'],
    );
  });

  it('an alias bomb', () => {
    const lines = ['a0: &a0 [x, x]'];
    for (let i = 1; i < 60; i++) lines.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
    const problems = bad(lines.join('\n'));
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['CONFIG_TOO_MANY_ALIASES'],
    );
  });

  it('a %YAML 1.1 line does not turn words into booleans', () => {
    assert.equal(bad(`%YAML 1.1\n---\n${route('    ipv6: no\n')}`)[0]?.code, 'CONFIG_WRONG_TYPE');
  });

  it('a byte order mark and line ends of Windows change nothing', () => {
    assert.deepEqual(
      good(`\ufeff${DEFAULT_CONFIG_YAML.replaceAll('\n', '\r\n')}`),
      good(DEFAULT_CONFIG_YAML),
    );
    assert.equal(bad('\ufeffnod: 1\r\nlgo: 1\r\n')[1]?.line, 2);
    assert.equal(bad('\ufeffnod: 1')[0]?.column, 1);
  });

  it('a text over the limit is not parsed', () => {
    assert.equal(bad('#'.repeat(MAX_FILE_SIZE + 1))[0]?.code, 'CONFIG_FILE_TOO_LARGE');
    assert.equal(bad('é'.repeat(MAX_FILE_SIZE / 2 + 1))[0]?.code, 'CONFIG_FILE_TOO_LARGE');
  });
});

describe('any text', () => {
  /** Problems or a configuration, never an exception, and always printable. */
  function check(text: string): void {
    const { config, problems, warnings } = loadConfig({ text, source: 'any.yaml' });
    assert.equal(config === null, problems.length > 0);
    for (const problem of [...problems, ...warnings]) {
      assert.ok(problem.line >= 0 && problem.line <= text.split('\n').length, `line ${problem.line}`);
      const { excerpt } = problem;
      if (excerpt !== null)
        assert.ok(excerpt.start >= 0 && excerpt.start + excerpt.length <= excerpt.text.length + 1);
    }
    assert.doesNotMatch(
      formatProblems([...problems, ...warnings], { color: false }),
      // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
      /[\u0000-\u0009\u000b-\u001f\u007f]/,
    );
  }

  it('of random characters', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 500 });
  });

  it('of YAML signs and our own words', () => {
    const piece = fc.constantFrom(
      ...[
        'routes',
        'node',
        'log',
        'a',
        'pattern',
        'pubsub',
        'frontend',
        'backend',
        'bind',
        'connect',
        'tcp://*:1',
        '10s',
      ],
      ...[
        ': ',
        ':',
        ' ',
        '  ',
        '\n',
        '\n  ',
        '- ',
        '? ',
        '{',
        '}',
        '[',
        ']',
        ',',
        '&a ',
        '*a',
        '!t ',
        '!!str ',
        '"',
        "'",
        '|',
        '>',
      ],
      ...[
        '#',
        '---\n',
        '...\n',
        '%YAML 1.1\n',
        '<<',
        '~',
        '1',
        '\t',
        '\r\n',
        '\u0000',
        '\ufeff',
        '\ud800',
        '__proto__',
      ],
    );
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
    fc.assert(fc.property(text, check), { numRuns: 2000 });
  });

  it('made by cutting a good one short, and by changing one character', () => {
    for (let length = 0; length <= DEFAULT_CONFIG_YAML.length; length++)
      check(DEFAULT_CONFIG_YAML.slice(0, length));
    const edit = fc.tuple(fc.nat(INIT_TEMPLATE.length - 1), fc.nat(3), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(edit, ([at, remove, insert]) => {
        check(INIT_TEMPLATE.slice(0, at) + insert + INIT_TEMPLATE.slice(at + remove));
      }),
      { numRuns: 500 },
    );
  });
});
