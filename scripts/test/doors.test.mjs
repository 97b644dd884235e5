// What a start reads: the files behind each door of the built packages, and what becomes of them when they are made again.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { madeIn, makeDoors } from '../doors/make.mjs';
import { node, root } from '../tool.mjs';

const packageOf = (name) => join(root, 'packages', name);

/** What a file imports before it runs: files of the package, and names of others. */
function importsOf(file) {
  const found = readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?:[^'"]*? from )?"([^"]+)"/gm);
  return [...found].map(([, name]) => (name.startsWith('.') ? join(dirname(file), name) : name));
}

/** All that is loaded with a file. */
function loadedWith(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (existsSync(file)) for (const next of importsOf(file)) loadedWith(next, seen);
  return seen;
}

suite('the doors of the packages', () => {
  before(() => assert.equal(node(['scripts/doors.mjs']), 0));

  test('the sockets are a few files, and load nothing that most programs do not use', () => {
    const loaded = [...loadedWith(join(packageOf('zmq'), 'dist/index.js'))];
    assert.ok(loaded.length > 5, 'the imports were not seen');
    const files = loaded.filter((name) => existsSync(name));
    assert.ok(files.length <= 8, files.join('\n'));
    const others = loaded.filter((name) => !existsSync(name) && !name.startsWith('node:'));
    assert.deepEqual(others, []);
  });

  for (const name of ['zmq', 'client', 'node'])
    test(`${name}: a module is in one file, and its map leads to it`, () => {
      const seen = new Map();
      for (const map of madeIn(packageOf(name)).filter((file) => file.endsWith('.map')))
        for (const source of JSON.parse(readFileSync(map, 'utf8')).sources) {
          const path = join(dirname(map), source);
          assert.ok(existsSync(path), `${map} has ${source}`);
          assert.equal(seen.get(path), undefined, `${relative(root, path)} is in ${map}, too`);
          seen.set(path, map);
        }
      assert.ok(seen.size > 10, 'no maps');
    });

  test('a class is the same one, whichever door it comes through', async () => {
    const [sockets, draft, run, client] = await Promise.all(
      ['@zeroth/zmq', '@zeroth/zmq/draft', '@zeroth/zmq/run', '@zeroth/client'].map((name) => import(name)),
    );
    const radio = new draft.Radio();
    assert.ok(radio instanceof sockets.Socket);
    radio.close();
    const error = (action) => {
      try {
        action();
      } catch (thrown) {
        return thrown;
      }
      return assert.fail('nothing was thrown');
    };
    assert.ok(error(() => new draft.Dish().join('g'.repeat(300))) instanceof sockets.ZmqError);
    assert.ok(run !== undefined && client !== undefined);
  });
});

suite('what runs from a folder while it is built again', () => {
  const DAY = 24 * 60 * 60 * 1000;
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-doors-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const src = join(folder, 'src');
  const doors = { index: join(src, 'index.ts') };
  const chunks = () => readdirSync(join(folder, 'dist/chunks')).filter((name) => name.endsWith('.js'));
  const load = (query) => import(`${pathToFileURL(join(folder, 'dist/index.js')).href}?${query}`);

  /** What a module imports later knows a letter of it, whose place among its exports changes. */
  function write(version) {
    mkdirSync(src, { recursive: true });
    const others = Array.from({ length: version }, (_, index) => `export const a${index} = 'wrong';`);
    writeFileSync(join(src, 'shared.ts'), [...others, `export const version = 'v${version}';`].join('\n'));
    const names = others.map((_, index) => `a${index}`);
    writeFileSync(
      join(src, 'late.ts'),
      `import { ${[...names, 'version'].join(', ')} } from './shared.ts';
      export const late: string = version; export const rest: string[] = [${names.join(', ')}];`,
    );
    writeFileSync(
      join(src, 'index.ts'),
      `import { version } from './shared.ts';
      export const now: string = version;
      export const later = async (): Promise<string> => (await import('./late.ts')).late;`,
    );
  }

  test('it loads later what belongs to it, for a day', async () => {
    const began = Date.now() - 32 * DAY;
    write(1);
    await makeDoors(folder, doors, [src], began);
    const first = await load('first');
    const before = chunks();
    write(3);
    await makeDoors(folder, doors, [src], began + 30 * DAY);
    const second = await load('second');
    assert.deepEqual([first.now, second.now], ['v1', 'v3']);
    assert.equal(await first.later(), 'v1');
    assert.equal(await second.later(), 'v3');
    assert.deepEqual(
      before.filter((name) => !chunks().includes(name)),
      [],
    );
    write(5);
    await makeDoors(folder, doors, [src], began + 32 * DAY);
    const made = new Set(madeIn(folder));
    assert.deepEqual(
      before.filter((name) => chunks().includes(name) && !made.has(join(folder, 'dist/chunks', name))),
      [],
    );
    assert.equal(await second.later(), 'v3');
    const third = await load('third');
    assert.equal(await third.later(), 'v5');
  });

  test('a build that fails leaves everything as it was, and the next one makes it', async () => {
    write(2);
    await makeDoors(folder, doors, [src]);
    writeFileSync(join(src, 'late.ts'), 'export const = ;');
    await assert.rejects(makeDoors(folder, doors, [src]));
    assert.equal(await (await load('failed')).later(), 'v2');
    write(4);
    await makeDoors(folder, doors, [src]);
    assert.equal(await (await load('mended')).later(), 'v4');
  });

  test('a file that is gone is made again, and nothing is made in vain', async () => {
    write(6);
    const past = Date.now() / 1000 - 10;
    for (const name of readdirSync(src)) utimesSync(join(src, name), past, past);
    utimesSync(src, past, past);
    await makeDoors(folder, doors, [src]);
    const path = join(folder, 'dist', 'index.js');
    writeFileSync(path, 'export const now = "not made again";');
    await makeDoors(folder, doors, [src]);
    assert.equal((await load('same')).now, 'not made again');
    rmSync(join(folder, 'dist/chunks'), { recursive: true });
    await makeDoors(folder, doors, [src]);
    assert.equal(await (await load('again')).later(), 'v6');
  });
});
