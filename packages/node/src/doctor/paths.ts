/**
 * Paths as people have them: spaces, characters of every language, long ones, and names that Windows keeps for itself.
 */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { CheckResult } from './check.ts';
import { codeOf, failure, ok, warning } from './check.ts';

/** A composed character, which some file systems take apart. */
const NAME = 'of a plant, Werk Süd 数据 é';
/** Windows ends at 260 without long paths. */
const LONG = 300;
const RESERVED = /^(con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³])(\..*)?$|[. ]$|[<>"|?*]/i;

/** Tries them in `folder`, which is removed by who made it. */
export async function tryPaths(folder: string, dataDir: string): Promise<readonly CheckResult[]> {
  const bad = reservedIn(dataDir);
  if (bad !== null) {
    const way = 'choose another name for the folder (node.dataDir)';
    return [failure('paths', `${dataDir}: Windows has no folder of the name "${bad}"`, way, { dataDir })];
  }
  const troubles: string[] = [];
  const exact = await trouble(async () => {
    const path = join(folder, NAME);
    await writeFile(path, NAME);
    if ((await readFile(path, 'utf8')) !== NAME) throw new Error('another file was read');
    if (!(await readdir(folder)).includes(NAME)) throw new Error('the name is listed in another form');
  });
  if (exact !== null) troubles.push(`spaces and characters of all languages (${exact})`);
  const long = await trouble(async () => {
    let path = folder;
    while (path.length < LONG) path = join(path, 'long'.repeat(20));
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'file'), '');
  });
  if (long !== null) troubles.push(`more than ${LONG} characters (${long})`);
  const sensitive = await isCaseSensitive(folder);
  const figures = {
    dataDir,
    absolute: isAbsolute(dataDir),
    unicode: exact === null,
    long: long === null,
    caseSensitive: sensitive,
  };
  if (troubles.length > 0) {
    const way = 'keep folders short and of plain letters, or use another file system (node.dataDir)';
    return [warning('paths', `there are no paths with ${troubles.join(' and ')} here`, way, figures)];
  }
  const cases = sensitive ? 'case counts' : 'case does not count';
  return [ok('paths', `long paths, spaces and characters of all languages work; ${cases}`, figures)];
}

/** A folder of the path that Windows can't have; null: there is none, or this is another system. */
export function reservedIn(path: string, platform: NodeJS.Platform = process.platform): string | null {
  if (platform !== 'win32') return null;
  const names = path.replace(/^[a-z]:|^[\\/]{2}[.?][\\/]/i, '').split(/[\\/]/);
  return names.find((name) => RESERVED.test(name)) ?? null;
}

async function trouble(attempt: () => Promise<void>): Promise<string | null> {
  try {
    await attempt();
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

async function isCaseSensitive(folder: string): Promise<boolean> {
  await writeFile(join(folder, 'case'), '').catch(() => {});
  return stat(join(folder, 'CASE')).then(
    () => false,
    () => true,
  );
}
