// A Node binary and a bundle become one program: https://nodejs.org/docs/latest-v22.x/api/single-executable-applications.html
//
// Guarantees: the same bundle, assets, Node and maker make the same bytes; no path of this machine gets into them.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { binOf } from '../tool.mjs';
import { call } from './run-here.mjs';

/** By this Node knows whether it carries something: the digit after it. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** What V8 keeps would differ from build to build. V8 leaves both out of what it compares when it loads it. */
const REPRODUCIBLE = ['--predictable', '--random-seed=1'];

/**
 * Writes the program. `maker` is the command of a Node of the same version that runs here; where it is the target's own
 * Node, what V8 made of the text is kept as well, so that it is not compiled at each start.
 */
export function assemble({ program, node, maker, keepsCode, text, assets, platform }) {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-exe-'));
  try {
    makeBlob(folder, { maker, keepsCode, text, assets });
    mkdirSync(dirname(program), { recursive: true });
    // Not over a program that may be running.
    rmSync(program, { force: true });
    copyFileSync(node, program);
    chmodSync(program, 0o755);
    if (platform === 'win32') unsign(program);
    inject(program, join(folder, 'zeroth.blob'), platform);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeBlob(folder, { maker, keepsCode, text, assets }) {
  // These names are kept in the blob.
  writeFileSync(join(folder, 'zeroth.cjs'), text);
  const names = Object.keys(assets);
  for (const name of names) writeFileSync(join(folder, name), assets[name]);
  const config = {
    main: 'zeroth.cjs',
    output: 'zeroth.blob',
    disableExperimentalSEAWarning: true,
    useCodeCache: keepsCode,
    assets: Object.fromEntries(names.map((name) => [name, name])),
  };
  writeFileSync(join(folder, 'sea.json'), JSON.stringify(config));
  call([...maker, ...REPRODUCIBLE, '--experimental-sea-config', 'sea.json'], folder);
}

/**
 * Takes the signature of Node's makers off, which no longer fits and stands in the way of another one. For macOS postject
 * does it. It is the end of the file, and an entry of the header says where (PE format, "Attribute Certificate Table").
 */
function unsign(program) {
  const bytes = readFileSync(program);
  const header = bytes.readUInt32LE(0x3c);
  const entry = header + 24 + 112 + 4 * 8;
  if (bytes.toString('latin1', header, header + 4) !== 'PE\0\0' || bytes.readUInt16LE(header + 24) !== 0x20b)
    throw new Error(`${program} is no 64-bit program of Windows`);
  const begin = bytes.readUInt32LE(entry);
  if (begin === 0) return;
  if (begin + bytes.readUInt32LE(entry + 4) !== bytes.length)
    throw new Error(`the signature of ${program} is not its end`);
  bytes.fill(0, entry, entry + 8);
  writeFileSync(program, bytes.subarray(0, begin));
}

function inject(program, blob, platform) {
  const segment = platform === 'darwin' ? ['--macho-segment-name', 'NODE_SEA'] : [];
  const args = [program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE, ...segment];
  call([process.execPath, binOf('postject', 'postject'), ...args]);
  if (readFileSync(program).includes(`${FUSE}:0`))
    throw new Error(`${program} does not know what it carries`);
}
