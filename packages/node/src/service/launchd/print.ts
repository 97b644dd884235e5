/**
 * Reads what `launchctl print system/NAME` says of a service.
 *
 * Guarantees: pure; what is not said is null. Apple does not promise the form of this text: only three lines are read.
 */
import type { ServiceStatus } from '../manager.ts';

export function stateOfPrint(printed: string): Pick<ServiceStatus, 'state' | 'pid' | 'exitCode'> {
  // The first of each: those of the service itself stand before those of its parts.
  const fieldOf = (key: string): string =>
    new RegExp(`^\\s*${key} = (.*)$`, 'm').exec(printed)?.[1]?.trim() ?? '';
  const pid = Number(fieldOf('pid'));
  const code = /^-?\d{1,10}/.exec(fieldOf('last exit code'))?.[0];
  const exitCode = code === undefined ? null : Number(code);
  if (pid > 0) return { state: 'running', pid, exitCode: null };
  if (fieldOf('state') === 'spawn scheduled') return { state: 'failed', pid: null, exitCode };
  return { state: exitCode === null || exitCode === 0 ? 'stopped' : 'failed', pid: null, exitCode };
}
