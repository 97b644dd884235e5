/** The head of a request, whatever it is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, constantFrom, assert as holds, oneof, property, string, stringMatching } from 'fast-check';
import { checkHeaders, checkHost, checkTarget } from '../../src/admin/guard.ts';
import { ApiError } from '../../src/admin/operation.ts';
import { OPERATIONS } from '../../src/admin/operations.ts';
import { parametersOf, route } from '../../src/admin/router.ts';

/** What it returns; null when it refuses as it should. Anything else that it throws fails the test. */
function attempt<T>(what: () => T): T | null {
  try {
    return what();
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    assert.ok(error.status >= 400 && error.status < 500);
    return null;
  }
}

const piece = constantFrom(
  '/',
  '..',
  '.',
  '%2e',
  '%2F',
  '%5c',
  '%00',
  '%25',
  '%',
  '\\',
  '?',
  '#',
  'v1',
  'status',
  'é',
  ' ',
  '\n',
  '&',
  '=',
  'limit',
  '1',
);
const url = oneof(
  array(piece).map((pieces) => `/${pieces.join('')}`),
  string(),
  stringMatching(/^\/[a-z%0-9./]{0,40}$/),
);

describe('any path', () => {
  it('is refused, or is plain segments that lead to one operation or none', () => {
    holds(
      property(url, constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'X'), (text, method) => {
        const target = attempt(() => checkTarget(text));
        if (target === null) return;
        for (const segment of target.segments) {
          assert.ok(segment !== '..' && segment !== '.');
          // biome-ignore lint/suspicious/noControlCharactersInRegex: what may not be there
          assert.doesNotMatch(segment, /[/\\\u0000-\u001f\u007f%]/);
        }
        const found = attempt(() => route(OPERATIONS, method, target.segments));
        if (found === null || found.operation === null) return;
        attempt(() => parametersOf(found.operation, found.values, target.query));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('any headers', () => {
  it('are refused, or have one value for each name that counts', () => {
    const name = oneof(
      constantFrom('Host', 'hOST', 'Origin', 'Content-Length', 'Transfer-Encoding', 'X'),
      string(),
    );
    holds(
      property(array(array(oneof(name, string()), { minLength: 2, maxLength: 2 })), (pairs) => {
        const headers = attempt(() => checkHeaders(pairs.flat()));
        if (headers === null) return;
        assert.ok(pairs.filter(([key]) => key?.toLowerCase() === 'host').length <= 1);
        attempt(() => checkHost(headers.get('host'), new Set()));
      }),
    );
  });
});
