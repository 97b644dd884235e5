/**
 * The data folder of a service on Unix, made for its account or handed over to it.
 *
 * Guarantees: only what is a node's is handed over, never a folder of another program; no link leads elsewhere, and nobody
 * but root (or who called sudo) can put one in its way; what was handed over is given back when a later step fails.
 */
import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ZerothError } from '../errors.ts';
import { commandLine, commandStep } from './command.ts';
import type { Run, Step } from './manager.ts';

/** What a node has in its data folder. */
const OWN = /^(streams|config|lock(\.[0-9a-f]+)?|lost\+found)$/;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o022;

/** @throws ZerothError SERVICE_FAILED for a folder that is not given away. */
export async function dataSteps(run: Run, folder: string, user: string): Promise<readonly Step[]> {
  const there = lstatSync(folder, { throwIfNoEntry: false });
  const own = ['chown', '-h', `${user}:`, folder] as const;
  if (there === undefined) {
    checkAbove(folder, user);
    const make = ['install', '-d', '-m', '0750', '-o', user, folder] as const;
    return [commandStep(run, make, ['rmdir', folder]), commandStep(run, own)];
  }
  if (there.isSymbolicLink())
    throw refused(folder, `is a link: give node.dataDir the folder itself, ${realpathSync(folder)}`);
  if (!there.isDirectory()) throw refused(folder, 'is a file: choose another node.dataDir');
  const { code, stdout } = await run('id', ['-u', '--', user]);
  if (code === 0 && stdout.trim() === String(there.uid)) return [];
  checkAbove(folder, user);
  const strange = strangeIn(folder);
  if (strange !== undefined)
    throw refused(
      folder,
      `has ${JSON.stringify(strange)} in it, which is not of a node: choose another node.dataDir, or give it to the account yourself: ${commandLine(own)}`,
    );
  // Without -h and -L, -R goes through no link.
  return [
    commandStep(
      run,
      ['chown', '-R', '-P', `${user}:`, folder],
      ['chown', '-R', '-P', `${there.uid}:${there.gid}`, folder],
    ),
  ];
}

/** Whoever can write above it could put a link there before it is handed over. */
function checkAbove(folder: string, user: string): void {
  const trusted = new Set([0, process.getuid?.() ?? 0, Number(process.env.SUDO_UID ?? 0)]);
  for (let at = dirname(folder); ; at = dirname(at)) {
    const stat = statSync(at, { throwIfNoEntry: false });
    // What is missing is made by root.
    if (stat !== undefined && !(trusted.has(stat.uid) && isClosed(stat.mode)))
      throw refused(
        folder,
        `is below ${at}, where others can write: make it yourself (${commandLine(['install', '-d', '-m', '0750', '-o', user, folder])}), or choose another node.dataDir`,
      );
    if (dirname(at) === at) return;
  }
}

function isClosed(mode: number): boolean {
  return (mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0;
}

/** Something in a folder that no node has put there. */
export function strangeIn(folder: string): string | undefined {
  return entriesOf(folder).find((name) => !OWN.test(name));
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A plan that somebody looks at who is not root.
    return [];
  }
}

function refused(folder: string, why: string): ZerothError {
  return new ZerothError('SERVICE_FAILED', `the data folder ${folder} ${why}`);
}
