// The licences of everything that is inside of an executable, as the packages themselves state them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';

const LICENCE = /^(licen[cs]e|copying|notice)/i;

/** The folder of the package that a file belongs to; null: the bundler wrote it itself. */
function packageOf(file) {
  if (!isAbsolute(file)) return null;
  let folder = dirname(file);
  while (!isPackage(folder)) {
    const above = dirname(folder);
    if (above === folder) return null;
    folder = above;
  }
  return folder;
}

/** A package.json without a name only says how its folder is to be read. */
function isPackage(folder) {
  const file = join(folder, 'package.json');
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name !== undefined;
}

/** One text for these files of bundled modules and these folders of packages. */
export function licencesOf(files, folders) {
  const found = new Set([...files.flatMap((file) => packageOf(file) ?? []), ...folders]);
  const parts = [...found].map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const texts = readdirSync(folder)
      .filter((file) => LICENCE.test(file))
      .sort()
      .map((file) => readFileSync(join(folder, file), 'utf8').trim());
    return { title: `${name} ${version}: ${license}`, text: texts.join('\n\n') };
  });
  const rule = '='.repeat(80);
  return parts
    .sort((a, b) => (a.title < b.title ? -1 : 1))
    .map(({ title, text }) => `${rule}\n${title}\n${rule}\n${text}\n`)
    .join('\n');
}
