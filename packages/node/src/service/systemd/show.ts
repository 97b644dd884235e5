/**
 * Reads what `systemctl show` says of a service.
 *
 * Guarantees: pure; what is not said is null.
 */
import type { ServiceState, ServiceStatus } from '../manager.ts';

export const SHOWN = [
  'ActiveState',
  'SubState',
  'MainPID',
  'ExecMainCode',
  'ExecMainStatus',
  'StatusText',
  'ActiveEnterTimestamp',
  'InactiveEnterTimestamp',
] as const;

/** CLD_EXITED of waitid(2): `ExecMainStatus` is an exit code, not a signal. */
const EXITED = 1;

export function stateOf(shown: string): Pick<ServiceStatus, 'state' | 'pid' | 'since' | 'exitCode' | 'text'> {
  const values = new Map<string, string>();
  for (const line of shown.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const fieldOf = (key: (typeof SHOWN)[number]): string => values.get(key) ?? '';
  const text = fieldOf('StatusText') === '' ? null : fieldOf('StatusText');
  const state = wordOf(fieldOf('ActiveState'), fieldOf('SubState'), text);
  const live = state !== 'stopped' && state !== 'failed';
  const pid = Number(fieldOf('MainPID'));
  const status = Number(fieldOf('ExecMainStatus'));
  const code = Number(fieldOf('ExecMainCode'));
  return {
    state,
    pid: pid > 0 ? pid : null,
    since: timeOf(fieldOf(live ? 'ActiveEnterTimestamp' : 'InactiveEnterTimestamp')),
    // Like a shell: 128 and the number of the signal.
    exitCode: pid > 0 || !(code > 0) ? null : code === EXITED ? status : 128 + status,
    text: live ? text : null,
  };
}

function wordOf(active: string, sub: string, text: string | null): ServiceState {
  switch (active) {
    case 'active':
    case 'reloading':
      return text?.startsWith('paused') === true ? 'paused' : 'running';
    case 'activating':
      // It has failed, and waits for its next try.
      return sub === 'auto-restart' ? 'failed' : 'starting';
    case 'deactivating':
      return 'stopping';
    case 'failed':
      return 'failed';
    default:
      return 'stopped';
  }
}

/** `@1700000000`. */
function timeOf(text: string): number | null {
  const [, seconds] = /^@(\d{1,12})/.exec(text) ?? [];
  return seconds === undefined || seconds === '0' ? null : Number(seconds) * 1000;
}
