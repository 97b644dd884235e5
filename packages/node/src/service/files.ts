/**
 * Steps that write and remove files of service managers.
 *
 * Guarantees: a file is there whole or not at all; taking a step back leaves what was there before.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, ZerothError } from '../errors.ts';
import type { Step } from './manager.ts';

/** Writes a file that is not there yet. `shown`: what a plan shows of it, where there may be secrets in it. */
export function writeStep(path: string, content: string, mode: number, shown: string = content): Step {
  return {
    what: `write ${path}`,
    content: shown,
    perform: () =>
      saying(`write ${path}`, () => {
        mkdirSync(dirname(path), { recursive: true });
        const draft = `${path}.new`;
        rmSync(draft, { force: true });
        writeFileSync(draft, content, { mode, flag: 'wx' });
        renameSync(draft, path);
      }),
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
    undo: () => saying(`write ${path}`, () => writeFileSync(path, before ?? '', { mode })),
  };
}

function saying(what: string, work: () => void): Promise<void> {
  try {
    work();
    return Promise.resolve();
  } catch (cause) {
    return Promise.reject(new ZerothError('SERVICE_FAILED', `can't ${what}: ${messageOf(cause)}`, { cause }));
  }
}
