/**
 * The service manager of this system, and the services that were installed with `zeroth service install`.
 */
import { messageOf, ZerothError } from '../errors.ts';
import { singleExecutable } from '../service/executable.ts';
import { loadKoffi } from '../service/koffi.ts';
import type { ServiceManager, ServiceStatus } from '../service/manager.ts';
import type { CheckResult, Surroundings } from './check.ts';
import { failure, folded, ok, plural, some, warning } from './check.ts';

const MANAGERS: Readonly<Record<ServiceManager['system'], string>> = {
  windows: 'the service control manager of Windows',
  systemd: 'systemd',
  launchd: 'launchd',
};

/** Why koffi can't be used; null: it can. Tests hand in another. */
export type KoffiTrouble = () => string | null;

export async function checkServices(
  { openManager }: Surroundings,
  koffiTrouble: KoffiTrouble = troubleOfKoffi,
): Promise<readonly CheckResult[]> {
  let manager: ServiceManager;
  let services: readonly ServiceStatus[];
  try {
    manager = await openManager();
    services = await manager.list();
  } catch (error) {
    const code = error instanceof ZerothError ? error.code : null;
    if (code === 'SERVICE_UNSUPPORTED')
      return [
        warning(
          'service',
          `nothing starts a node with the machine: ${messageOf(error)}`,
          'zeroth run works without; see docs/service.md',
          { manager: null },
        ),
      ];
    return [
      warning(
        'service',
        messageOf(error),
        (error as { hint?: string | null }).hint ?? 'see docs/service.md',
        { manager: null },
      ),
    ];
  }
  const { system } = manager;
  const troubles = services.flatMap((service) => judgeService(service, system));
  if (troubles.length > 0) return folded(troubles);
  const running = services.filter(({ state }) => state === 'running').length;
  const koffi = koffiTrouble();
  const figures = { manager: system, installed: services.length, running, koffi: koffi === null };
  const names = some(services.map(({ name, state }) => `${name} ${state}`));
  const there =
    services.length === 0
      ? 'no service of ours is installed'
      : `${plural(services.length, 'service')}: ${names}`;
  if (koffi !== null && system === 'systemd') {
    const way =
      'npm install koffi, where zeroth is installed; without it there is no watchdog and no native journal';
    return [warning('service', `${MANAGERS[system]}; ${there}; ${koffi}`, way, figures)];
  }
  return [ok('service', `${MANAGERS[system]}; ${there}`, figures)];
}

function judgeService(status: ServiceStatus, system: ServiceManager['system']): readonly CheckResult[] {
  const { name, state, start, exitCode, pid } = status;
  const figures = { manager: system, name, state, start, exitCode, pid };
  const ended = exitCode === null ? '' : `, exit code ${exitCode}`;
  const look = `zeroth service logs --name ${name} says why; then zeroth service start --name ${name}`;
  if (state === 'failed' || (state === 'stopped' && exitCode !== null && exitCode !== 0))
    return [failure('service', `the service ${name} has failed${ended}`, look, figures)];
  if (state === 'stopped' && start !== 'manual')
    return [
      warning(
        'service',
        `the service ${name} starts with the machine, and is stopped`,
        `zeroth service start --name ${name}`,
        figures,
      ),
    ];
  if (state === 'paused')
    return [
      warning('service', `the service ${name} is paused`, `zeroth service continue --name ${name}`, figures),
    ];
  return [];
}

function troubleOfKoffi(): string | null {
  // There it is a part, which would be unpacked now.
  if (singleExecutable() !== null) return null;
  try {
    loadKoffi();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
