/**
 * The service control manager of Windows, as a program that installs and controls services sees it.
 *
 * Guarantees: each handle that is opened is closed; an error says the call, the service and the system's words; what comes
 * back has a limit.
 */

import { ZerothError } from '../../errors.ts';
import { loadKoffi } from '../koffi.ts';
import type { Report } from './codes.ts';
import { ERROR, OWN_PROCESS } from './codes.ts';
import { systemText } from './words.ts';

type Handle = bigint;
type Maybe = Handle | null;

/** Rights to ask for: no more than a call needs, so that looking needs no administrator. */
export const RIGHT = {
  queryConfig: 0x1,
  changeConfig: 0x2,
  queryStatus: 0x4,
  start: 0x10,
  stop: 0x20,
  pauseContinue: 0x40,
  delete: 0x10000,
} as const;

const MANAGER = { connect: 0x1, create: 0x2 } as const;

export const START_TYPE = { auto: 2, manual: 3, disabled: 4 } as const;

/** QueryServiceConfigW gives 8 KiB at most. */
const CONFIG_SIZE = 8192;

export interface NewService {
  readonly name: string;
  readonly displayName: string;
  readonly account: string;
  readonly startType: number;
  readonly commandLine: string;
}

export interface RawStatus extends Report {
  readonly pid: number;
}

export interface RawConfig {
  readonly startType: number;
  readonly delayed: boolean;
  readonly commandLine: string;
  readonly account: string;
  readonly displayName: string;
}

/** What ChangeServiceConfig2W sets. Times in milliseconds, the reset in seconds. */
export interface Settings {
  readonly description: string;
  readonly delayed: boolean;
  readonly restartAfter: readonly number[];
  readonly resetAfter: number;
  readonly preshutdown: number;
}

/** An open service. */
export interface OpenService {
  status(): RawStatus;
  config(): RawConfig;
  change(settings: Settings): void;
  /** The error number of the system; 0: done. */
  start(): number;
  control(code: number): number;
  delete(): void;
}

export interface Scm {
  /** Whether this process may create services. */
  mayCreate(): boolean;
  exists(name: string): boolean;
  create(service: NewService): void;
  /** @throws ZerothError SERVICE_UNKNOWN, SERVICE_ELEVATION. */
  use<T>(name: string, rights: number, work: (service: OpenService) => T): T;
  /** When a process was started, in milliseconds since 1970; null: gone, or not ours to see. */
  startedAt(pid: number): number | null;
}

export const ELEVATION =
  'services are installed and controlled by an administrator: open a terminal with "Run as administrator" and give the same command';

export function openScm(): Scm {
  const koffi = loadKoffi();
  const advapi32 = koffi.load('advapi32.dll');
  const kernel32 = koffi.load('kernel32.dll');
  const openManager = advapi32.func(
    'void *__stdcall OpenSCManagerW(str16 machine, str16 database, uint32_t access)',
  ) as (machine: null, database: null, access: number) => Maybe;
  const openService = advapi32.func(
    'void *__stdcall OpenServiceW(void *manager, str16 name, uint32_t access)',
  ) as (manager: Handle, name: string, access: number) => Maybe;
  const createService = advapi32.func(
    'void *__stdcall CreateServiceW(void *manager, str16 name, str16 display, uint32_t access, uint32_t type, uint32_t start, uint32_t control, str16 path, str16 group, void *tag, str16 needs, str16 account, str16 password)',
  ) as (
    manager: Handle,
    name: string,
    display: string,
    access: number,
    type: number,
    start: number,
    control: number,
    path: string,
    group: null,
    tag: null,
    needs: null,
    account: string,
    password: null,
  ) => Maybe;
  const close = advapi32.func('int __stdcall CloseServiceHandle(void *handle)') as (handle: Handle) => number;
  const queryStatus = advapi32.func(
    'int __stdcall QueryServiceStatusEx(void *service, int level, void *buffer, uint32_t size, void *needed)',
  ) as (service: Handle, level: number, buffer: Uint32Array, size: number, needed: Uint32Array) => number;
  const queryConfig = advapi32.func(
    'int __stdcall QueryServiceConfigW(void *service, void *buffer, uint32_t size, void *needed)',
  ) as (service: Handle, buffer: Buffer, size: number, needed: Uint32Array) => number;
  const queryConfig2 = advapi32.func(
    'int __stdcall QueryServiceConfig2W(void *service, uint32_t level, void *buffer, uint32_t size, void *needed)',
  ) as (service: Handle, level: number, buffer: Uint32Array, size: number, needed: Uint32Array) => number;
  const changeConfig2 = advapi32.func(
    'int __stdcall ChangeServiceConfig2W(void *service, uint32_t level, const void *info)',
  ) as (service: Handle, level: number, info: unknown) => number;
  const startService = advapi32.func(
    'int __stdcall StartServiceW(void *service, uint32_t count, void *arguments)',
  ) as (service: Handle, count: number, arguments_: null) => number;
  const controlService = advapi32.func(
    'int __stdcall ControlService(void *service, uint32_t control, void *status)',
  ) as (service: Handle, control: number, status: Uint32Array) => number;
  const deleteService = advapi32.func('int __stdcall DeleteService(void *service)') as (
    service: Handle,
  ) => number;
  const openProcess = kernel32.func(
    'void *__stdcall OpenProcess(uint32_t access, int inherit, uint32_t pid)',
  ) as (access: number, inherit: number, pid: number) => Maybe;
  const processTimes = kernel32.func(
    'int __stdcall GetProcessTimes(void *process, void *created, void *exited, void *kernel, void *user)',
  ) as (
    process: Handle,
    created: BigUint64Array,
    exited: BigUint64Array,
    kernel: BigUint64Array,
    user: BigUint64Array,
  ) => number;
  const closeHandle = kernel32.func('int __stdcall CloseHandle(void *handle)') as (handle: Handle) => number;
  const lastError = kernel32.func('uint32_t __stdcall GetLastError()') as () => number;

  const Config = koffi.struct({
    type: 'uint32_t',
    start: 'uint32_t',
    control: 'uint32_t',
    path: 'str16',
    group: 'void *',
    tag: 'uint32_t',
    needs: 'void *',
    account: 'str16',
    display: 'str16',
  });
  const Description = koffi.struct({ text: 'str16' });
  const FailureActions = koffi.struct({
    reset: 'uint32_t',
    message: 'void *',
    command: 'void *',
    count: 'uint32_t',
    actions: 'void *',
  });

  const withManager = <T>(access: number, use: (manager: Handle) => T): T => {
    const manager = openManager(null, null, access);
    if (manager === null) throw failed('OpenSCManagerW', null, lastError());
    try {
      return use(manager);
    } finally {
      close(manager);
    }
  };

  const checked = (done: number, call: string, name: string): void => {
    if (done === 0) throw failed(call, name, lastError());
  };

  const opened = (service: Handle, name: string): OpenService => ({
    status() {
      const raw = new Uint32Array(9);
      checked(queryStatus(service, 0, raw, raw.byteLength, new Uint32Array(1)), 'QueryServiceStatusEx', name);
      const [, state = 0, accepted = 0, exit = 0, specific = 0, checkpoint = 0, hint = 0, pid = 0] = raw;
      return { state, accepted, exit, specific, checkpoint, hint, pid };
    },
    config() {
      const buffer = Buffer.alloc(CONFIG_SIZE);
      checked(queryConfig(service, buffer, CONFIG_SIZE, new Uint32Array(1)), 'QueryServiceConfigW', name);
      const raw = koffi.decode(buffer, Config) as {
        start: number;
        path: string | null;
        account: string | null;
        display: string | null;
      };
      // SERVICE_CONFIG_DELAYED_AUTO_START_INFO; a system that does not know it has no such start.
      const delayed = new Uint32Array(1);
      queryConfig2(service, 3, delayed, delayed.byteLength, new Uint32Array(1));
      return {
        startType: raw.start,
        delayed: delayed[0] === 1,
        commandLine: raw.path ?? '',
        account: raw.account ?? '',
        displayName: raw.display ?? name,
      };
    },
    change({ description, delayed, restartAfter, resetAfter, preshutdown }) {
      // SC_ACTION_RESTART is 1.
      const actions = new Uint32Array(restartAfter.flatMap((delay) => [1, delay]));
      const failure = {
        reset: resetAfter,
        message: null,
        command: null,
        count: restartAfter.length,
        actions,
      };
      const levels: readonly (readonly [level: number, info: unknown])[] = [
        [1, koffi.as({ text: description }, koffi.pointer(Description))],
        [2, koffi.as(failure, koffi.pointer(FailureActions))],
        [3, new Uint32Array([delayed ? 1 : 0])],
        // Also for a service that ends with an error, not only for one that dies.
        [4, new Uint32Array([1])],
        // SERVICE_SID_TYPE_UNRESTRICTED: the service can be given rights of its own.
        [5, new Uint32Array([1])],
        [7, new Uint32Array([preshutdown])],
      ];
      for (const [level, info] of levels) {
        if (changeConfig2(service, level, info) !== 0) continue;
        const error = lastError();
        // A setting that this system does not have (Wine lacks some): it works without.
        if (error !== ERROR.invalidLevel && error !== ERROR.callNotImplemented)
          throw failed(`ChangeServiceConfig2W (level ${level})`, name, error);
      }
    },
    start: () => (startService(service, 0, null) === 0 ? lastError() : ERROR.none),
    control: (code) => (controlService(service, code, new Uint32Array(7)) === 0 ? lastError() : ERROR.none),
    delete() {
      if (deleteService(service) !== 0) return;
      const error = lastError();
      if (error !== ERROR.serviceMarkedForDelete) throw failed('DeleteService', name, error);
    },
  });

  return {
    mayCreate() {
      const manager = openManager(null, null, MANAGER.connect | MANAGER.create);
      if (manager === null) return false;
      close(manager);
      return true;
    },
    exists: (name) =>
      withManager(MANAGER.connect, (manager) => {
        const service = openService(manager, name, RIGHT.queryStatus);
        if (service === null) return lastError() !== ERROR.serviceDoesNotExist;
        close(service);
        return true;
      }),
    create: ({ name, displayName, account, startType, commandLine }) =>
      withManager(MANAGER.connect | MANAGER.create, (manager) => {
        const service = createService(
          manager,
          name,
          displayName,
          RIGHT.changeConfig,
          OWN_PROCESS,
          startType,
          1, // SERVICE_ERROR_NORMAL: a failure at boot is logged.
          commandLine,
          null,
          null,
          null,
          account,
          null,
        );
        if (service === null) throw failed('CreateServiceW', name, lastError());
        close(service);
      }),
    use: (name, rights, work) =>
      withManager(MANAGER.connect, (manager) => {
        const service = openService(manager, name, rights);
        if (service === null) throw failed('OpenServiceW', name, lastError());
        try {
          return work(opened(service, name));
        } finally {
          close(service);
        }
      }),
    startedAt(pid) {
      // PROCESS_QUERY_LIMITED_INFORMATION
      const process = openProcess(0x1000, 0, pid);
      if (process === null) return null;
      try {
        const [created, exited, kernel, user] = [1, 1, 1, 1].map((length) => new BigUint64Array(length));
        if (created === undefined || exited === undefined || kernel === undefined || user === undefined)
          return null;
        if (processTimes(process, created, exited, kernel, user) === 0) return null;
        // FILETIME: 100 ns since 1601.
        return Number((created[0] ?? 0n) / 10_000n) - 11_644_473_600_000;
      } finally {
        closeHandle(process);
      }
    },
  };
}

/** What a call was refused with, as an error with a way out. */
export function failed(call: string, name: string | null, error: number): ZerothError {
  const what = name === null ? call : `${call} ${name}`;
  switch (error) {
    case ERROR.accessDenied:
      return new ZerothError('SERVICE_ELEVATION', `${what}: ${systemText(error)} ${ELEVATION}`);
    case ERROR.serviceDoesNotExist:
      return new ZerothError('SERVICE_UNKNOWN', `no service ${name ?? ''} is installed`);
    case ERROR.serviceExists:
      return new ZerothError('SERVICE_EXISTS', `a service ${name ?? ''} is installed already`);
    case ERROR.serviceMarkedForDelete:
      return new ZerothError(
        'SERVICE_FAILED',
        `${what}: ${systemText(error)} The service was removed, and goes when nobody looks at it any more: close services.msc, ` +
          'Task Manager and Event Viewer, or restart Windows',
      );
    default:
      return new ZerothError('SERVICE_FAILED', `${what}: ${systemText(error)}`);
  }
}
