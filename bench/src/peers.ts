/**
 * Who can be measured on this machine: the programs, their versions, and why one is missing.
 *
 * Guarantees: a peer that is not there has a reason that the table shows; nothing is installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildLibzmqWs } from './libzmq-ws.ts';

/** How to start a side of a measurement, or why it cannot be. */
export type Peer =
  | {
      readonly name: string;
      readonly command: readonly string[];
      readonly version: string;
      readonly missing: null;
    }
  | { readonly name: string; readonly command: null; readonly version: null; readonly missing: string };

export interface Peers {
  readonly zeroth: Peer;
  readonly zeromqJs: Peer;
  readonly libzmq: Peer;
  /** With the ws transport, which Debian's has not. */
  readonly libzmqWs: Peer;
  /** `zeroth run`. */
  readonly node: Peer;
  /** `zeroth run` of the executable for this machine. */
  readonly executable: Peer;
  readonly natsServer: Peer;
  /** Drivers of core NATS over its Node client. */
  readonly natsClient: Peer;
  /** Drivers of durable streams. */
  readonly client: Peer;
  /** What tells the memory of another process. */
  readonly residentSizes: Peer;
  /** What tells the most that another process ever had. */
  readonly peakMemory: Peer;
}

const here = dirname(fileURLToPath(import.meta.url));
/** Root of the repository: this file runs as bench/.out/src/peers.js. */
export const root: string = join(here, '..', '..', '..');
const require = createRequire(import.meta.url);

function absent(name: string, missing: string): Peer {
  return { name, command: null, version: null, missing };
}

/** Not a program, but something that a row cannot be without. */
function present(name: string): Peer {
  return { name, command: [], version: '', missing: null };
}

function run(command: string, args: readonly string[]): { ok: boolean; text: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  return { ok: status === 0 && error === undefined, text: `${stdout ?? ''}${stderr ?? ''}`.trim() };
}

const outputs: string = join(root, 'bench', '.build');

/** Compiles bench/c when it is newer than the program. */
function buildC(file: string, library: readonly string[]): Peer {
  const name = 'libzmq in C';
  const sources = join(root, 'bench', 'c');
  const program = join(outputs, file);
  const files = readdirSync(sources).map((file) => join(sources, file));
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs));
  if (!existsSync(program) || statSync(program).mtimeMs < newest) {
    if (!run('cc', ['--version']).ok) return absent(name, 'no C compiler (cc)');
    mkdirSync(dirname(program), { recursive: true });
    const units = files.filter((file) => file.endsWith('.c'));
    const { ok, text } = run('cc', ['-O2', '-o', program, ...units, ...library, '-lpthread']);
    if (!ok) return absent(name, /zmq\.h|-lzmq/.test(text) ? 'libzmq3-dev missing' : `cc failed: ${text}`);
  }
  const version = run(program, ['version']);
  return version.ok
    ? { name, command: [program], version: version.text, missing: null }
    : absent(name, 'the program in bench/c does not start');
}

function buildWs(): Peer {
  const { flags, missing } = buildLibzmqWs(outputs);
  return flags === null ? absent('libzmq in C', missing) : buildC('zmqbench-ws', flags);
}

function versionOf(module: string): string | null {
  // Not every package exports its package.json.
  for (const folder of require.resolve.paths(module) ?? []) {
    const file = join(folder, module, 'package.json');
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return null;
}

function driver(name: string, lib: string, module: string, entry: string | null): Peer {
  const version = versionOf(module);
  if (version === null) return absent(name, `npm package ${module} missing`);
  if (entry !== null && !existsSync(entry)) return absent(name, `${module} is not built`);
  const command = [process.execPath, join(here, 'driver', 'main.js'), '--lib', lib];
  return { name, command, version, missing: null };
}

/** scripts/bench.mjs builds it for the rows that are about it. */
function findExecutable(version: string | null): Peer {
  const windows = process.platform === 'win32';
  const target = `${windows ? 'win' : process.platform}-${process.arch}`;
  const program = join(root, 'build', 'exe', target, windows ? 'zeroth.exe' : 'zeroth');
  return version === null || !existsSync(program)
    ? absent('executable', `no executable for ${target}: npm run build:exe`)
    : { name: 'executable', command: [program, 'run'], version, missing: null };
}

/** `ws`: rows of ws are wanted, so that what they need may be built. */
export function findPeers(ws: boolean): Peers {
  const zmqEntry = join(root, 'packages', 'zmq', 'dist', 'index.js');
  const nodeEntry = join(root, 'packages', 'node', 'dist', 'cli', 'main.js');
  const zeroth = driver('@zeroth/zmq', 'zeroth', '@zeroth/zmq', zmqEntry);
  const clientEntry = join(root, 'packages', 'client', 'dist', 'index.js');
  const nodeVersion = versionOf('zeroth');
  const nats = run('nats-server', ['--version']);
  return {
    zeroth,
    zeromqJs: driver('zeromq.js', 'zeromq.js', 'zeromq', null),
    libzmq: buildC('zmqbench', ['-lzmq']),
    libzmqWs: ws ? buildWs() : absent('libzmq in C', 'not built'),
    node:
      nodeVersion === null || !existsSync(nodeEntry)
        ? absent('zeroth run', 'packages/node is not built')
        : {
            name: 'zeroth run',
            command: [process.execPath, nodeEntry, 'run'],
            version: nodeVersion,
            missing: null,
          },
    executable: findExecutable(nodeVersion),
    natsServer: nats.ok
      ? {
          name: 'nats-server',
          command: ['nats-server'],
          version: nats.text.replace(/^.*v/, ''),
          missing: null,
        }
      : absent('nats-server', 'nats-server missing'),
    natsClient: driver('NATS', 'none', 'nats', null),
    client: driver('@zeroth/client', 'none', '@zeroth/client', clientEntry),
    residentSizes:
      process.platform === 'linux' || run('ps', ['-o', 'rss=', '-p', String(process.pid)]).ok
        ? present('resident sizes')
        : absent('resident sizes', 'no /proc and no ps'),
    peakMemory: process.platform === 'linux' ? present('peak memory') : absent('peak memory', 'no /proc'),
  };
}

/** Room for files of the benchmark. */
export function diskSpace(gigabytes: number): Peer {
  const { bavail, bsize } = statfsSync(tmpdir());
  const free = (bavail * bsize) / 1e9;
  return free >= gigabytes
    ? present('disk space')
    : absent('disk space', `${gigabytes} GB needed in ${tmpdir()}, ${free.toFixed(1)} GB free`);
}

/** The version of libzmq inside the npm package. */
export function libzmqOfZeromqJs(): string {
  try {
    return (require('zeromq') as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
