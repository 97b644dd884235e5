/**
 * The process's side of systemd: controls are signals; states and signs of life go to its notification socket, events to
 * its journal.
 *
 * Guarantees: a sign of life is sent from the event loop, and only while the program says that it works; nothing of this
 * waits; the environment of programs that are started from here does not have the socket.
 */
import type { EventRecord } from '../../log/events.ts';
import { harmless } from '../../log/plain.ts';
import type { Controls, ServiceHost } from '../host.ts';
import type { Koffi } from '../koffi.ts';
import { loadKoffi } from '../koffi.ts';
import { listenToSignals } from '../signals.ts';
import { openDatagrams, unixAddress } from './datagram.ts';
import { isJournal, JOURNAL_SOCKET, journalEntry } from './journal.ts';
import { notifyTo, stateLines, watchdogInterval } from './notify.ts';

export interface SystemdHostOptions {
  /** Where journald listens. */
  readonly journalSocket: string;
  /** A descriptor that is the journal if any is. */
  readonly stderr: number;
}

/** Null: systemd did not start this process, or there is nothing to talk to it with. */
export function openSystemdHost(
  environment: NodeJS.ProcessEnv,
  options: Partial<SystemdHostOptions> = {},
): ServiceHost | null {
  const { journalSocket = JOURNAL_SOCKET, stderr = 2 } = options;
  const { NOTIFY_SOCKET } = environment;
  const journal = isJournal(environment, stderr) ? unixAddress(journalSocket) : null;
  if (NOTIFY_SOCKET === undefined && journal === null) return null;
  const koffi = koffiOrNull();
  const datagrams = koffi === null ? null : openDatagrams(koffi);
  if (datagrams === null) return null;
  const notify = NOTIFY_SOCKET === undefined ? null : notifyTo(datagrams, NOTIFY_SOCKET);
  const interval = notify === null ? null : watchdogInterval(environment);
  for (const key of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[key];
  const identifier = environment.SYSLOG_IDENTIFIER ?? 'zeroth';

  let silence = (): void => {};
  let watchdog: NodeJS.Timeout | undefined;
  const watch = (controls: Controls, every: number): void => {
    watchdog = setInterval(() => {
      if (controls.alive()) notify?.(['WATCHDOG=1']);
    }, every).unref();
  };
  const record = (event: EventRecord): void => {
    const wrong = journal === null ? null : datagrams.send(journal, journalEntry(event, identifier));
    // A journal that does not keep up still has the line.
    if (wrong !== null)
      process.stderr.write(
        `<4>${harmless(event.message).replaceAll('\n', ' ')} [${event.name}, without its fields: ${wrong}]\n`,
      );
  };
  return {
    kind: 'systemd',
    listen: (controls) => {
      silence = listenToSignals(controls);
      if (interval !== null) watch(controls, interval);
    },
    tell: (state, details) => notify?.(stateLines(state, details)),
    record: journal === null ? null : record,
    ended: (code) => {
      clearInterval(watchdog);
      silence();
      notify?.(['STOPPING=1', `STATUS=ended with code ${code}`]);
      datagrams.close();
      return Promise.resolve();
    },
    // Every send is done when it returns.
    flush: () => {},
  };
}

function koffiOrNull(): Koffi | null {
  try {
    return loadKoffi();
  } catch {
    return null;
  }
}
