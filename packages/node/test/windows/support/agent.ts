/**
 * Runs under Windows and does what the tests ask of the service control manager there: by its calls, through koffi, and
 * not by the code that is tested. One request a line over TCP, JSON; the port is the first line of standard output.
 *
 * Usage: node agent.js FOLDER-OF-THE-PACKAGES
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** SERVICE_STATUS_PROCESS. */
export interface Seen {
  readonly state: number;
  readonly accepted: number;
  readonly exit: number;
  readonly specific: number;
  readonly checkpoint: number;
  readonly hint: number;
  readonly pid: number;
}

interface Koffi {
  load(name: string): { func(declaration: string): (...args: unknown[]) => number };
  struct(name: string, members: Record<string, string>): unknown;
  sizeof(type: unknown): number;
}

const { argv } = process;
const koffi = createRequire(join(argv[2] ?? '', 'package.json'))('koffi') as Koffi;
const advapi = koffi.load('advapi32.dll');
const kernel = koffi.load('kernel32.dll');
const members = ['type', 'state', 'accepted', 'exit', 'specific', 'checkpoint', 'hint', 'pid', 'flags'];
const type = koffi.struct('PROCESS_STATUS', Object.fromEntries(members.map((name) => [name, 'uint32_t'])));
koffi.struct('CONTROL_STATUS', Object.fromEntries(members.slice(0, 7).map((name) => [name, 'uint32_t'])));
koffi.struct('CONTROL_REASON', {
  reason: 'uint32_t',
  comment: 'str16',
  ...Object.fromEntries(members.slice(0, 7).map((name) => [name, 'uint32_t'])),
});
const openManager = advapi.func(
  'intptr_t __stdcall OpenSCManagerW(str16 machine, str16 database, uint32_t access)',
);
const openService = advapi.func(
  'intptr_t __stdcall OpenServiceW(intptr_t manager, str16 name, uint32_t access)',
);
const closeHandle = advapi.func('int __stdcall CloseServiceHandle(intptr_t handle)');
const deleteService = advapi.func('int __stdcall DeleteService(intptr_t service)');
const startService = advapi.func(
  'int __stdcall StartServiceW(intptr_t service, uint32_t count, void *arguments)',
);
const controlService = advapi.func(
  'int __stdcall ControlService(intptr_t service, uint32_t control, _Out_ CONTROL_STATUS *status)',
);
const queryService = advapi.func(
  'int __stdcall QueryServiceStatusEx(intptr_t service, int level, _Out_ PROCESS_STATUS *status, uint32_t size, _Out_ uint32_t *needed)',
);
const openProcess = kernel.func('intptr_t __stdcall OpenProcess(uint32_t access, int inherit, uint32_t pid)');
const exitCode = kernel.func('int __stdcall GetExitCodeProcess(intptr_t process, _Out_ uint32_t *code)');
const lastError = kernel.func('uint32_t __stdcall GetLastError()');
const sleep = kernel.func('void __stdcall Sleep(uint32_t milliseconds)');

const manager = openManager(null, null, 0x0005);
const CONNECT_ALL = 0xf01ff;
const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
const STOPPED = 1;
const START_PENDING = 2;
const RUNNING = 4;
/** Looks before a state that should change is taken for one that does not. */
const LOOKS = 12_000;
/** Milliseconds between two of them. */
const PAUSE = 5;

function withService<T>(name: string, work: (service: number) => T): T | { readonly error: number } {
  const service = openService(manager, name, CONNECT_ALL);
  if (service === 0) return { error: lastError() };
  try {
    return work(service);
  } finally {
    closeHandle(service);
  }
}

function look(service: number): Seen {
  const status = {} as Seen;
  if (queryService(service, 0, status, koffi.sizeof(type), [0]) === 0)
    throw new Error(`QueryServiceStatusEx: ${lastError()}`);
  const { state, accepted, exit, specific, checkpoint, hint, pid } = status;
  return { state, accepted, exit, specific, checkpoint, hint, pid };
}

/** Looks again and again, as long as `wait` says; what was seen, each different look once. */
function watch(service: number, wait: (seen: Seen) => boolean): Seen[] {
  const all: Seen[] = [];
  for (let left = LOOKS; left > 0; left--) {
    const seen = look(service);
    if (JSON.stringify(seen) !== JSON.stringify(all.at(-1))) all.push(seen);
    if (!wait(seen)) return all;
    sleep(PAUSE);
  }
  throw new Error(`the state does not change: ${JSON.stringify(all)}`);
}

function start(service: number): void {
  if (startService(service, 0, null) === 0) throw new Error(`StartService: ${lastError()}`);
}

const operations = {
  query: ({ name }) => withService(name, look),
  /** Starts and follows the state to the end of START_PENDING. */
  start: ({ name }) =>
    withService(name, (service) => {
      start(service);
      return watch(service, ({ state }) => state === START_PENDING);
    }),
  control: ({ name, control }) =>
    withService(name, (service) => ({
      error: controlService(service, control, {}) === 0 ? lastError() : 0,
    })),
  remove: ({ name }) => withService(name, (service) => deleteService(service)),
  /** Starts and stops: the status while it ran, and the last one. */
  cycle: ({ name, control }) =>
    withService(name, (service) => {
      start(service);
      const running = watch(service, ({ state }) => state === START_PENDING).at(-1);
      if (running?.state !== RUNNING) return [running];
      if (controlService(service, control, {}) === 0) throw new Error(`ControlService: ${lastError()}`);
      return [running, watch(service, ({ state }) => state !== STOPPED).at(-1)];
    }),
  /** A handle to a process, by which its exit code is known after its end. */
  open: ({ pid }) => openProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid),
  /** Of such a handle; 259 while the process runs. */
  exitCode: ({ handle }) => {
    const code = [0];
    if (exitCode(handle, code) === 0) throw new Error(`GetExitCodeProcess: ${lastError()}`);
    return code[0];
  },
  /** TerminateProcess. */
  kill: ({ pid }) => process.kill(pid, 'SIGKILL'),
  alive: ({ pid }) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  },
} as const satisfies Record<string, (request: Request) => unknown>;

export interface Request {
  readonly operation: string;
  readonly name: string;
  readonly control: number;
  readonly pid: number;
  readonly handle: number;
}

function serve(socket: Socket): void {
  // The tests are over.
  socket.on('close', () => process.exit(0));
  socket.on('error', () => {});
  createInterface(socket).on('line', (line) => {
    const request = JSON.parse(line) as Request & { operation: keyof typeof operations };
    let answer: object;
    try {
      answer = { result: operations[request.operation](request) };
    } catch (error) {
      answer = { failed: String(error) };
    }
    socket.write(`${JSON.stringify(answer)}\n`);
  });
}

if (manager === 0) throw new Error(`OpenSCManager: ${lastError()}`);
const server = createServer(serve).listen(0, '127.0.0.1', () => {
  writeSync(1, `${(server.address() as AddressInfo).port}\n`);
});
