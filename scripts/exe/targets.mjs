// The systems that an executable can be made for, and what each of them needs.
//
// Guarantees: everything that comes from the registry is named with its version and its SHA-512, those of Node in
// nodes.json, those of koffi in package-lock.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tool.mjs';

const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

// One version for all: the Node of this machine prepares what the others carry.
const nodes = readJson('scripts/exe/nodes.json');
const { packages: locked } = readJson('package-lock.json');

/** A Node is not to be had: no such target, or the registry is out of reach. Nothing is wrong with what is here. */
export class Unavailable extends Error {}

export const TARGETS = Object.keys(nodes.packages);

/** The target that this machine is. */
export const HOST = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

export function targetOf(name) {
  const node = nodes.packages[name];
  if (node === undefined) throw new Unavailable(`no Node is known for ${name}: ${TARGETS.join(', ')}`);
  const [system, arch] = name.split('-');
  const platform = system === 'win' ? 'win32' : system;
  const koffi = `@koromix/koffi-${platform}-${arch}`;
  const { version, integrity } = locked[`node_modules/${koffi}`];
  const windows = platform === 'win32';
  return {
    name,
    platform,
    node: { ...node, version: nodes.version, file: windows ? 'bin/node.exe' : 'bin/node' },
    koffi: { package: koffi, version, integrity, file: `${platform}_${arch}/koffi.node` },
    program: windows ? 'zeroth.exe' : 'zeroth',
  };
}
