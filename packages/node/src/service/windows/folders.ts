/**
 * The folders of a service, and who may do what in them.
 *
 * Guarantees: the data, which may hold secrets, is for the system, administrators and the service alone; nothing is
 * inherited from above, and what stood there before is theirs too. A folder that somebody made a link of is refused:
 * rights would go to another place. Accounts are named by identifiers, which are the same in every language.
 */

import { lstat, mkdir, rmdir } from 'node:fs/promises';
import { win32 } from 'node:path';
import { ZerothError } from '../../errors.ts';
import { must } from '../command.ts';
import type { Run, Step } from '../manager.ts';
import { ADMINISTRATORS, SYSTEM, USERS } from './sid.ts';

const ICACLS = win32.join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'icacls.exe');

/** Files and folders below get the same: object inherit, container inherit. */
const BELOW = '(OI)(CI)';
/** FILE_ALL_ACCESS for those who own the machine; on folders below, too. */
const OWNERS = `(A;OICI;FA;;;${SYSTEM})(A;OICI;FA;;;${ADMINISTRATORS})`;
const READ_EXECUTE = '0x1200a9';
const MODIFY = '0x1301bf';

export interface FolderTools {
  readonly run: Run;
  /** Gives a folder these rights (SDDL) in place of all it had. */
  readonly protect: (folder: string, sddl: string) => void;
}

/** The folder that all services of ours have in common: everybody may pass, nobody else may put something there. */
export function rootSteps(tools: FolderTools, folder: string): Step[] {
  const rights = `D:PAI${OWNERS}(A;;${READ_EXECUTE};;;${USERS})`;
  return [folderStep(folder), rightsStep(tools, folder, rights, false)];
}

/** A folder of one service, that it writes in. */
export function ownFolderSteps(tools: FolderTools, folder: string, sid: string): Step[] {
  const rights = `D:PAI${OWNERS}(A;OICI;${MODIFY};;;${sid})`;
  return [folderStep(folder), rightsStep(tools, folder, rights, true)];
}

/** Lets the service read a file, or make files in a folder; and takes it back. */
export function grantStep(run: Run, path: string, sid: string, right: 'R' | 'M'): Step {
  const words: [string, ...string[]] = [
    ICACLS,
    path,
    '/grant',
    `*${sid}:${right === 'M' ? BELOW : ''}(${right})`,
  ];
  return {
    what: line(words),
    perform: async () => void (await must(run, words)),
    undo: async () => void (await must(run, [ICACLS, path, '/remove:g', `*${sid}`])),
  };
}

/**
 * Lets the service look into a folder, where others may not do so already. Not into what is below: that may be somebody's
 * whole profile. A folder of Windows itself, where a terminal of an administrator opens, refuses that and needs none.
 */
export function lookStep(run: Run, folder: string, sid: string): Step {
  const words: [string, ...string[]] = [ICACLS, folder, '/grant', `*${sid}:(RX)`];
  return {
    what: line(words),
    perform: async () => void (await run(words[0], words.slice(1))),
    undo: async () => void (await run(ICACLS, [folder, '/remove:g', `*${sid}`])),
  };
}

export function folderStep(folder: string): Step {
  let made = false;
  return {
    what: `make the folder ${folder}`,
    async perform() {
      made = (await mkdir(folder, { recursive: true })) !== undefined;
      const { isDirectory } = await kindOf(folder);
      if (!isDirectory)
        throw new ZerothError(
          'FILE_FAILED',
          `${folder} is a link or a file: a service needs a folder of its own`,
        );
    },
    async undo() {
      // What is in use already stays.
      if (made) await rmdir(folder).catch(() => undefined);
    },
  };
}

async function kindOf(path: string): Promise<{ isDirectory: boolean }> {
  return { isDirectory: (await lstat(path)).isDirectory() };
}

function rightsStep({ run, protect }: FolderTools, folder: string, rights: string, whole: boolean): Step {
  // Whoever made the folder before us owns it, and an owner may give himself any right. Of a link: the link itself.
  const owner: [string, ...string[]] = [
    ICACLS,
    folder,
    '/setowner',
    `*${ADMINISTRATORS}`,
    ...(whole ? ['/T', '/C'] : []),
    '/L',
    '/Q',
  ];
  // What is in it goes by the folder's rights from now on. There may be nothing in it.
  const reset: [string, ...string[]] = [ICACLS, win32.join(folder, '*'), '/reset', '/T', '/C', '/L', '/Q'];
  return {
    what: `who may use ${folder}: the system, administrators, ${whole ? 'the service' : 'others to pass through'}`,
    content: [line(owner), `SetFileSecurityW ${rights}`, ...(whole ? [line(reset)] : [])].join('\n'),
    async perform() {
      await must(run, owner);
      // Not icacls /grant:r, which leaves what others gave themselves when the folder was theirs.
      protect(folder, rights);
      if (whole) await run(reset[0], reset.slice(1));
    },
  };
}

function line(words: readonly string[]): string {
  return words.map((word) => (/[\s*?()]/.test(word) ? `"${word}"` : word)).join(' ');
}
