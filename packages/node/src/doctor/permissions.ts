/**
 * Who may read what is secret, and as whom this runs.
 *
 * Guarantees: looks at permissions and never at what is in a file.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { OpenedConfig } from '../control/open.ts';
import type { CheckResult, ConfiguredSurroundings } from './check.ts';
import { codeOf, failure, ok, warning } from './check.ts';

/** For "others", and for the group and others. */
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;

/** Who this is. Tests hand in another. */
export interface Identity {
  /** Null: this system has no numbers for users. */
  readonly uid: number | null;
  readonly name: string;
}

export async function checkPermissions(
  { file, opened }: ConfiguredSurroundings,
  who: Identity = identity(),
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  const { tokenFile } = opened.config.admin;
  if (file !== null) results.push(...(await judgeFile(file, secretIn(opened))));
  if (tokenFile !== '') results.push(...(await judgeToken(tokenFile)));
  const figures = { user: who.name, uid: who.uid };
  if (who.uid === 0)
    results.push(
      warning(
        'permissions',
        'this runs as root',
        'run the node as a user of its own: zeroth service install makes one',
        figures,
      ),
    );
  const files = [...(file === null ? [] : [file]), ...(tokenFile === '' ? [] : [tokenFile])];
  const secrets = process.platform === 'win32' ? '' : ', and secrets not by everybody';
  const said = files.length === 0 ? 'no file is needed' : `files can be read${secrets}`;
  return results.length > 0 ? results : [ok('permissions', `user ${who.name}; ${said}`, figures)];
}

async function judgeFile(path: string, secret: boolean): Promise<readonly CheckResult[]> {
  if (process.platform === 'win32') return [];
  const mode = await stat(path).then(
    (facts) => (facts.isFile() ? facts.mode : 0),
    () => 0,
  );
  const figures = { path, mode: (mode & 0o777).toString(8), secret };
  if (secret && (mode & OTHERS_READ) !== 0)
    return [
      warning(
        'permissions',
        `${path} holds a secret, and everybody here can read it`,
        `chmod 640 ${path}`,
        figures,
      ),
    ];
  if ((mode & OTHERS_WRITE) !== 0)
    return [warning('permissions', `everybody here can change ${path}`, `chmod o-w ${path}`, figures)];
  return [];
}

async function judgeToken(path: string): Promise<readonly CheckResult[]> {
  try {
    await access(path, constants.R_OK);
    const { mode } = await stat(path);
    if (process.platform === 'win32' || (mode & OTHERS_READ) === 0) return [];
    const message = `${path} holds the token (admin.tokenFile), and everybody here can read it`;
    return [warning('permissions', message, `chmod 600 ${path}`, { path, mode: (mode & 0o777).toString(8) })];
  } catch (error) {
    const code = codeOf(error);
    const message = `${path} (admin.tokenFile) can't be read (${code})`;
    const way =
      code === 'ENOENT'
        ? 'make it, with 16 characters or more'
        : 'give the user of the node the right to read it';
    return [failure('permissions', message, way, { path, code })];
  }
}

/** Whether a secret of the configuration stands in the file itself. */
function secretIn({ config, texts }: OpenedConfig): boolean {
  const { admin, source, telemetry } = config;
  const secrets = [admin.token, source?.password, source?.token, telemetry?.headers];
  return secrets.some((secret) => secret !== undefined && secret !== '' && texts.file.text.includes(secret));
}

function identity(): Identity {
  const uid = process.getuid?.() ?? null;
  try {
    return { uid, name: userInfo().username };
  } catch {
    return { uid, name: `${uid ?? 'without a name'}` };
  }
}
