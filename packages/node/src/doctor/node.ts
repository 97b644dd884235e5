/**
 * The runtime: its version, what it is built for, how much memory and how many open files it may have.
 */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Config } from '../config/types.ts';
import { singleExecutable } from '../service/executable.ts';
import type { CheckResult, ConfiguredSurroundings } from './check.ts';
import { failure, ok, plural, sizeWords, warning } from './check.ts';
import { kernelText } from './kernel.ts';

/** `engines` of the package. */
export const NODE_LEAST: readonly [major: number, minor: number] = [20, 19];
const WIDE: ReadonlySet<string> = new Set(['x64', 'arm64', 'ppc64', 's390x', 'riscv64', 'loong64']);
const MIB = 1024 * 1024;
/** An idle node takes about half of it. */
const MEMORY_LEAST: number = 128 * MIB;
/** Files, pipes and sockets besides those of peers. */
const OWN_FILES = 200;

export interface RuntimeFacts {
  readonly version: string;
  readonly arch: string;
  readonly executable: boolean;
  /** Octets of V8's heap. */
  readonly heap: number;
  /** Octets that the group of processes may have; null: as much as there is. */
  readonly limit: number | null;
  readonly memory: number;
}

export function runtimeFacts(): RuntimeFacts {
  const memory = totalmem();
  // Without a limit it says nothing, 0, or more than there can be.
  const limit = process.constrainedMemory();
  return {
    version: process.versions.node,
    arch: process.arch,
    executable: singleExecutable() !== null,
    heap: getHeapStatistics().heap_size_limit,
    limit: limit > 0 && limit < memory ? limit : null,
    memory,
  };
}

export function judgeRuntime(facts: RuntimeFacts): CheckResult {
  const { version, arch, executable, heap, limit, memory } = facts;
  const figures = { version, arch, executable, heap, memoryLimit: limit, memory };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor, needMinor] = NODE_LEAST;
  const what = `Node ${version}, ${arch}, ${executable ? 'one executable' : 'from a package'}`;
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    const way = `install Node ${needMajor}.${needMinor} or later, or use the executable, which has its own`;
    return failure('node', `${what}: too old`, way, figures);
  }
  if (!WIDE.has(arch))
    return warning(
      'node',
      `${what}: no 64 bit`,
      'install Node for 64 bit: memory ends at 2 GiB here',
      figures,
    );
  const room = limit === null ? `${sizeWords(memory)} memory` : `memory limited to ${sizeWords(limit)}`;
  if ((limit ?? memory) < MEMORY_LEAST)
    return warning(
      'node',
      `${what}; ${room}`,
      `allow the process ${sizeWords(MEMORY_LEAST)} or more (MemoryMax= of the unit, --memory of the container)`,
      figures,
    );
  if (limit !== null && heap > limit)
    return warning(
      'node',
      `${what}; ${room}, and a heap that may grow to ${sizeWords(heap)}`,
      `NODE_OPTIONS=--max-old-space-size=${Math.floor(limit / MIB / 2)} leaves the other half for messages`,
      figures,
    );
  return ok('node', `${what}; ${room}, heap up to ${sizeWords(heap)}`, figures);
}

export async function checkNode(): Promise<readonly CheckResult[]> {
  return [judgeRuntime(runtimeFacts())];
}

/** Connections that the configuration allows; `unlimited`: some of it has no limit. */
function connectionsOf({ routes, sessions, admin }: Config): { count: number; unlimited: boolean } {
  let count = admin.bind.length * 100 + (sessions?.maxSessions ?? 0);
  for (const { maxPeers, frontend, backend } of routes)
    count += maxPeers * 2 + frontend.bind.length + backend.bind.length;
  return { count, unlimited: routes.some(({ maxPeers }) => maxPeers === 0) };
}

/** `limit`: of open files; null: the system has none. */
export function judgeFiles(limit: number | null, config: Config): CheckResult {
  const { count, unlimited } = connectionsOf(config);
  const figures = { limit, connections: count, unlimited };
  const wanted = `${plural(count, 'connection')}${unlimited ? ' and more' : ''} by maxPeers and maxSessions`;
  if (limit === null)
    return ok('files', `no limit of open files here; the configuration allows ${wanted}`, figures);
  const message = `${plural(limit, 'open file')} at most; the configuration allows ${wanted}`;
  if (limit >= count + OWN_FILES) return ok('files', message, figures);
  const way = `raise the limit (LimitNOFILE= of the unit, ulimit -n) to ${count + OWN_FILES}, or lower maxPeers and maxSessions`;
  return warning('files', message, way, figures);
}

/** The limit that counts is the upper one: Node raises its own to that. */
export function filesLimitOf(limits: string): number | null {
  const [, upper] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? [];
  return upper === undefined || upper === 'unlimited' ? null : Number(upper);
}

export async function checkFiles({ opened }: ConfiguredSurroundings): Promise<readonly CheckResult[]> {
  const limits = await kernelText('/proc/self/limits');
  // macOS and Windows: launchd's and the system's own figures are far above.
  return [judgeFiles(filesLimitOf(limits), opened.config)];
}
