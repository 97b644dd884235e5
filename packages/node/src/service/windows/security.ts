/**
 * Who may do what, in SDDL: a text that is the same in every language of Windows.
 *
 * Guarantees: a list replaces the one that was there, whoever was on it; what the system gives us is freed.
 */

import { ZerothError } from '../../errors.ts';
import { loadKoffi } from '../koffi.ts';
import { systemText } from './words.ts';

/** DACL_SECURITY_INFORMATION */
export const RIGHTS_ONLY = 4;

/** `use` gives an error number of the system; 0: done. @throws ZerothError SERVICE_FAILED. */
export function withDescriptor(sddl: string, use: (descriptor: bigint) => number): number {
  const advapi32 = loadKoffi().load('advapi32.dll');
  const kernel32 = loadKoffi().load('kernel32.dll');
  const parse = advapi32.func(
    'int __stdcall ConvertStringSecurityDescriptorToSecurityDescriptorW(str16 text, uint32_t revision, _Out_ void **descriptor, void *size)',
  ) as (text: string, revision: number, descriptor: [bigint | null], size: null) => number;
  const free = kernel32.func('void *__stdcall LocalFree(void *memory)') as (memory: bigint) => unknown;
  const descriptor: [bigint | null] = [null];
  if (parse(sddl, 1, descriptor, null) === 0 || descriptor[0] === null)
    throw new ZerothError('SERVICE_FAILED', `${sddl} are no rights: ${systemText(lastError())}`);
  try {
    return use(descriptor[0]);
  } finally {
    free(descriptor[0]);
  }
}

/** Of a folder itself; what is in it does not change. @throws ZerothError SERVICE_FAILED. */
export function protectFolder(folder: string, sddl: string): void {
  const setSecurity = loadKoffi()
    .load('advapi32.dll')
    .func('int __stdcall SetFileSecurityW(str16 path, uint32_t what, void *descriptor)') as (
    path: string,
    what: number,
    descriptor: bigint,
  ) => number;
  const error = withDescriptor(sddl, (descriptor) =>
    setSecurity(folder, RIGHTS_ONLY, descriptor) === 0 ? lastError() : 0,
  );
  if (error !== 0)
    throw new ZerothError('SERVICE_FAILED', `SetFileSecurityW ${folder}: ${systemText(error)}`);
}

/** Koffi keeps it from one call to the next, whatever Node does in between. */
function lastError(): number {
  const get = loadKoffi().load('kernel32.dll').func('uint32_t __stdcall GetLastError()') as () => number;
  return get();
}
