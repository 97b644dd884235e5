// The bundles for browsers: @zeroth/zmq/browser and @zeroth/client, each one ES module, readable and minified.
//
// Guarantees: no module of Node is in them, and nothing is looked up at run time but what is listed in EXTERNAL; the same
// sources make the same text. Made anew only when something that they are made of is newer.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { licencesOf } from './exe/licences.mjs';
import { build, isNewer, put, root } from './tool.mjs';

const zmq = join(root, 'packages/zmq/src');
const client = join(root, 'packages/client/src');
const stand = (name) => join(zmq, 'browser', name);

/** What stands in for a file of the sources, or a module of Node, in a page. */
const TWINS = new Map([
  [join(zmq, 'crypto/keys.ts'), stand('keys.ts')],
  [join(zmq, 'crypto/native.ts'), stand('native.ts')],
  [join(zmq, 'socket/keep-alive.ts'), stand('keep-alive.ts')],
  [join(zmq, 'socket/spin.ts'), stand('spin.ts')],
  [join(zmq, 'transport/ip.ts'), stand('ip.ts')],
  [join(zmq, 'transport/registry.ts'), stand('registry.ts')],
  ['node:events', stand('events.ts')],
]);

/** What stands in for globals of Node. */
const GLOBALS = Object.fromEntries(
  [
    'process',
    'setImmediate',
    'clearImmediate',
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
  ].map((name) => [name, [stand('globals.ts'), name]]),
);

/** Loaded by a page that asks for them, if they are there. */
const EXTERNAL = ['libsodium', '@msgpack/msgpack', 'protobufjs'];

const OTHERS = `/*! Has Buffer of https://github.com/feross/buffer (MIT, Copyright Feross Aboukhadijeh and other contributors), with
    base64-js (MIT, Copyright Jameson Little) and ieee754 (BSD-3-Clause, Copyright Fair Oaks Labs, Inc.), and X25519 of
    https://github.com/paulmillr/noble-curves (MIT, Copyright Paul Miller): LICENSES.txt. */`;

export const bundles = [
  {
    name: '@zeroth/zmq/browser',
    input: join(zmq, 'browser.ts'),
    sources: [zmq],
    folder: join(root, 'packages/zmq/dist/bundle'),
    inject: { ...GLOBALS, Buffer: [stand('buffer.ts'), 'Buffer'] },
    rename: {},
    banner: `/*! @zeroth/zmq (MIT), for browsers. */\n${OTHERS}`,
  },
  {
    name: '@zeroth/client',
    input: join(client, 'browser.ts'),
    sources: [client, stand('globals.ts')],
    folder: join(root, 'packages/client/dist/bundle'),
    inject: { ...GLOBALS, Buffer: ['@zeroth/zmq/browser', 'Buffer'] },
    // One copy of the sockets in a page, whoever asks for them.
    rename: { '@zeroth/zmq': '@zeroth/zmq/browser', '@zeroth/zmq/run': '@zeroth/zmq/browser' },
    banner: '/*! @zeroth/client (MIT), for browsers. */',
  },
];

/** The text of one bundle, and the files of other packages in it. @throws when something is in it that a page does not have. */
async function textOf({ name, input, inject, rename, banner }, minify) {
  const { rolldown } = await import('rolldown');
  const external = [...EXTERNAL, ...new Set(Object.values(rename))];
  const missing = new Set();
  const bundled = await rolldown({
    input,
    cwd: root,
    platform: 'browser',
    logLevel: 'silent',
    transform: { inject },
    plugins: [
      {
        name: 'page',
        async resolveId(source, importer) {
          const wanted = rename[source] ?? source;
          if (external.includes(wanted)) return { id: wanted, external: true };
          if (TWINS.has(wanted)) return TWINS.get(wanted);
          if (importer === undefined) return null;
          if (isBuiltin(wanted)) {
            missing.add(`${importer} imports ${wanted}`);
            return { id: wanted, external: true };
          }
          const resolved = wanted.startsWith('.') ? join(dirname(importer), wanted) : null;
          // A twin may use the original.
          const twin = resolved === null || importer.includes('/browser/') ? undefined : TWINS.get(resolved);
          return twin ?? null;
        },
      },
    ],
  });
  try {
    const { output } = await bundled.generate({ format: 'es', codeSplitting: false, minify, banner });
    const [chunk, ...rest] = output;
    const unknown = [...chunk.imports, ...chunk.dynamicImports].filter(
      (id) => !external.includes(id) && id !== chunk.fileName,
    );
    if (rest.length > 0 || unknown.length > 0 || missing.size > 0) {
      const found = [...missing, ...unknown, ...rest.map(({ fileName }) => fileName)].join('\n  ');
      throw new Error(
        `${name} has what a browser has not:\n  ${found}\nPut it in a small file, and what a page has instead in packages/zmq/src/browser (TWINS in scripts/browser.mjs).`,
      );
    }
    return {
      text: chunk.code,
      others: Object.keys(chunk.modules).filter((id) => id.includes('node_modules')),
    };
  } finally {
    await bundled.close();
  }
}

function isUpToDate({ sources, folder }) {
  const made = join(folder, 'browser.min.js');
  if (!existsSync(made)) return false;
  const { mtimeMs } = statSync(made);
  const inputs = [...sources, fileURLToPath(import.meta.url), join(root, 'package-lock.json')];
  return !inputs.some((path) => isNewer(path, mtimeMs));
}

/** Brings the bundles up to date; returns the exit code. */
export async function bundleForBrowsers() {
  try {
    for (const bundle of bundles) {
      if (isUpToDate(bundle)) continue;
      // A source that is changed while this runs is newer.
      const now = Date.now();
      for (const [file, minify] of [
        ['browser.js', false],
        ['browser.min.js', true],
      ]) {
        const { text, others } = await textOf(bundle, minify);
        put(join(bundle.folder, file), text, now);
        if (others.length > 0) put(join(bundle.folder, 'LICENSES.txt'), licencesOf(others, []));
      }
    }
    return 0;
  } catch (error) {
    console.error(error.message);
    return 1;
  }
}

/** Compiles these projects, all of them without a name, and brings the bundles up to date; returns the exit code. */
export async function buildAll(projects = []) {
  return build(projects) || (await bundleForBrowsers());
}

/** Octets of the minified bundle of a name, as it is and as a server sends it. */
export async function sizesOf(name) {
  const { gzipSync } = await import('node:zlib');
  const bundle = bundles.find((each) => each.name === name);
  const text = readFileSync(join(bundle.folder, 'browser.min.js'));
  return { minified: text.length, gzipped: gzipSync(text, { level: 9 }).length };
}
