import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PrefixMap } from '../../../src/bytes/prefix-map.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

function trieOf(...prefixes: string[]): PrefixMap<string> {
  const trie = new PrefixMap<string>(7);
  for (const prefix of prefixes) trie.set(bytes(prefix), prefix);
  return trie;
}

function collected(trie: PrefixMap<string>, text: string): string[] {
  const into: string[] = [];
  trie.collect(bytes(text), 0, text.length, into);
  return into;
}

describe('prefix map', () => {
  it('finds all prefixes of a text, shortest first', () => {
    const trie = trieOf('', 'a', 'ab', 'abc', 'b', 'abd');
    assert.deepEqual(collected(trie, 'abcx'), ['', 'a', 'ab', 'abc']);
    assert.deepEqual(collected(trie, 'ab'), ['', 'a', 'ab']);
    assert.deepEqual(collected(trie, ''), ['']);
    assert.deepEqual(collected(trie, 'zzz'), ['']);
  });

  it('adds to what the caller has', () => {
    const into = ['before'];
    trieOf('a').collect(bytes('a'), 0, 1, into);
    assert.deepEqual(into, ['before', 'a']);
  });

  it('looks at bytes[start, end) only', () => {
    const trie = trieOf('ab', 'abc', 'x');
    const text = bytes('xabcx');
    const into: string[] = [];
    trie.collect(text, 1, 3, into);
    assert.deepEqual(into, ['ab']);
    assert.ok(trie.matches(text, 1, 3));
    assert.ok(!trie.matches(text, 1, 2));
    assert.ok(!trie.matches(text, 2, 5));
    assert.ok(!trie.matches(text, 0, 0));
  });

  it('tells a prefix from a branch on the way to one', () => {
    const trie = trieOf('abc');
    assert.equal(trie.get(bytes('ab')), undefined);
    assert.equal(trie.get(bytes('abcd')), undefined);
    assert.equal(trie.get(bytes('abc')), 'abc');
    assert.ok(!trie.delete(bytes('ab')));
    assert.ok(!trie.delete(bytes('abcd')));
    assert.ok(!trie.delete(bytes('xyz')));
    assert.equal(trie.size, 1);
  });

  it('knows the empty prefix as everything', () => {
    const trie = trieOf('a');
    assert.equal(trie.everything, undefined);
    trie.set(bytes(''), 'all');
    assert.equal(trie.everything, 'all');
    assert.ok(trie.matches(bytes('zz'), 0, 2));
    assert.ok(trie.delete(bytes('')));
    assert.equal(trie.everything, undefined);
    assert.ok(!trie.matches(bytes('zz'), 0, 2));
  });

  it('keeps one value for each prefix', () => {
    const trie = trieOf('a', 'b');
    trie.set(bytes('a'), 'other');
    assert.equal(trie.size, 2);
    assert.equal(trie.get(bytes('a')), 'other');
  });

  it('keeps falsy values', () => {
    const trie = new PrefixMap<number>(7);
    trie.set(bytes('n'), 0);
    assert.equal(trie.size, 1);
    assert.ok(trie.matches(bytes('no'), 0, 2));
    assert.deepEqual([...trie.entries()], [[bytes('n'), 0]]);
    assert.ok(trie.delete(bytes('n')));
  });

  it('takes octets at both ends of the range in any order', () => {
    for (const order of ['\x00\xff\x80', '\xff\x00\x80', '\x80\xff\x00', '\x80\x00\xff']) {
      const trie = trieOf(...order);
      assert.deepEqual(
        [...trie.entries()].map(([, value]) => value),
        ['\x00', '\x80', '\xff'],
      );
      for (const octet of order) assert.deepEqual(collected(trie, `${octet}x`), [octet]);
      assert.deepEqual(collected(trie, '\x7f'), []);
      for (const octet of order) assert.ok(trie.delete(bytes(octet)));
      assert.equal(trie.size, 0);
      assert.deepEqual([...trie.entries()], []);
    }
  });

  it('lists in octet order, with copies of the prefixes', () => {
    const trie = trieOf('b', 'a\xff', 'a', '', 'ab', 'a\x00');
    assert.deepEqual(
      [...trie.entries()].map(([prefix]) => prefix.toString('latin1')),
      ['', 'a', 'a\x00', 'ab', 'a\xff', 'b'],
    );
    for (const [prefix] of trie.entries()) prefix.fill(0x7a);
    assert.equal(trie.get(bytes('ab')), 'ab');
  });

  it('forgets everything with clear', () => {
    const trie = trieOf('', 'a', 'ab');
    trie.clear();
    assert.equal(trie.size, 0);
    assert.deepEqual(collected(trie, 'ab'), []);
    trie.set(bytes('a'), 'again');
    assert.equal(trie.size, 1);
  });

  it('takes prefixes that are long enough to exhaust a stack', () => {
    const long = Buffer.alloc(50_000, 0x61);
    const trie = new PrefixMap<number>(7);
    trie.set(long, 1);
    assert.ok(trie.matches(long, 0, long.length));
    assert.equal([...trie.entries()].length, 1);
    assert.ok(trie.delete(long));
    assert.equal(trie.size, 0);
  });

  it('gives back the memory of what was deleted', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const trie = trieOf('stays');
    const rounds = (count: number): void => {
      for (let round = 0; round < count; round++) {
        const prefixes = Array.from({ length: 20 }, (_, i) => Buffer.alloc(200, `${round}/${i}/`));
        for (const prefix of prefixes) trie.set(prefix, 'gone');
        for (const prefix of prefixes) assert.ok(trie.delete(prefix));
      }
    };
    rounds(2);
    collect();
    const before = process.memoryUsage().heapUsed;
    rounds(100);
    collect();
    // 400,000 nodes of 100 octets and more would be left if nothing was pruned.
    assert.ok(process.memoryUsage().heapUsed - before < 8 * 1024 * 1024);
    assert.deepEqual([...trie.entries()], [[bytes('stays'), 'stays']]);
  });
});
