import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../../src/log/log.ts';
import { FilePlaces, NAMES_MAX, readPlaces, VALUE_MAX } from '../../../src/store/places.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { type Logged, listLog } from '../../support/streams.ts';

const PATH = '/s/places.log';
const value = (text: string): Uint8Array => Buffer.from(text);

function textOf(places: FilePlaces): Record<string, string> {
  return Object.fromEntries(places.names().map((name) => [name, Buffer.from(places.get(name)!).toString()]));
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

describe('places of readers', () => {
  it('are there again, the last one of each name', async () => {
    const files = new MemoryFiles();
    const places = await FilePlaces.open(files, '/s', silentLog);
    places.save('a', value('1'));
    places.save('b', value('1'));
    places.save('ä', value(''));
    await turns(3);
    places.save('a', value('2'));
    places.remove('b');
    places.remove('unknown');
    assert.equal(places.get('b'), null);
    await turns(3);
    // The process is killed: what was handed to the system is there.
    const again = await FilePlaces.open(files.kill(), '/s', silentLog);
    assert.deepEqual(textOf(again), { a: '2', ä: '' });
    await again.close();
    await places.close();
  });

  it('go by one write at a time, only the last value of a name', async () => {
    const files = new MemoryFiles();
    const places = await FilePlaces.open(files, '/s', silentLog);
    const bytes = value('0');
    for (let i = 0; i < 1000; i++) {
      bytes[0] = 48 + (i % 10);
      places.save('a', bytes);
    }
    bytes[0] = 33;
    await turns(5);
    assert.equal(files.writes, 1);
    assert.deepEqual(textOf(places), { a: '9' });
    await places.close();
  });

  it('survive a torn tail at every octet, and damage, which is reported', async () => {
    const files = new MemoryFiles();
    const places = await FilePlaces.open(files, '/s', silentLog);
    for (const name of ['a', 'b', 'c']) {
      places.save(name, value(`value of ${name}`));
      await turns(3);
    }
    await places.close();
    const data = files.content(PATH);
    const each = data.length / 3;
    for (let end = each * 2; end <= data.length; end++) {
      files.put(PATH, data.subarray(0, end));
      const logged: Logged[] = [];
      const again = await FilePlaces.open(files, '/s', listLog(logged));
      assert.deepEqual(again.names(), end === data.length ? ['a', 'b', 'c'] : ['a', 'b']);
      assert.equal(logged.length, end % each === 0 ? 0 : 1);
      again.save('d', value('more'));
      await again.close();
      assert.deepEqual([...(await readPlaces(files, '/s')).keys()].at(-1), 'd');
    }
    const bad = Buffer.from(data);
    bad[each + each - 3]! ^= 1;
    files.put(PATH, bad);
    const logged: Logged[] = [];
    const again = await FilePlaces.open(files, '/s', listLog(logged));
    assert.deepEqual(again.names(), ['a', 'c']);
    assert.deepEqual(
      logged.map(({ level, fields }) => [level, fields.entries]),
      [['error', 1]],
    );
    await again.close();
  });

  it('are all there but one when one octet is damaged, wherever it is', async () => {
    const files = new MemoryFiles();
    const places = await FilePlaces.open(files, '/s', silentLog);
    for (const name of ['a', 'b', 'c']) {
      places.save(name, value(`value of ${name}`));
      await turns(3);
    }
    await places.close();
    const data = files.content(PATH);
    const each = data.length / 3;
    for (let at = 0; at < 2 * each; at++) {
      const bad = Buffer.from(data);
      bad[at]! ^= 0x81;
      files.put(PATH, bad);
      const logged: Logged[] = [];
      const again = await FilePlaces.open(files, '/s', listLog(logged));
      assert.deepEqual(again.names(), at < each ? ['b', 'c'] : ['a', 'c'], `octet ${at}`);
      assert.deepEqual(
        logged.map(({ level, fields }) => [level, fields.entries]),
        [['error', 1]],
      );
      await again.close();
      // Written anew: the next start finds nothing wrong.
      const quiet: Logged[] = [];
      const third = await FilePlaces.open(files, '/s', listLog(quiet));
      assert.deepEqual([third.names(), quiet], [again.names(), []]);
      await third.close();
    }
  });

  it('are written anew when little of the file counts', async () => {
    const files = new MemoryFiles();
    const places = await FilePlaces.open(files, '/s', silentLog);
    const large = Buffer.alloc(900_000, 'x');
    places.save('small', value('kept'));
    for (let i = 0; i < 30; i++) {
      places.save('large', large);
      await turns(10);
    }
    assert.ok(files.content(PATH).length < 6_000_000, `${files.content(PATH).length}`);
    await places.close();
    const again = await FilePlaces.open(files, '/s', silentLog);
    assert.deepEqual(again.names().sort(), ['large', 'small']);
    await again.close();
  });

  it('stay right in memory while they can not be written, and are written later', async () => {
    const files = new MemoryFiles();
    const logged: Logged[] = [];
    const places = await FilePlaces.open(files, '/s', listLog(logged));
    files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : null);
    places.save('a', value('1'));
    places.save('b', value('1'));
    await turns(5);
    places.save('a', value('2'));
    places.retry();
    await turns(5);
    assert.deepEqual(textOf(places), { a: '2', b: '1' });
    assert.equal(logged.length, 1);
    files.fault = () => null;
    places.retry();
    await turns(5);
    const written = await readPlaces(files, '/s');
    assert.deepEqual([...written].map(([name, text]) => [name, Buffer.from(text).toString()]).sort(), [
      ['a', '2'],
      ['b', '1'],
    ]);
    await places.close();
  });

  it('survive a power cut once they are settled, by one sync for all who wait', async () => {
    const files = new MemoryFiles();
    const places = await FilePlaces.open(files, '/s', silentLog);
    const { syncs } = files;
    const settled = ['a', 'b', 'c'].map((name) => {
      places.save(name, value(name));
      return places.settle(name);
    });
    await Promise.all(settled);
    assert.equal(files.syncs - syncs, 1);
    // Whoever is told goes on at once.
    places.save('d', value('d'));
    await places.settle('d');
    const again = await FilePlaces.open(
      files.powerLoss(() => 0),
      '/s',
      silentLog,
    );
    assert.deepEqual(textOf(again), { a: 'a', b: 'b', c: 'c', d: 'd' });
    await again.close();
    await places.close();
    await assert.rejects(places.settle('a'));
  });

  it('are not settled by a sync that failed, and all of them are written again', async () => {
    const files = new MemoryFiles();
    const places = await FilePlaces.open(files, '/s', silentLog);
    for (const failing of ['write', 'sync'] as const) {
      files.fault = (operation) => (operation === failing ? 'EIO' : null);
      places.save(failing, value('1'));
      await assert.rejects(places.settle(failing), { code: 'EIO' });
    }
    files.fault = () => null;
    await places.settle('sync');
    const again = await FilePlaces.open(
      files.powerLoss(() => 0),
      '/s',
      silentLog,
    );
    assert.deepEqual(textOf(again), { write: '1', sync: '1' });
    await again.close();
    await places.close();
  });

  it('of a stream that was closed are left to who opens it next', async () => {
    const files = new MemoryFiles();
    const former = await FilePlaces.open(files, '/s', silentLog);
    former.save('a', value('1'));
    await former.close();
    const places = await FilePlaces.open(files, '/s', silentLog);
    places.save('a', value('2'));
    await turns(3);
    former.save('a', value('late'));
    await turns(3);
    places.save('b', value('3'));
    await places.close();
    const again = await FilePlaces.open(files, '/s', silentLog);
    assert.deepEqual(textOf(again), { a: '2', b: '3' });
    await again.close();
  });

  it('are bounded', async () => {
    const places = await FilePlaces.open(new MemoryFiles(), '/s', silentLog);
    assert.throws(() => places.save('a', new Uint8Array(VALUE_MAX + 1)), RangeError);
    assert.throws(() => places.save('x'.repeat(256), value('')), RangeError);
    for (let i = 0; i < NAMES_MAX; i++) places.save(`n${i}`, value(''));
    assert.throws(() => places.save('one more', value('')), RangeError);
    places.save('n5', value('but this'));
    await places.close();
    assert.deepEqual(await readPlaces(new MemoryFiles(), '/s'), new Map());
  });
});
