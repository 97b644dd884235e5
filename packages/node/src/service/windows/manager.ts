/**
 * Services of Windows: the service control manager, the registry and the rights of folders.
 *
 * Guarantees: only what we installed is removed; looking needs no administrator; what changes something is told before.
 */

import { ZerothError } from '../../errors.ts';
import { runCommand } from '../command.ts';
import { readLog } from '../log-file.ts';
import type { LogOptions, Run, ServiceManager, ServiceSpec, ServiceStatus, Step } from '../manager.ts';
import { pauseService, reloadService, resumeService, startService, stopService } from './control.ts';
import { installSteps, OURS, type Tools, uninstallSteps } from './install.ts';
import { windowsLogFile } from './paths.ts';
import { openRegistry } from './registry.ts';
import { ELEVATION, openScm } from './scm.ts';
import { protectFolder } from './security.ts';
import { serviceStatus } from './status.ts';

/** @throws ZerothError SERVICE_UNSUPPORTED: no koffi. */
export async function windowsManager(run: Run = runCommand): Promise<ServiceManager> {
  return new WindowsManager({ scm: openScm(), registry: openRegistry(), run, protect: protectFolder });
}

class WindowsManager implements ServiceManager {
  readonly system = 'windows';
  readonly #tools: Tools;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  async install(spec: ServiceSpec): Promise<readonly Step[]> {
    const { name } = spec;
    if (this.#tools.scm.exists(name))
      throw new ZerothError(
        'SERVICE_EXISTS',
        `a service ${name} is installed already; zeroth service uninstall --name ${name} first`,
      );
    return installSteps(this.#tools, spec);
  }

  async uninstall(name: string): Promise<readonly Step[]> {
    this.#known(name);
    // Windows tells no "A" from an "a" in the name of a service.
    const own = this.#ours().find((each) => each.toUpperCase() === name.toUpperCase());
    if (own === undefined)
      throw new ZerothError(
        'SERVICE_UNKNOWN',
        `service ${name} was not installed by zeroth: sc delete ${name} removes it all the same`,
      );
    return uninstallSteps(this.#tools, own);
  }

  async start(name: string): Promise<readonly Step[]> {
    return this.#step(name, 'start', 'StartServiceW', startService);
  }

  async stop(name: string): Promise<readonly Step[]> {
    return this.#step(name, 'stop', 'ControlService STOP', stopService);
  }

  async restart(name: string): Promise<readonly Step[]> {
    return [...(await this.stop(name)), ...(await this.start(name))];
  }

  async pause(name: string): Promise<readonly Step[]> {
    return this.#step(name, 'pause', 'ControlService PAUSE', pauseService);
  }

  async resume(name: string): Promise<readonly Step[]> {
    return this.#step(name, 'resume', 'ControlService CONTINUE', resumeService);
  }

  async reload(name: string): Promise<readonly Step[]> {
    return this.#step(name, 'reload', 'ControlService PARAMCHANGE', reloadService);
  }

  async status(name: string): Promise<ServiceStatus> {
    return serviceStatus(this.#tools.scm, name);
  }

  async list(): Promise<readonly ServiceStatus[]> {
    // A key that a service left behind which was removed by other means is no service.
    return this.#ours()
      .filter((name) => this.#tools.scm.exists(name))
      .map((name) => serviceStatus(this.#tools.scm, name));
  }

  logs(name: string, options: LogOptions): AsyncIterable<string> {
    this.#known(name);
    const file = this.#tools.registry.read(`${OURS}\\${name}`, 'LogFile');
    return readLog(typeof file === 'string' ? file : windowsLogFile(name), options);
  }

  elevation(): string | null {
    return this.#tools.scm.mayCreate() ? null : ELEVATION;
  }

  #step(
    name: string,
    verb: string,
    call: string,
    work: (scm: Tools['scm'], name: string) => Promise<void>,
  ): readonly Step[] {
    this.#known(name);
    return [{ what: `${verb} service ${name} (${call})`, perform: () => work(this.#tools.scm, name) }];
  }

  #ours(): string[] {
    return this.#tools.registry.keys(OURS);
  }

  #known(name: string): void {
    if (!this.#tools.scm.exists(name))
      throw new ZerothError('SERVICE_UNKNOWN', `no service ${name} is installed`);
  }
}
