// What is published can be imported by the compilers of those who come from zeromq.js, as far as the files of a package say so.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

/** Read by TypeScript with `"module": "commonjs"`, which looks at no `exports`: without it `zeromq/draft` has no types there. */
describe('typesVersions has the types of each entry point', () => {
  for (const name of ['zmq', 'client', 'node']) {
    test(name, () => {
      const file = new URL(`../../packages/${name}/package.json`, import.meta.url);
      const { exports, typesVersions } = JSON.parse(readFileSync(file, 'utf8'));
      const entries = Object.entries(exports)
        .filter(([path, entry]) => path !== '.' && entry.types !== undefined)
        .map(([path, { types }]) => [path.slice('./'.length), [types]]);
      assert.notEqual(entries.length, 0);
      assert.deepEqual(typesVersions, { '*': Object.fromEntries(entries) });
    });
  }
});
