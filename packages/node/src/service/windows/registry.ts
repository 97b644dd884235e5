/**
 * The registry of this machine (HKEY_LOCAL_MACHINE): what a service is given, where its events come from, and which services
 * are ours.
 *
 * Guarantees: each handle that is opened is closed; what is read has a limit; a key that is not there reads as null.
 */

import { ZerothError } from '../../errors.ts';
import { loadKoffi } from '../koffi.ts';
import { ERROR } from './codes.ts';
import { RIGHTS_ONLY, withDescriptor } from './security.ts';
import { systemText } from './words.ts';

type Handle = bigint;

/** HKEY_LOCAL_MACHINE, as a pointer of 64 bits has it: sign-extended. */
const MACHINE: Handle = process.arch === 'ia32' ? 0x80000002n : 0xffffffff80000002n;
const SERVICES = 'SYSTEM\\CurrentControlSet\\Services';
/** Bytes of a value at most. */
const LIMIT = 64 * 1024;

const TYPE = { text: 1, expanded: 2, number: 4, list: 7 } as const;
const ACCESS = { read: 0x20019, write: 0x20006, writeRights: 0x40000 } as const;

/** What a value may be; `expand`: with %NAMES% in it. */
export type RegistryValue = string | number | readonly string[] | { readonly expand: string };

/** Where the service control manager keeps a service. */
export function serviceKey(name: string): string {
  return `${SERVICES}\\${name}`;
}

/** Where Event Viewer looks for the texts of a source. */
export function eventSourceKey(name: string): string {
  return `${SERVICES}\\EventLog\\Application\\${name}`;
}

/** What the service control manager does not pass on, or not everywhere: see install.ts. */
export function readServiceValues(name: string): { environment: string[]; folder: string | null } {
  const registry = openRegistry();
  const environment = registry.read(serviceKey(name), 'Environment');
  const folder = registry.read(`${serviceKey(name)}\\Parameters`, 'Folder');
  return {
    environment: Array.isArray(environment) ? environment : [],
    folder: typeof folder === 'string' ? folder : null,
  };
}

export interface Registry {
  /** Null: there is no such key or value, or nobody lets us read it. */
  read(key: string, value: string): string | number | string[] | null;
  /** Makes the key if needed. @throws ZerothError SERVICE_FAILED. */
  write(key: string, values: Readonly<Record<string, RegistryValue>>): void;
  /** Sets who may do what with the key, in SDDL. @throws ZerothError SERVICE_FAILED. */
  protect(key: string, sddl: string): void;
  /** With all that is in it; one that is not there is fine. @throws ZerothError SERVICE_FAILED. */
  remove(key: string): void;
  /** The keys in a key. */
  keys(key: string): string[];
}

let opened: Registry | null = null;

export function openRegistry(): Registry {
  opened ??= open();
  return opened;
}

function open(): Registry {
  const advapi32 = loadKoffi().load('advapi32.dll');
  const openKey = advapi32.func(
    'long __stdcall RegOpenKeyExW(void *key, str16 path, uint32_t options, uint32_t access, _Out_ void **handle)',
  ) as (key: Handle, path: string, options: number, access: number, handle: [Handle | null]) => number;
  const createKey = advapi32.func(
    'long __stdcall RegCreateKeyExW(void *key, str16 path, uint32_t reserved, str16 class_, uint32_t options, uint32_t access, void *security, _Out_ void **handle, void *disposition)',
  ) as (
    key: Handle,
    path: string,
    reserved: number,
    class_: null,
    options: number,
    access: number,
    security: null,
    handle: [Handle | null],
    disposition: null,
  ) => number;
  const closeKey = advapi32.func('long __stdcall RegCloseKey(void *key)') as (key: Handle) => number;
  const queryValue = advapi32.func(
    'long __stdcall RegQueryValueExW(void *key, str16 name, void *reserved, void *type, void *data, void *size)',
  ) as (
    key: Handle,
    name: string,
    reserved: null,
    type: Uint32Array,
    data: Buffer,
    size: Uint32Array,
  ) => number;
  const setValue = advapi32.func(
    'long __stdcall RegSetValueExW(void *key, str16 name, uint32_t reserved, uint32_t type, const void *data, uint32_t size)',
  ) as (key: Handle, name: string, reserved: number, type: number, data: Buffer, size: number) => number;
  const deleteTree = advapi32.func('long __stdcall RegDeleteTreeW(void *key, str16 path)') as (
    key: Handle,
    path: string,
  ) => number;
  const enumKey = advapi32.func(
    'long __stdcall RegEnumKeyExW(void *key, uint32_t index, void *name, void *size, void *reserved, void *class_, void *classSize, void *time)',
  ) as (
    key: Handle,
    index: number,
    name: Buffer,
    size: Uint32Array,
    reserved: null,
    class_: null,
    classSize: null,
    time: null,
  ) => number;
  const setSecurity = advapi32.func(
    'long __stdcall RegSetKeySecurity(void *key, uint32_t what, void *descriptor)',
  ) as (key: Handle, what: number, descriptor: Handle) => number;

  const withKey = <T>(
    path: string,
    access: number,
    use: (key: Handle) => T,
    not: (error: number) => T,
  ): T => {
    const handle: [Handle | null] = [null];
    const error = openKey(MACHINE, path, 0, access, handle);
    if (error !== ERROR.none || handle[0] === null) return not(error);
    try {
      return use(handle[0]);
    } finally {
      closeKey(handle[0]);
    }
  };

  return {
    read: (path, name) =>
      withKey(
        path,
        ACCESS.read,
        (key) => {
          const type = new Uint32Array(1);
          const data = Buffer.alloc(LIMIT);
          const size = new Uint32Array([LIMIT]);
          if (queryValue(key, name, null, type, data, size) !== ERROR.none) return null;
          return decodeValue(type[0] ?? 0, data.subarray(0, size[0]));
        },
        () => null,
      ),
    write(path, values) {
      const handle: [Handle | null] = [null];
      const made = createKey(MACHINE, path, 0, null, 0, ACCESS.write, null, handle, null);
      if (made !== ERROR.none || handle[0] === null) throw refused('RegCreateKeyExW', path, made);
      try {
        for (const [name, value] of Object.entries(values)) {
          const { type, data } = encodeValue(value);
          const error = setValue(handle[0], name, 0, type, data, data.length);
          if (error !== ERROR.none) throw refused('RegSetValueExW', `${path}\\${name}`, error);
        }
      } finally {
        closeKey(handle[0]);
      }
    },
    protect(path, sddl) {
      const error = withDescriptor(sddl, (descriptor) =>
        withKey(
          path,
          ACCESS.writeRights,
          (key) => setSecurity(key, RIGHTS_ONLY, descriptor),
          (refusal) => refusal,
        ),
      );
      if (error !== ERROR.none) throw refused('RegSetKeySecurity', path, error);
    },
    remove(path) {
      const error = deleteTree(MACHINE, path);
      if (error !== ERROR.none && error !== ERROR.fileNotFound) throw refused('RegDeleteTreeW', path, error);
    },
    keys: (path) =>
      withKey(
        path,
        ACCESS.read,
        (key) => {
          const names: string[] = [];
          // A name of a key has 255 characters at most.
          const name = Buffer.alloc(512);
          for (let index = 0; ; index++) {
            const size = new Uint32Array([256]);
            if (enumKey(key, index, name, size, null, null, null, null) !== ERROR.none) return names;
            names.push(name.toString('utf16le', 0, (size[0] ?? 0) * 2));
          }
        },
        () => [],
      ),
  };
}

function refused(call: string, path: string, error: number): ZerothError {
  return new ZerothError('SERVICE_FAILED', `${call} HKLM\\${path}: ${systemText(error)}`);
}

/** Exported for its test. */
export function encodeValue(value: RegistryValue): { type: number; data: Buffer } {
  if (typeof value === 'number') {
    const data = Buffer.alloc(4);
    data.writeUInt32LE(value);
    return { type: TYPE.number, data };
  }
  if (typeof value === 'string') return { type: TYPE.text, data: utf16(`${value}\0`) };
  if ('expand' in value) return { type: TYPE.expanded, data: utf16(`${value.expand}\0`) };
  // An empty text would end the list.
  return {
    type: TYPE.list,
    data: utf16([...value.filter((text) => text !== ''), ''].map((text) => `${text}\0`).join('')),
  };
}

/** Exported for its test. */
export function decodeValue(type: number, data: Buffer): string | number | string[] | null {
  switch (type) {
    case TYPE.number:
      return data.length === 4 ? data.readUInt32LE() : null;
    case TYPE.text:
    case TYPE.expanded:
      return data.toString('utf16le').split('\0', 1)[0] ?? '';
    case TYPE.list: {
      const texts = data.toString('utf16le').split('\0');
      const end = texts.indexOf('');
      return end < 0 ? texts : texts.slice(0, end);
    }
    default:
      return null;
  }
}

function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le');
}
