import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { formatProblems } from '../../../src/config/format.ts';
import { bad, route } from './support.ts';

const plain = (text: string): string => formatProblems(bad(text), { color: false });

describe('problems for a terminal', () => {
  it('begin with the place and mark it in the line', () => {
    assert.equal(
      plain(route('').replace('bind: tcp://*:5561', 'bnd: tcp://*:5561')),
      [
        'bad.yaml:5:16  routes.r.backend.bnd: unknown key. Did you mean "bind"? Allowed: bind, connect [CONFIG_UNKNOWN_KEY]',
        '     5 |     backend: { bnd: tcp://*:5561 }',
        '       |                ^^^',
        '',
      ].join('\n'),
    );
  });

  it('show the value that was found', () => {
    assert.match(
      plain('node: { stopTimeout: 10 }'),
      /a duration needs a unit, found 10\. Did you mean "10s"\? Allowed: 0s to 1h /,
    );
    assert.match(plain('node: { name: "" }'), /found ""\./);
    assert.match(plain('node: { name: {} }'), /expected a text, found a mapping\./);
    assert.match(plain('node: { name: 7 }'), /Did you mean "7"\?/);
    assert.match(plain(route('    maxPeers: "5"\n')), /without quotes, found "5"\. Did you mean 5\?/);
  });

  it('without a place have no excerpt', () => {
    assert.equal(
      plain(''),
      'bad.yaml  the file has no settings. Allowed: node, log, routes, streams, sessions, health, admin, telemetry, source [CONFIG_EMPTY]\n',
    );
  });

  it('cut long lines around the place', () => {
    const text = `{ ${'a: 1, '.repeat(50)}nod: 1, ${'b: 1, '.repeat(50)} }`;
    const lines = formatProblems(
      bad(text).filter(({ key }) => key === 'nod'),
      { color: false },
    ).split('\n');
    assert.ok((lines[1]?.length ?? 0) < 135, lines[1]);
    assert.match(lines[1] ?? '', /\| ….*nod: 1.*…$/);
    assert.equal(lines[2]?.indexOf('^^^'), lines[1]?.indexOf('nod'));
  });

  it('keep the mark in place under tabs and wide characters', () => {
    const tab = plain('node:\t{ nme: a }').split('\n');
    assert.equal(tab[2]?.indexOf('^'), tab[1]?.indexOf('nme'));
    const wide = plain('{ 北京: 1 }').split('\n');
    assert.equal(wide[2]?.trimEnd().slice(-4), '^^^^');
    const after = formatProblems(
      bad('{ "北京": 1, nod: 1 }').filter(({ key }) => key === 'nod'),
      { color: false },
    ).split('\n');
    assert.equal(after[2]?.indexOf('^'), (after[1]?.indexOf('nod') ?? 0) + 2);
  });

  it('let no control character through', () => {
    const text = plain('"a\\e[31mb\\u202e": 1\nnode: { name: "\\e]0;x\\a" }');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.match(text, /\\u001b/);
  });

  it('say the same in colour', () => {
    const problems = bad('nod: 1\nlog: { level: INFO }');
    const coloured = formatProblems(problems, { color: true });
    assert.ok(coloured.includes('\u001b[31m^'));
    assert.equal(stripVTControlCharacters(coloured), formatProblems(problems, { color: false }));
  });

  it('take a label', () => {
    assert.match(
      formatProblems(bad(''), { color: false, label: 'error: ' }),
      /^bad\.yaml {2}error: the file/,
    );
    assert.equal(formatProblems([], { color: true }), '');
  });
});
