// What a start reads: the files behind each door of the built packages.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { before, suite, test } from 'node:test';
import { node, root } from '../tool.mjs';

const dist = (name) => join(root, 'packages', name, 'dist');

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

/** The source maps of a package, but for those of its types and its bundle for browsers. */
const mapsOf = (name) =>
  readdirSync(dist(name), { recursive: true })
    .filter((file) => file.endsWith('.js.map') && !file.startsWith('bundle'))
    .map((file) => join(dist(name), file));

suite('the doors of the packages', () => {
  before(() => assert.equal(node(['scripts/doors.mjs']), 0));

  test('the sockets are a few files, and load nothing that most programs do not use', () => {
    const loaded = [...loadedWith(join(dist('zmq'), 'index.js'))];
    assert.ok(loaded.length > 5, 'the imports were not seen');
    const files = loaded.filter((name) => existsSync(name));
    assert.ok(files.length <= 8, files.join('\n'));
    const others = loaded.filter((name) => !existsSync(name) && !name.startsWith('node:'));
    assert.deepEqual(others, []);
  });

  for (const name of ['zmq', 'client', 'node'])
    test(`${name}: a module is in one file, and its map leads to it`, () => {
      const seen = new Map();
      for (const map of mapsOf(name))
        for (const source of JSON.parse(readFileSync(map, 'utf8')).sources) {
          const path = join(dirname(map), source);
          assert.ok(existsSync(path), `${map} has ${source}`);
          assert.equal(seen.get(path), undefined, `${relative(root, path)} is in ${map}, too`);
          seen.set(path, map);
        }
      assert.ok(seen.size > 10, 'no maps');
    });
});
