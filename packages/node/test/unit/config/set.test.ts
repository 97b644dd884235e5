import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { configValues } from '../../../src/config/diff.ts';
import { keyText } from '../../../src/config/problem.ts';
import { findKey, parseKey } from '../../../src/config/set.ts';
import { good, route } from './support.ts';

const CONFIG = good(
  `${route('')}  "a.b":\n    pattern: reqrep\n    frontend: { bind: tcp://*:1 }\n    backend: { bind: tcp://*:2 }\nadmin: {}\n`,
);

describe('keys as people type them', () => {
  it('are what problems print', () => {
    const part = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), fc.stringMatching(/^[ -~]{1,64}$/));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (path) => {
        assert.deepEqual(parseKey(keyText(path)), path);
      }),
    );
  });
  it('are nothing else', () => {
    for (const text of [
      '',
      '.',
      'a.',
      '.a',
      'a..b',
      'a b',
      'a[',
      'a["',
      'a["b"',
      'a["b"]c',
      'a[0]',
      'a."b"',
      'x'.repeat(1025),
    ])
      assert.equal(parseKey(text), null, text);
    assert.deepEqual(parseKey('a["b\\"]"].c'), ['a', 'b"]', 'c']);
  });
});

describe('a key to set', () => {
  it('is every key with a value that a running node takes', () => {
    for (const { key, reloadable } of configValues(CONFIG)) {
      const found = findKey(key, CONFIG);
      assert.equal(found.ok, reloadable, key);
      if (found.ok) assert.equal(found.key, key);
    }
    const found = findKey('admin.token', CONFIG);
    assert.ok(found.ok && found.secret);
  });

  const cases: [text: string, code: string, suggestion: string | null, message: RegExp][] = [
    ['routes.r.timout', 'CONFIG_UNKNOWN_KEY', 'routes.r.timeout', /unknown key/],
    ['route.r.timeout', 'CONFIG_UNKNOWN_KEY', 'routes.r.timeout', /unknown key/],
    ['routes["a.c"].timeout', 'CONFIG_UNKNOWN_KEY', 'routes["a.b"].timeout', /there is no route "a.c"/],
    ['level', 'CONFIG_UNKNOWN_KEY', null, /it belongs to log/],
    ['routes.r', 'CONFIG_WRONG_TYPE', null, /one key is set at a time/],
    ['routes', 'CONFIG_WRONG_TYPE', null, /one key is set at a time/],
    ['routes.r.timeout.x', 'CONFIG_UNKNOWN_KEY', null, /routes.r.timeout has a value of its own/],
    ['routes.r.stream.fsync', 'CONFIG_UNKNOWN_KEY', null, /routes.r.stream is not in the configuration/],
    ['node.name', 'CONFIG_NOT_RELOADABLE', null, /start the node again/],
    ['node.dataDir', 'CONFIG_NOT_RELOADABLE', null, /start the node again/],
    ['__proto__.x', 'CONFIG_UNKNOWN_KEY', null, /unknown key/],
    ['routes.__proto__.timeout', 'CONFIG_UNKNOWN_KEY', null, /there is no route/],
    ['a[b', 'CONFIG_BAD_NAME', null, /not a key/],
  ];
  for (const [text, code, suggestion, message] of cases) {
    it(`${text}: ${code}`, () => {
      const found = findKey(text, CONFIG);
      assert.ok(!found.ok);
      assert.deepEqual([found.problem.code, found.problem.suggestion], [code, suggestion]);
      assert.match(found.problem.message, message);
      assert.equal(found.problem.key, text);
    });
  }
});
