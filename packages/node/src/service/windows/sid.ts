/**
 * The accounts of Windows, by their security identifiers: names differ from language to language, these don't.
 */

import { createHash } from 'node:crypto';
import { ZerothError } from '../../errors.ts';

export const SYSTEM = 'S-1-5-18';
export const ADMINISTRATORS = 'S-1-5-32-544';
export const USERS = 'S-1-5-32-545';

/**
 * The identifier of a service itself: the hash of its name, so it is known before the service is there. A service of type
 * "unrestricted" has it whichever account it runs under, and nobody else has it.
 */
export function serviceSid(name: string): string {
  const hash = createHash('sha1').update(Buffer.from(name.toUpperCase(), 'utf16le')).digest();
  const parts = [0, 4, 8, 12, 16].map((at) => hash.readUInt32LE(at));
  return `S-1-5-80-${parts.join('-')}`;
}

const BUILT_IN = new Map<string, string>([
  ['system', 'LocalSystem'],
  ['localsystem', 'LocalSystem'],
  ['nt authority\\system', 'LocalSystem'],
  ['localservice', 'NT AUTHORITY\\LocalService'],
  ['nt authority\\localservice', 'NT AUTHORITY\\LocalService'],
  ['nt authority\\local service', 'NT AUTHORITY\\LocalService'],
  ['networkservice', 'NT AUTHORITY\\NetworkService'],
  ['nt authority\\networkservice', 'NT AUTHORITY\\NetworkService'],
  ['nt authority\\network service', 'NT AUTHORITY\\NetworkService'],
]);

/** The account of a service, as CreateServiceW takes it. @throws ZerothError USAGE: it needs a password. */
export function accountOf(user: string | null, name: string): string {
  if (user === null) return `NT SERVICE\\${name}`;
  const known = BUILT_IN.get(user.toLowerCase());
  if (known !== undefined) return known;
  // A virtual account, or one whose password Windows itself keeps (gMSA).
  if (/^nt service\\./i.test(user) || /^[^\\]+\\[^\\]+\$$/.test(user)) return user;
  throw new ZerothError(
    'USAGE',
    `${user} needs a password, and a command line is no place for one: take NT SERVICE\\${name} (the default), LocalService, ` +
      'NetworkService, LocalSystem or a group managed account (DOMAIN\\NAME$), or set the account in services.msc afterwards',
  );
}
