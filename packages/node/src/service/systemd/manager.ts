/**
 * Services of systemd: a unit in /etc/systemd/system, driven with systemctl.
 *
 * Guarantees: touches units that it wrote itself, and no others; uninstall leaves the data and the account.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZerothError } from '../../errors.ts';
import { commandLines, commandStep, must, runCommand } from '../command.ts';
import { dataSteps } from '../data.ts';
import { removeStep, writeStep } from '../files.ts';
import { hasKoffi } from '../koffi.ts';
import type { LogOptions, Run, ServiceManager, ServiceSpec, ServiceStatus, Step } from '../manager.ts';
import { accessStep, accountSteps, SYSTEM_USER } from './account.ts';
import { environmentLine } from './quote.ts';
import { SHOWN, stateOf } from './show.ts';
import { readUnit, timerText, unitText } from './unit.ts';

export interface SystemdOptions {
  /** Where units are written. */
  readonly units: string;
  /** Where the variables of --env are written, for nobody but root to read. */
  readonly environments: string;
  readonly run: Run;
  /** Whether services can talk with systemd; null: if koffi is here, which is looked for when it matters. */
  readonly notify: boolean | null;
}

/** Milliseconds that a service may take to pause. */
const PAUSE_PATIENCE = 30_000;
const UNIT_MODE = 0o644;
const SECRET_MODE = 0o600;

export function systemdManager({
  units = '/etc/systemd/system',
  environments = '/etc/zeroth',
  run = runCommand,
  notify = null,
}: Partial<SystemdOptions> = {}): ServiceManager {
  return new SystemdManager({ units, environments, run, notify });
}

class SystemdManager implements ServiceManager {
  readonly system = 'systemd';
  readonly #options: SystemdOptions;

  constructor(options: SystemdOptions) {
    this.#options = options;
  }

  get #notify(): boolean {
    return this.#options.notify ?? hasKoffi();
  }

  async install(spec: ServiceSpec): Promise<readonly Step[]> {
    const { run } = this.#options;
    const { name, start, dataDir, environment } = spec;
    await this.#mustBeFree(name);
    const environmentPath = this.#environmentOf(name);
    if (Object.keys(environment).length > 0 && existsSync(environmentPath))
      throw new ZerothError(
        'SERVICE_EXISTS',
        `there is a file ${environmentPath} already, and --env would go there: remove it, or choose another --name`,
      );
    const user = spec.user ?? SYSTEM_USER;
    const variables = Object.entries(environment);
    const environmentFile = variables.length === 0 ? null : environmentPath;
    const unit = unitText(spec, {
      version: await this.#version(),
      user,
      notify: this.#notify,
      environmentFile,
    });
    return [
      ...(await accountSteps(run, spec.user)),
      accessStep(run, spec, user),
      ...(dataDir === null ? [] : await dataSteps(run, dataDir, user)),
      ...(environmentFile === null
        ? []
        : [
            writeStep(
              environmentFile,
              variables.map(([key, value]) => `${environmentLine(key, value)}\n`).join(''),
              SECRET_MODE,
              variables.map(([key]) => `${key}=...\n`).join(''),
            ),
          ]),
      writeStep(this.#unitOf(name), unit, UNIT_MODE),
      ...(start === 'delayed' ? [writeStep(this.#timerOf(name), timerText(spec), UNIT_MODE)] : []),
      commandStep(run, ['systemctl', 'daemon-reload'], ['systemctl', 'daemon-reload']),
      ...this.#enabled(name, start).map((each) =>
        commandStep(run, ['systemctl', 'enable', each], ['systemctl', 'disable', each]),
      ),
    ];
  }

  async uninstall(name: string): Promise<readonly Step[]> {
    const { run } = this.#options;
    const { start, environmentFile } = this.#read(name);
    // One of ours, and not a file of that name that was never for this service.
    const environment = this.#environmentOf(name);
    const timer = this.#timerOf(name);
    return Promise.resolve([
      // Somebody may have removed the timer by hand.
      ...this.#enabled(name, start)
        .filter((each) => existsSync(join(this.#options.units, each)))
        .map((each) =>
          commandStep(run, ['systemctl', 'disable', '--now', each], ['systemctl', 'enable', each]),
        ),
      commandStep(run, ['systemctl', 'stop', `${name}.service`]),
      ...(existsSync(timer) ? [removeStep(timer, UNIT_MODE)] : []),
      removeStep(this.#unitOf(name), UNIT_MODE),
      ...(environmentFile === environment && existsSync(environment)
        ? [removeStep(environment, SECRET_MODE)]
        : []),
      commandStep(run, ['systemctl', 'daemon-reload']),
      {
        what: `systemctl reset-failed ${name}.service`,
        // Code 1: it had not failed.
        perform: async () => {
          await must(run, ['systemctl', 'reset-failed', `${name}.service`], [1]);
        },
      },
    ]);
  }

  start(name: string): Promise<readonly Step[]> {
    return this.#control(name, 'start');
  }

  stop(name: string): Promise<readonly Step[]> {
    return this.#control(name, 'stop');
  }

  restart(name: string): Promise<readonly Step[]> {
    return this.#control(name, 'restart');
  }

  reload(name: string): Promise<readonly Step[]> {
    return this.#control(name, 'reload');
  }

  pause(name: string): Promise<readonly Step[]> {
    return this.#signal(name, 'TSTP', 'paused');
  }

  resume(name: string): Promise<readonly Step[]> {
    return this.#signal(name, 'CONT', 'running');
  }

  async status(name: string): Promise<ServiceStatus> {
    const { displayName, start, command, dataDir } = this.#read(name);
    const properties = SHOWN.join(',');
    const words = ['show', `${name}.service`, `--property=${properties}`, '--timestamp=unix'] as const;
    const { stdout } = await must(this.#options.run, ['systemctl', ...words]);
    return { name, displayName, start, command, dataDir, ...stateOf(stdout) };
  }

  async list(): Promise<readonly ServiceStatus[]> {
    const files = existsSync(this.#options.units) ? readdirSync(this.#options.units) : [];
    const names = files.flatMap((file) =>
      file.endsWith('.service') ? [file.slice(0, -'.service'.length)] : [],
    );
    const own = names.filter((name) => this.#find(name) !== null).sort();
    return await Promise.all(own.map((name) => this.status(name)));
  }

  async *logs(name: string, { lines, follow, signal }: LogOptions): AsyncGenerator<string, void> {
    this.#read(name);
    const words = [
      'journalctl',
      `--unit=${name}.service`,
      `--lines=${lines}`,
      '--output=short-iso',
      '--no-pager',
    ] as const;
    yield* commandLines([...words, '--quiet', ...(follow ? ['--follow'] : [])], signal);
  }

  elevation(): string | null {
    return process.getuid?.() === 0 ? null : 'as root, with sudo';
  }

  /** What starts with the machine. */
  #enabled(name: string, start: ServiceSpec['start']): readonly string[] {
    if (start === 'manual') return [];
    return [start === 'delayed' ? `${name}.timer` : `${name}.service`];
  }

  #control(name: string, verb: 'start' | 'stop' | 'restart' | 'reload'): Promise<readonly Step[]> {
    this.#read(name);
    return Promise.resolve([commandStep(this.#options.run, ['systemctl', verb, `${name}.service`])]);
  }

  #signal(name: string, signal: 'TSTP' | 'CONT', wanted: 'paused' | 'running'): Promise<readonly Step[]> {
    this.#read(name);
    // --kill-who is understood by old and new ones.
    const send = commandStep(this.#options.run, [
      'systemctl',
      'kill',
      '--kill-who=main',
      `--signal=SIG${signal}`,
      `${name}.service`,
    ]);
    const before = {
      what: `check that ${name} runs`,
      perform: async () => {
        const { state } = await this.status(name);
        if (state !== 'running' && state !== 'paused')
          throw new ZerothError(
            'SERVICE_FAILED',
            `service ${name} does not run (${state}): zeroth service start --name ${name}`,
          );
      },
    };
    if (!this.#notify) return Promise.resolve([before, send]);
    const wait = {
      what: `wait until ${name} says that it is ${wanted}`,
      perform: () => this.#until(name, wanted),
    };
    return Promise.resolve([before, send, wait]);
  }

  async #until(name: string, wanted: 'paused' | 'running'): Promise<void> {
    const end = Date.now() + PAUSE_PATIENCE;
    for (;;) {
      const { state, text } = await this.status(name);
      if (state === wanted) return;
      if (Date.now() > end || (state !== 'paused' && state !== 'running'))
        throw new ZerothError('SERVICE_FAILED', `service ${name} is not ${wanted}: ${text ?? state}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #mustBeFree(name: string): Promise<void> {
    const exists = new ZerothError(
      'SERVICE_EXISTS',
      `there is a unit ${name}.service already: choose another --name, or remove it first (zeroth service uninstall --name ${name})`,
    );
    if (existsSync(this.#unitOf(name)) || existsSync(this.#timerOf(name))) throw exists;
    // One of a package would be hidden by ours. Without systemd (a plan that is looked at) nobody knows.
    const shown = await this.#options
      .run('systemctl', ['show', `${name}.service`, '--property=LoadState', '--value'])
      .catch(() => null);
    if (shown?.code === 0 && shown.stdout.trim() !== 'not-found') throw exists;
  }

  async #version(): Promise<number> {
    const { stdout } = await this.#options.run('systemctl', ['--version']).catch(() => ({ stdout: '' }));
    return Number(/^systemd (\d{1,5})/.exec(stdout)?.[1] ?? 0);
  }

  #read(name: string): NonNullable<ReturnType<typeof readUnit>> {
    const found = this.#find(name);
    if (found !== null) return found;
    const foreign = existsSync(this.#unitOf(name));
    throw new ZerothError(
      'SERVICE_UNKNOWN',
      foreign
        ? `${this.#unitOf(name)} was not written by zeroth service install: use systemctl`
        : `no service ${name} is installed; zeroth service status lists those that are`,
    );
  }

  #find(name: string): ReturnType<typeof readUnit> {
    try {
      return readUnit(readFileSync(this.#unitOf(name), 'utf8'));
    } catch {
      return null;
    }
  }

  #unitOf(name: string): string {
    return join(this.#options.units, `${name}.service`);
  }

  #timerOf(name: string): string {
    return join(this.#options.units, `${name}.timer`);
  }

  #environmentOf(name: string): string {
    return join(this.#options.environments, `${name}.env`);
  }
}
