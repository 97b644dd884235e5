/**
 * The account of a systemd service, and what it may read and write.
 *
 * Guarantees: what the account can't run or read is found at install, not at the next boot.
 */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { ZerothError } from '../../errors.ts';
import { commandLine, commandStep, must } from '../command.ts';
import type { Run, ServiceSpec, Step } from '../manager.ts';

/** The system user of services that were given none. */
export const SYSTEM_USER = 'zeroth';

/** Makes the system user where it is missing. @throws ZerothError SERVICE_FAILED for a user of --user that is not there. */
export async function accountSteps(run: Run, user: string | null): Promise<readonly Step[]> {
  const name = user ?? SYSTEM_USER;
  const { code } = await run('id', ['-u', '--', name]);
  if (code === 0) return [];
  if (user !== null)
    throw new ZerothError(
      'SERVICE_FAILED',
      `there is no user ${user} for --user: make it first (useradd --system ${user})`,
    );
  const make = [
    'useradd',
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
  ] as const;
  return [commandStep(run, [...make, '--shell', '/usr/sbin/nologin', name], ['userdel', name])];
}

/** Asks as the account whether it may run the program and read its files. */
export function accessStep(run: Run, spec: ServiceSpec, user: string): Step {
  const [program] = spec.command;
  const wanted: readonly (readonly [test: string, path: string])[] = [
    ['-x', program],
    ...spec.command
      .slice(1)
      .flatMap((word) => (word.startsWith('/') && isFile(word) ? [['-r', word] as const] : [])),
    ...spec.reads.map((path) => ['-r', path] as const),
  ];
  const unique = [...new Map(wanted.map((each) => [each[1], each])).values()];
  return {
    what: `check that ${user} can read ${unique.map(([, path]) => path).join(', ')}`,
    perform: async () => {
      for (const [test, path] of unique) {
        const words = ['runuser', '-u', user, '--', 'test', test, path] as const;
        const { code } = await must(run, words, [1]);
        if (code !== 0) throw noAccess(user, test === '-x' ? 'run' : 'read', path);
      }
    },
  };
}

function noAccess(user: string, verb: 'run' | 'read', path: string): ZerothError {
  const way =
    verb === 'run'
      ? `install it where every user may run programs (/usr/local), or choose another account with --user`
      : `let it: ${commandLine(['chgrp', user, path])}; ${commandLine(['chmod', 'g+r', path])}, and the folders above (${dirname(path)}) must be open to it; or choose another account with --user`;
  return new ZerothError('SERVICE_FAILED', `the user ${user} can't ${verb} ${path}: ${way}`);
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
