/**
 * The data folder: it can be used, what disk it is on, how long a write takes to be on that disk, and who has it.
 *
 * Guarantees: streams are never read or written; what is tried is tried in a folder of its own, removed at the end.
 */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { streamsOf } from '../config/streams.ts';
import type { Config } from '../config/types.ts';
import { messageOf } from '../errors.ts';
import type { FileSystem } from '../store/files.ts';
import { realFiles, writeAt } from '../store/files.ts';
import { ownerOf } from '../store/lock.ts';
import type { CheckResult, ConfiguredSurroundings } from './check.ts';
import { codeOf, failure, millisecondWords, ok, plural, rounded, sizeWords, warning } from './check.ts';
import { diskOf } from './disk.ts';
import { withFolder } from './folder.ts';
import { tryPaths } from './paths.ts';
import { runningNodes } from './running.ts';

const WRITES = 20;
const BLOCK = 4096;
/** Milliseconds that all writes together may take. */
const WRITES_WITHIN = 900;
/** Milliseconds; a hard disk that turns takes 10. */
const SLOW = 25;
const HELD_UP = 500;
const INODES_LEAST = 1000;
/** Files that are counted; a stream has one or two for each 64 MiB. */
const FILES_MOST = 20_000;

export async function checkData(
  surroundings: ConfiguredSurroundings,
  files: FileSystem = realFiles,
): Promise<readonly CheckResult[]> {
  const { config } = surroundings.opened;
  const { dataDir } = config.node;
  const lock = await judgeLock(surroundings);
  try {
    const tried = await withFolder(dataDir, async (folder, made) => {
      const space = await judgeSpace(config);
      const written = await judgeWrites(folder, files);
      const paths = await tryPaths(folder, dataDir);
      const trouble = written.some(({ status }) => status === 'failure')
        ? null
        : await linkTrouble(folder, files);
      const text = `${dataDir} ${made ? 'can be made' : 'is there'} and written`;
      const figures = { dataDir, made };
      const usable =
        trouble === null
          ? ok('data', `${text}; files can be renamed, linked and synced`, figures)
          : failure(
              'data',
              `${text}, but ${trouble}`,
              'choose a folder on a local disk (node.dataDir)',
              figures,
            );
      return [usable, ...space, ...written, ...paths];
    });
    return [...lock, ...tried];
  } catch (error) {
    return [...lock, unusable(dataDir, error)];
  }
}

function unusable(dataDir: string, error: unknown): CheckResult {
  const code = codeOf(error);
  const figures = { dataDir, code };
  switch (code) {
    case 'EACCES':
    case 'EPERM': {
      const way =
        'give the user of the node the right to write there, or choose another folder (node.dataDir)';
      return failure('data', `${dataDir}: this user may not write there (${code})`, way, figures);
    }
    case 'EROFS':
      return failure(
        'data',
        `${dataDir} is on a file system for reading only`,
        'mount it for writing, or set node.dataDir',
        figures,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return failure(
        'data',
        `${dataDir}: the disk is full (${code})`,
        'make room, or set node.dataDir',
        figures,
      );
    case 'EEXIST':
    case 'ENOTDIR':
      return failure(
        'data',
        `${dataDir}: it, or what it should be in, is a file`,
        'remove the file, or set node.dataDir',
        figures,
      );
    default:
      return failure(
        'data',
        `${dataDir} can't be used: ${messageOf(error)}`,
        'choose another folder (node.dataDir)',
        figures,
      );
  }
}

async function judgeLock(surroundings: ConfiguredSurroundings): Promise<readonly CheckResult[]> {
  const { config } = surroundings.opened;
  const { dataDir, name } = config.node;
  try {
    const owner = await ownerOf(realFiles, dataDir, Date.now);
    if (owner === null) return [];
    const { pid, host } = owner;
    const figures = { dataDir, pid, host };
    const ours = (await runningNodes(surroundings)).some((node) => node.pid === pid && node.name === name);
    if (ours)
      return [ok('lock', `${dataDir} is in use by the running node ${name} (process ${pid})`, figures)];
    const since = new Date(owner.since).toISOString();
    const message = `${dataDir} is in use by process ${pid} on ${host}, since ${since}`;
    return [failure('lock', message, 'stop that node, or choose another folder (node.dataDir)', figures)];
  } catch (error) {
    // No folder, or one that can't be read: the rest says so.
    if (['ENOTDIR', 'EACCES', 'EPERM'].includes(codeOf(error))) return [];
    const way = 'remove the lock if no node uses the folder';
    return [failure('lock', messageOf(error), way, { dataDir })];
  }
}

export interface SpaceFacts {
  /** Octets. */
  readonly free: number;
  readonly size: number;
  /** Null: this file system has no limit of files. */
  readonly inodes: number | null;
  /** Octets that streams have by now. */
  readonly held: number;
}

async function judgeSpace(config: Config): Promise<readonly CheckResult[]> {
  const { dataDir } = config.node;
  const { bavail, bsize, blocks, files, ffree, type } = await statfs(dataDir);
  const held = await sizeOf(join(dataDir, 'streams'));
  const facts = { free: bavail * bsize, size: blocks * bsize, inodes: files > 0 ? ffree : null, held };
  return [judgeRoom(facts, config), diskOf(type, dataDir)];
}

export function judgeRoom({ free, size, inodes, held }: SpaceFacts, config: Config): CheckResult {
  const streams = streamsOf(config);
  const unlimited = streams.filter(({ retain }) => retain.bytes === 0).length;
  const kept = streams.reduce((sum, { retain }) => sum + retain.bytes, 0);
  const needed = Math.max(0, kept - held);
  const figures = { free, size, inodes, held, retained: kept, unlimited };
  const what = `${sizeWords(free)} free of ${sizeWords(size)}`;
  if (free < BLOCK * WRITES)
    return failure('space', `${what}: the disk is full`, 'make room, or set node.dataDir', figures);
  if (inodes !== null && inodes < INODES_LEAST) {
    const way = 'remove small files, or choose another file system (node.dataDir)';
    return warning('space', `${what}, but room for ${plural(inodes, 'file')} only`, way, figures);
  }
  if (free < config.health.diskFree)
    return warning(
      'space',
      `${what}, less than health.diskFree, ${sizeWords(config.health.diskFree)}`,
      'make room',
      figures,
    );
  if (needed > free) {
    const message = `${what}; retain.bytes of ${plural(streams.length, 'stream')} allow ${sizeWords(needed)} more than there is now`;
    return warning(
      'space',
      message,
      'lower retain.bytes, or use a larger disk: a full one stops its streams',
      figures,
    );
  }
  const keep =
    streams.length === 0
      ? 'no streams'
      : unlimited > 0
        ? `${plural(unlimited, 'stream')} without retain.bytes`
        : `streams take ${sizeWords(held)} and at most ${sizeWords(kept)}`;
  return ok('space', `${what}; ${keep}`, figures);
}

/** Octets of the files of all streams; as far as they can be counted. */
async function sizeOf(folder: string): Promise<number> {
  let [size, files] = [0, 0];
  for (const stream of await readdir(folder).catch(() => []))
    for (const name of await readdir(join(folder, stream)).catch(() => [])) {
      if (++files > FILES_MOST) return size;
      size += await stat(join(folder, stream, name)).then(
        (facts) => facts.size,
        () => 0,
      );
    }
  return size;
}

/** As the store writes. */
async function judgeWrites(folder: string, files: FileSystem): Promise<readonly CheckResult[]> {
  const times: number[] = [];
  const block = Buffer.alloc(BLOCK, 0x5a);
  try {
    const file = await files.open(join(folder, 'fsync'), 'durable');
    try {
      const began = performance.now();
      for (let i = 0; i < WRITES && performance.now() - began < WRITES_WITHIN; i++) {
        const from = performance.now();
        await writeAt(file, [block], i * BLOCK);
        times.push(performance.now() - from);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = codeOf(error);
    const way =
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'make room, or set node.dataDir'
        : 'check the disk and its log (dmesg)';
    return [failure('fsync', `a write to ${folder} fails: ${messageOf(error)}`, way, { code })];
  }
  return [judgeTimes(times)];
}

/** Milliseconds of each write of 4 KiB. */
export function judgeTimes(times: readonly number[]): CheckResult {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const worst = sorted.at(-1) ?? 0;
  const figures = { writes: times.length, median: rounded(median), worst: rounded(worst) };
  const message = `4 KiB are on the disk after ${millisecondWords(median)}, at worst ${millisecondWords(worst)} (${times.length} writes)`;
  if (median > SLOW)
    return warning(
      'fsync',
      `${message}: slow`,
      'use a local SSD, or fsync: interval, which a power cut may cost records',
      figures,
    );
  if (worst > HELD_UP)
    return warning(
      'fsync',
      `${message}: it is held up at times`,
      'see what else uses the disk (iostat, dmesg)',
      figures,
    );
  return ok('fsync', message, figures);
}

/** What the store does with names of files; null: all of it works. */
async function linkTrouble(folder: string, files: FileSystem): Promise<string | null> {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  let doing = 'made';
  try {
    for (const path of [one, two]) await (await files.open(path, 'write')).close();
    doing = 'renamed over another';
    await files.rename(one, two);
    doing = 'linked';
    await files.link(two, one);
    doing = 'synced with its folder';
    await files.syncFolder(folder);
    return null;
  } catch (error) {
    return `a file can't be ${doing}: ${messageOf(error)}`;
  }
}
