import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PrefixMap } from '../../../src/bytes/prefix-map.ts';
import { turn } from '../../support/deadline.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

function mapOf(...prefixes: string[]): PrefixMap<string> {
  const map = new PrefixMap<string>(7);
  for (const prefix of prefixes) map.set(bytes(prefix), prefix);
  return map;
}

function collected(map: PrefixMap<string>, text: string): string[] {
  const into: string[] = [];
  map.collect(bytes(text), 0, text.length, into);
  return into;
}

describe('prefix map', () => {
  it('finds all prefixes of a text, shortest first', () => {
    const map = mapOf('', 'a', 'ab', 'abc', 'b', 'abd');
    assert.deepEqual(collected(map, 'abcx'), ['', 'a', 'ab', 'abc']);
    assert.deepEqual(collected(map, 'ab'), ['', 'a', 'ab']);
    assert.deepEqual(collected(map, ''), ['']);
    assert.deepEqual(collected(map, 'zzz'), ['']);
  });

  it('writes to the beginning of what the caller has, and says how much', () => {
    const into = ['left', 'from', 'before'];
    assert.equal(mapOf('a', 'ab').collect(bytes('abc'), 0, 3, into), 2);
    assert.deepEqual(into, ['a', 'ab', 'before']);
    assert.equal(mapOf('x').collect(bytes('abc'), 0, 3, into), 0);
  });

  it('looks at bytes[start, end) only', () => {
    const map = mapOf('ab', 'abc', 'x');
    const text = bytes('xabcx');
    const into: string[] = [];
    map.collect(text, 1, 3, into);
    assert.deepEqual(into, ['ab']);
    assert.ok(map.matches(text, 1, 3));
    assert.ok(!map.matches(text, 1, 2));
    assert.ok(!map.matches(text, 2, 5));
    assert.ok(!map.matches(text, 0, 0));
  });

  it('tells a prefix from a branch on the way to one', () => {
    const map = mapOf('abc');
    assert.equal(map.get(bytes('ab')), undefined);
    assert.equal(map.get(bytes('abcd')), undefined);
    assert.equal(map.get(bytes('abc')), 'abc');
    assert.ok(!map.delete(bytes('ab')));
    assert.ok(!map.delete(bytes('abcd')));
    assert.ok(!map.delete(bytes('xyz')));
    assert.equal(map.size, 1);
  });

  it('knows the empty prefix as everything', () => {
    const map = mapOf('a');
    assert.equal(map.everything, undefined);
    map.set(bytes(''), 'all');
    assert.equal(map.everything, 'all');
    assert.ok(map.matches(bytes('zz'), 0, 2));
    assert.ok(map.delete(bytes('')));
    assert.equal(map.everything, undefined);
    assert.ok(!map.matches(bytes('zz'), 0, 2));
  });

  it('keeps one value for each prefix', () => {
    const map = mapOf('a', 'b');
    map.set(bytes('a'), 'other');
    assert.equal(map.size, 2);
    assert.equal(map.get(bytes('a')), 'other');
  });

  it('keeps falsy values', () => {
    const map = new PrefixMap<number>(7);
    map.set(bytes('n'), 0);
    assert.equal(map.size, 1);
    assert.ok(map.matches(bytes('no'), 0, 2));
    assert.deepEqual([...map.entries()], [[bytes('n'), 0]]);
    assert.ok(map.delete(bytes('n')));
  });

  it('takes octets at both ends of the range in any order', () => {
    for (const order of ['\x00\xff\x80', '\xff\x00\x80', '\x80\xff\x00', '\x80\x00\xff']) {
      const map = mapOf(...order);
      assert.deepEqual([...map.entries()].map(([, value]) => value).sort(), ['\x00', '\x80', '\xff']);
      for (const octet of order) assert.deepEqual(collected(map, `${octet}x`), [octet]);
      assert.deepEqual(collected(map, '\x7f'), []);
      for (const octet of order) assert.ok(map.delete(bytes(octet)));
      assert.equal(map.size, 0);
      assert.deepEqual([...map.entries()], []);
    }
  });

  it('lists all prefixes with their values, whatever becomes of the octets that they came in', () => {
    const texts = ['b', 'a\xff', 'a', '', 'ab', 'a\x00'];
    const map = new PrefixMap<string>(7);
    for (const text of texts) {
      const prefix = bytes(text);
      map.set(prefix, text);
      prefix.fill(0x7a);
    }
    const listed = [...map.entries()].map(([prefix, value]) => [prefix.toString('latin1'), value]);
    assert.deepEqual(listed.sort(), texts.map((text) => [text, text]).sort());
  });

  it('tells prefixes with the same hash apart', () => {
    // The hash written out once more, to look for pairs that collide under this seed, also of different lengths.
    const seed = 7;
    const hashes = new Map<number, Buffer>();
    const pairs: [Buffer, Buffer][] = [];
    for (let i = 0; pairs.length < 3; i++) {
      const text = Buffer.from(i.toString(36).repeat(1 + (i % 2)));
      let hash = seed;
      for (const octet of text) {
        hash = Math.imul(hash ^ octet, 0x0100_0193);
        hash ^= hash >>> 15;
      }
      const other = hashes.get(hash);
      if (other !== undefined && !other.equals(text)) pairs.push([other, text]);
      hashes.set(hash, text);
    }
    for (const [a, b] of pairs) {
      for (const [first, second] of [
        [a, b],
        [b, a],
      ] as const) {
        const map = new PrefixMap<string>(seed);
        map.set(first, 'first');
        assert.equal(map.get(second), undefined);
        assert.ok(!map.matches(second, 0, second.length));
        assert.ok(!map.delete(second));
        map.set(second, 'second');
        assert.equal(map.size, 2, 'both are there');
        assert.deepEqual([map.get(first), map.get(second)], ['first', 'second']);
        const into: string[] = [];
        map.collect(second, 0, second.length, into);
        assert.deepEqual(into, ['second']);
        assert.equal([...map.entries()].length, 2);
        assert.ok(map.delete(first));
        assert.deepEqual([map.get(first), map.get(second), map.size], [undefined, 'second', 1]);
        assert.ok(map.delete(second));
        assert.deepEqual([...map.entries()], []);
      }
    }
  });

  it('takes prefixes of 64 KiB', () => {
    const long = Buffer.alloc(65_526, 0x61);
    const map = new PrefixMap<number>(7);
    map.set(long, 1);
    assert.ok(map.matches(long, 0, long.length));
    assert.equal([...map.entries()].length, 1);
    assert.ok(map.delete(long));
    assert.equal(map.size, 0);
  });

  it('gives back the memory of what was deleted', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // Memory of buffers is given back beside the collector, some turns later.
    const used = async (): Promise<number> => {
      for (let i = 0; i < 4; i++) {
        collect();
        await turn();
      }
      return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    };
    const map = mapOf('stays');
    const rounds = (count: number, size: number): void => {
      for (let round = 0; round < count; round++) {
        const prefixes = Array.from({ length: size }, (_, i) => Buffer.alloc(200, `${round}/${i}/`));
        for (const prefix of prefixes) map.set(prefix, 'gone');
        for (const prefix of prefixes) assert.ok(map.delete(prefix));
      }
    };
    rounds(20, 20);
    const before = await used();
    rounds(1500, 20);
    rounds(1, 30_000);
    const more = (await used()) - before;
    // 60,000 prefixes of 200 octets were there, half of them at once.
    assert.ok(more < 3 * 1024 * 1024, `${more} octets more`);
    assert.deepEqual([...map.entries()], [[bytes('stays'), 'stays']]);
  });
});
