/**
 * What a service tells systemd: the protocol of sd_notify(3), one datagram of `KEY=VALUE` lines each.
 *
 * Guarantees: never throws; without systemd, and when it does not listen, nothing happens.
 */
import type { HostState } from '../host.ts';
import type { Datagrams } from './datagram.ts';
import { unixAddress } from './datagram.ts';

export type Notify = (lines: readonly string[]) => void;

/** Characters of a STATUS. */
const MAX_STATUS = 500;

/** @param path NOTIFY_SOCKET; null: it is no address that we know. */
export function notifyTo(datagrams: Datagrams, path: string): Notify | null {
  const address = unixAddress(path);
  if (address === null) return null;
  return (lines) => {
    datagrams.send(address, Buffer.from(lines.join('\n')));
  };
}

/** What a state is in systemd's words. `text`: what `systemctl status` shows; `within`: milliseconds it may still last. */
export function stateLines(
  state: HostState,
  details: { readonly text?: string; readonly within?: number } = {},
): string[] {
  const { text, within } = details;
  const status = `STATUS=${statusText(state, text)}`;
  const extended = within === undefined ? [] : [`EXTEND_TIMEOUT_USEC=${Math.ceil(within * 1000)}`];
  switch (state) {
    case 'starting':
      return [status, ...extended];
    case 'reloading':
      // CLOCK_MONOTONIC: Type=notify-reload tells by it which reload is meant.
      return ['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, status, ...extended];
    case 'running':
    case 'paused':
      // Also the end of a reload.
      return ['READY=1', status];
    case 'pausing':
    case 'resuming':
      return [status];
    case 'stopping':
      return ['STOPPING=1', status, ...extended];
    default:
      return state satisfies never;
  }
}

/** It begins with the state: `zeroth service status` reads it there. */
function statusText(state: HostState, text: string | undefined): string {
  if (text === undefined || text === '' || text === state) return state;
  const line = text.replace(/\s+/g, ' ').trim();
  return (line.startsWith(state) ? line : `${state}: ${line}`).slice(0, MAX_STATUS);
}

/** Milliseconds between two signs of life; null: systemd waits for none from this process. WATCHDOG_USEC, WATCHDOG_PID. */
export function watchdogInterval(environment: NodeJS.ProcessEnv): number | null {
  const { WATCHDOG_USEC, WATCHDOG_PID } = environment;
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return null;
  if (WATCHDOG_USEC === undefined || !/^\d{4,15}$/.test(WATCHDOG_USEC)) return null;
  // Two may be lost, or late, on a machine that is busy; a timer takes 31 bits.
  return Math.min(Math.max(1, Math.floor(Number(WATCHDOG_USEC) / 3000)), 2 ** 31 - 1);
}
