/**
 * Steps that write and remove files of service managers.
 *
 * Guarantees: a file is there whole or not at all; taking a step back leaves what was there before.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, ZerothError } from '../errors.ts';
import type { Step } from './manager.ts';

/** Writes a file that is not there yet. `shown`: what a plan shows of it, where there may be secrets in it. */
export function writeStep(path: string, content: string, mode: number, shown: string = content): Step {
  return {
    what: `write ${path}`,
    content: shown,
    perform: () => saying(`write ${path}`, () => place(path, content, mode)),
    undo: () => saying(`remove ${path}`, () => rmSync(path, { force: true })),
  };
}

/** Removes a file. */
export function removeStep(path: string, mode: number): Step {
  let before: Buffer | null = null;
  return {
    what: `remove ${path}`,
    perform: () =>
      saying(`remove ${path}`, () => {
        before = readFileSync(path);
        rmSync(path);
      }),
    undo: () => saying(`write ${path}`, () => place(path, before ?? '', mode)),
  };
}

function place(path: string, content: string | Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  try {
    writeFileSync(draft, content, { mode, flag: 'wx' });
    // Whatever the umask of root is: others read it for status.
    chmodSync(draft, mode);
    renameSync(draft, path);
  } catch (error) {
    // There may be secrets in it.
    rmSync(draft, { force: true });
    throw error;
  }
}

function saying(what: string, work: () => void): Promise<void> {
  try {
    work();
    return Promise.resolve();
  } catch (cause) {
    return Promise.reject(new ZerothError('SERVICE_FAILED', `can't ${what}: ${messageOf(cause)}`, { cause }));
  }
}
