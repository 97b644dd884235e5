/**
 * The service's side of advapi32: the dispatcher, the handler of controls, the status, the event log. Used in a thread of
 * its own (worker.ts), because all of it must go on while the program is busy.
 *
 * Guarantees: the dispatcher, which blocks until the service has stopped, blocks a thread of the system that is none of
 * Node's: neither an exit nor the end of the worker waits for it. What callbacks need is never collected.
 */

import { loadKoffi } from '../koffi.ts';
import type { Report } from './codes.ts';
import { OWN_PROCESS } from './codes.ts';

type Pointer = bigint | null;

/** Milliseconds. The dispatcher may just be calling us, and we are here. */
const LEAVE = 1000;

export interface Dispatcher {
  /** Connects with the service control manager: calls `serviceMain` soon, or {@link refused} becomes true. */
  start(serviceMain: () => void, handler: (control: number) => number): void;
  /** The dispatcher has returned without a service: nobody started this process as one (error 1063). */
  refused(): boolean;
  /** Only after `serviceMain` was called. */
  report(report: Report): void;
  recordEvent(type: number, id: number, text: string): void;
  /** After STOPPED was reported: waits until the dispatcher has taken leave of the system; its callbacks go with us. */
  finish(): void;
  /** Ends the process without asking anybody in it. */
  terminate(code: number): void;
}

export function openDispatcher(name: string): Dispatcher {
  const koffi = loadKoffi();
  const advapi32 = koffi.load('advapi32.dll');
  const kernel32 = koffi.load('kernel32.dll');

  const MainProc = koffi.proto('void __stdcall ZerothServiceMain(uint32_t argc, void *argv)');
  const HandlerProc = koffi.proto(
    'uint32_t __stdcall ZerothHandlerEx(uint32_t control, uint32_t type, void *data, void *context)',
  );
  const registerHandler = advapi32.func(
    'void *__stdcall RegisterServiceCtrlHandlerExW(str16 name, ZerothHandlerEx *handler, void *context)',
  ) as (name: string, handler: bigint, context: null) => Pointer;
  const setStatus = advapi32.func('int __stdcall SetServiceStatus(void *handle, const void *status)') as (
    handle: Pointer,
    status: Uint32Array,
  ) => number;
  const registerSource = advapi32.func(
    'void *__stdcall RegisterEventSourceW(str16 server, str16 source)',
  ) as (server: null, source: string) => Pointer;
  const reportEvent = advapi32.func(
    'int __stdcall ReportEventW(void *log, uint16_t type, uint16_t category, uint32_t id, void *sid, uint16_t count, uint32_t size, const char16_t **strings, const void *data)',
  ) as (
    log: Pointer,
    type: number,
    category: number,
    id: number,
    sid: null,
    count: number,
    size: number,
    strings: readonly string[],
    data: null,
  ) => number;
  const createThread = kernel32.func(
    'void *__stdcall CreateThread(void *attributes, size_t stack, void *start, void *parameter, uint32_t flags, void *id)',
  ) as (
    attributes: null,
    stack: number,
    start: bigint,
    parameter: unknown,
    flags: number,
    id: null,
  ) => Pointer;
  const wait = kernel32.func('uint32_t __stdcall WaitForSingleObject(void *handle, uint32_t time)') as (
    handle: Pointer,
    time: number,
  ) => number;
  const closeHandle = kernel32.func('int __stdcall CloseHandle(void *handle)') as (handle: Pointer) => number;
  const closeSource = advapi32.func('int __stdcall DeregisterEventSource(void *log)') as (
    log: Pointer,
  ) => number;
  const lastError = kernel32.func('uint32_t __stdcall GetLastError()') as () => number;
  const currentProcess = kernel32.func('void *__stdcall GetCurrentProcess()') as () => Pointer;
  const terminateProcess = kernel32.func('int __stdcall TerminateProcess(void *process, uint32_t code)') as (
    process: Pointer,
    code: number,
  ) => number;

  let thread: Pointer = null;
  let status: Pointer = null;
  let log: Pointer = null;

  return {
    start(serviceMain, handler) {
      const onControl = koffi.register((control: number) => handler(control), koffi.pointer(HandlerProc));
      const onMain = koffi.register(() => {
        // The name does not matter for a service with a process of its own.
        status = registerHandler(name, onControl, null);
        serviceMain();
      }, koffi.pointer(MainProc));
      const Entry = koffi.struct({ name: 'void *', main: 'void *' });
      const nothing = koffi.alloc('char16_t', 1);
      const table = koffi.alloc(Entry, 2);
      koffi.encode(table, koffi.array(Entry, 2), [
        { name: nothing, main: onMain },
        { name: null, main: null },
      ]);
      // BOOL f(table) is a thread's start routine in all but its name. An asynchronous call of koffi would take a thread of
      // libuv's pool for good, and an exit waits for those.
      const dispatch = advapi32.symbol('StartServiceCtrlDispatcherW') as bigint;
      thread = createThread(null, 0, dispatch, table, 0, null);
      if (thread === null) throw new Error(`CreateThread failed with error ${lastError()}`);
    },
    refused: () => status === null && wait(thread, 0) === 0,
    report({ state, accepted, exit, specific, checkpoint, hint }) {
      setStatus(status, new Uint32Array([OWN_PROCESS, state, accepted, exit, specific, checkpoint, hint]));
    },
    recordEvent(type, id, text) {
      log ??= registerSource(null, name);
      if (log !== null) reportEvent(log, type, 0, id, null, 1, 0, [text], null);
    },
    finish() {
      wait(thread, LEAVE);
      closeHandle(thread);
      if (log !== null) closeSource(log);
    },
    terminate(code) {
      terminateProcess(currentProcess(), code);
    },
  };
}
