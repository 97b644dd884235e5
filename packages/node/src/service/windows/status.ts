/**
 * How a service of Windows is, in the words of every system.
 */

import type { ServiceState, ServiceStatus } from '../manager.ts';
import { STATE } from './codes.ts';
import type { RawConfig, RawStatus, Scm } from './scm.ts';
import { RIGHT, START_TYPE } from './scm.ts';
import { exitCodeOf, exitText } from './words.ts';

/** @throws ZerothError SERVICE_UNKNOWN. */
export function serviceStatus(scm: Scm, name: string): ServiceStatus {
  const { status, config } = scm.use(name, RIGHT.queryStatus | RIGHT.queryConfig, (service) => ({
    status: service.status(),
    config: service.config(),
  }));
  const state = stateOf(status);
  return {
    name,
    displayName: config.displayName,
    state,
    start: startOf(config),
    pid: status.pid === 0 ? null : status.pid,
    since: status.pid === 0 ? null : scm.startedAt(status.pid),
    exitCode: status.state === STATE.stopped ? exitCodeOf(status.exit, status.specific) : null,
    command: config.commandLine,
    text: state === 'failed' ? exitText(status.exit, status.specific, config.commandLine) : null,
  };
}

/** Exported for its test. */
export function stateOf({ state, exit, specific }: RawStatus): ServiceState {
  switch (state) {
    case STATE.startPending:
      return 'starting';
    case STATE.stopPending:
      return 'stopping';
    case STATE.running:
    case STATE.pausePending:
      return 'running';
    case STATE.paused:
    case STATE.continuePending:
      return 'paused';
    default: {
      const code = exitCodeOf(exit, specific);
      return code === null || code === 0 ? 'stopped' : 'failed';
    }
  }
}

function startOf({ startType, delayed }: RawConfig): ServiceStatus['start'] {
  if (startType !== START_TYPE.auto) return 'manual';
  return delayed ? 'delayed' : 'auto';
}
