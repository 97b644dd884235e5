/**
 * What somebody typed -> what is installed.
 *
 * Guarantees: a spec that comes back has a name that is a file name on every system, absolute paths, a data folder that
 * may be its own, and no text that could break out of the file that a service manager reads.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { ZerothError } from '../errors.ts';
import type { ServiceSpec } from './manager.ts';

/** Folders that belong to more than one program: none of them is given to a service. */
const SHARED: ReadonlySet<string> = new Set(
  [
    '/ /bin /boot /dev /etc /home /lib /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/local /usr/local/bin',
    '/var /var/cache /var/lib /var/log /var/run /var/tmp /Applications /Library /System /Users /Volumes /private',
  ].flatMap((line) => line.split(' ')),
);

/** The name of a service that was given none. */
export const DEFAULT_NAME = 'zeroth';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MAX_TEXT = 1024;
const MAX_ARGUMENTS = 256;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f\u0085\u2028\u2029]/;

/** @throws ZerothError USAGE for what can't be a name. */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw usage(
    `a service name is 1 to 64 letters, digits, ".", "_" or "-", and begins with a letter or digit, not ${quoted(name)}`,
  );
}

/** Everything of a spec as it was typed; `environment` as `KEY=VALUE`. */
export interface SpecInput extends Omit<ServiceSpec, 'environment'> {
  readonly environment: readonly string[];
}

/** @throws ZerothError USAGE: says what can't be. */
export function buildSpec(input: SpecInput): ServiceSpec {
  const { displayName, description, user, command, folder, dataDir, reads, writes } = input;
  checkName(input.name);
  checkText('the display name', displayName);
  checkText('the description', description);
  if (command.length > MAX_ARGUMENTS) throw usage(`a service has at most ${MAX_ARGUMENTS} arguments`);
  for (const word of command) checkText('an argument of the command', word, 32 * MAX_TEXT);
  // DOMAIN\name and name@domain on Windows, NT SERVICE\name, name elsewhere.
  if (user !== null && !/^[A-Za-z0-9_.][\w .@\\$-]{0,255}$/.test(user))
    throw usage(`${quoted(user)} is no name of a user`);
  for (const path of [command[0], folder, ...(dataDir === null ? [] : [dataDir]), ...reads, ...writes])
    checkPath(path);
  if (dataDir !== null) checkDataDir(dataDir);
  return { ...input, environment: environmentOf(input.environment) };
}

function environmentOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const key = at === -1 ? pair : pair.slice(0, at);
    // The value may be a secret: it is not repeated.
    if (at === -1 || !/^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(key))
      throw usage(`--env takes KEY=VALUE, not ${quoted(key)}`);
    const value = pair.slice(at + 1);
    if (CONTROL.test(value) || value.length > 32 * MAX_TEXT)
      throw usage(
        `the value of --env ${key} has control characters, or more than ${32 * MAX_TEXT} characters`,
      );
    environment[key] = value;
  }
  return environment;
}

function checkText(what: string, text: string, max = MAX_TEXT): void {
  if (CONTROL.test(text)) throw usage(`${what} has control characters: ${quoted(text)}`);
  if (text.length > max) throw usage(`${what} has more than ${max} characters`);
}

function checkPath(path: string): void {
  if (!isAbsolute(path)) throw usage(`${quoted(path)} is no absolute path`);
  checkText('a path', path, 4 * MAX_TEXT);
  // The files of service managers take these at the end of a line for something else.
  if (process.platform !== 'win32' && /[\s\\]$/.test(path))
    throw usage(`${quoted(path)} ends with a space or a backslash`);
}

/** It becomes the service's own, with all that is in it. */
function checkDataDir(path: string): void {
  const folder = resolve(path);
  if (SHARED.has(folder) || dirname(folder) === folder || /^\/(home|Users)\/[^/]+$/.test(folder))
    throw usage(`${folder} is not for one service alone: give it a folder of its own (node.dataDir)`);
}

/**
 * A command as it was typed here -> one that means the same anywhere: the program is looked up, files that are named from
 * here get their whole path. @throws ZerothError USAGE for what can't be resolved.
 */
export function resolveCommand(
  words: readonly string[],
  { folder, path }: { readonly folder: string; readonly path: string },
): readonly [program: string, ...arguments_: string[]] {
  const [program, ...rest] = words;
  if (program === undefined || program === '') throw usage('the command after -- is empty');
  const found = /[/\\]/.test(program) ? resolve(folder, program) : lookUp(program, path);
  if (found === null || !isFile(found))
    throw usage(`there is no program ${quoted(program)}; give its whole path`);
  return [found, ...rest.map((word) => resolveArgument(word, folder))];
}

function resolveArgument(word: string, folder: string): string {
  if (word === '' || word.startsWith('-') || isAbsolute(word)) return word;
  const path = resolve(folder, word);
  if (existsSync(path)) return path;
  // What looks like a path from here, or a script, would mean another place there.
  if (/^\.\.?[/\\]|^[^=:]*\.[cm]?[jt]s$/.test(word))
    throw usage(`there is no ${path}: a service runs in another folder, and can't find ${quoted(word)}`);
  return word;
}

function lookUp(program: string, path: string): string | null {
  const endings = process.platform === 'win32' ? ['', '.exe'] : [''];
  for (const folder of path.split(delimiter).filter((each) => isAbsolute(each)))
    for (const ending of endings) {
      const file = join(folder, `${program}${ending}`);
      if (isFile(file)) return file;
    }
  return null;
}

function isFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

function usage(message: string): ZerothError {
  return new ZerothError('USAGE', message);
}
