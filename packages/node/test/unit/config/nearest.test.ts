import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { distance, nearest } from '../../../src/config/nearest.ts';
import { SPEC } from '../../../src/config/spec/table.ts';
import { nearestKey, placesOf, SecretNames } from '../../../src/config/unknown.ts';

/** Obvious and slow: the same recurrence, by recursion. */
function slowDistance(a: string, b: string): number {
  if (a.length === 0 || b.length === 0) return a.length + b.length;
  const same = a.at(-1) === b.at(-1) ? 0 : 1;
  const [shortA, shortB] = [a.slice(0, -1), b.slice(0, -1)];
  const options = [
    slowDistance(shortA, b) + 1,
    slowDistance(a, shortB) + 1,
    slowDistance(shortA, shortB) + same,
  ];
  if (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)) {
    options.push(slowDistance(a.slice(0, -2), b.slice(0, -2)) + 1);
  }
  return Math.min(...options);
}

describe('distance', () => {
  it('is that of the slow definition', () => {
    const word = fc.string({ maxLength: 5, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(fc.property(word, word, (a, b) => assert.equal(distance(a, b), slowDistance(a, b))));
  });
});

describe('nearest', () => {
  const keys = ['bind', 'connect', 'pattern', 'frontend', 'backend', 'maxMessageSize'];
  const cases: [string, string | null][] = [
    ['bnd', 'bind'],
    ['bidn', 'bind'],
    ['Bind', 'bind'],
    ['conect', 'connect'],
    ['max-message-size', 'maxMessageSize'],
    ['maxMessage', 'maxMessageSize'],
    ['front', 'frontend'],
    ['banana', null],
    ['x', null],
    ['', null],
    ['a'.repeat(65), null],
  ];
  for (const [word, expected] of cases) {
    it(`"${word.slice(0, 20)}" -> ${expected}`, () => assert.equal(nearest(word, keys), expected));
  }
});

describe('keys under other names', () => {
  const { entry } = SPEC.keys.routes;
  const cases: [string, string | null][] = [
    ['ZMQ_SNDHWM', 'sendHighWaterMark'],
    ['rcvhwm', 'receiveHighWaterMark'],
    ['handshakeTimeout', 'handshakeInterval'],
    ['max-connections', 'maxPeers'],
    ['constructor', null],
    ['__proto__', null],
  ];
  for (const [word, expected] of cases) {
    it(`"${word}" -> ${expected}`, () => assert.equal(nearestKey(word, entry.keys), expected));
  }

  it('says where a key would be right', () => {
    assert.deepEqual(placesOf('maxPeers', SPEC), ['routes.<route>']);
    assert.deepEqual(placesOf('bind', SPEC), [
      'routes.<route>.frontend',
      'routes.<route>.backend',
      'sessions',
      'admin',
    ]);
    assert.deepEqual(placesOf('fsync', SPEC), ['routes.<route>.stream', 'streams.<stream>']);
    assert.deepEqual(placesOf('banana', SPEC), []);
  });

  it('knows names that sound like secrets', () => {
    const secrets = new SecretNames(SPEC);
    for (const name of ['password', 'API_KEY', 'auth-token', 'privateKey'])
      assert.ok(secrets.has(name), name);
    for (const name of ['bind', 'keepalive', 'pattern']) assert.ok(!secrets.has(name), name);
    assert.ok(secrets.in('a: [\n"my-password" : x'));
    assert.ok(secrets.in('# no password here\na: [\nbind: x'));
    assert.ok(!secrets.in('tokenFile: ./x\na: [\nbind: x'));
  });
});
