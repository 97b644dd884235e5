/**
 * Services of macOS: a property list in /Library/LaunchDaemons, driven with launchctl.
 *
 * Guarantees: touches property lists that it wrote itself, and no others; uninstall leaves the data and the logs.
 */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ZerothError } from '../../errors.ts';
import { commandStep, must, runCommand } from '../command.ts';
import { dataSteps } from '../data.ts';
import { removeStep, writeStep } from '../files.ts';
import { readLog } from '../log-file.ts';
import type { LogOptions, Run, ServiceManager, ServiceSpec, ServiceStatus, Step } from '../manager.ts';
import { LAUNCHD_LOGS, launchdLog } from './paths.ts';
import { plistText, readPlist } from './plist.ts';
import { stateOfPrint } from './print.ts';

export interface LaunchdOptions {
  readonly daemons: string;
  readonly logs: string;
  readonly run: Run;
}

/** Of launchctl, when there is no such service. */
const NOT_FOUND = 113;
const MODE = 0o644;
/** With variables that may be secrets. */
const SECRET_MODE = 0o600;
/** Milliseconds that a service may take beyond its own time to end. */
const SPARE = 15_000;

export function launchdManager({
  daemons = '/Library/LaunchDaemons',
  logs = LAUNCHD_LOGS,
  run = runCommand,
}: Partial<LaunchdOptions> = {}): ServiceManager {
  return new LaunchdManager({ daemons, logs, run });
}

class LaunchdManager implements ServiceManager {
  readonly system = 'launchd';
  readonly #options: LaunchdOptions;

  constructor(options: LaunchdOptions) {
    this.#options = options;
  }

  async install(spec: ServiceSpec): Promise<readonly Step[]> {
    const { run, logs } = this.#options;
    const { name, start, dataDir, user, environment } = spec;
    if (start === 'delayed')
      throw new ZerothError(
        'SERVICE_UNSUPPORTED',
        'launchd has no delayed start: --start auto or --start manual',
      );
    const path = this.#plistOf(name);
    const shown = await run('launchctl', ['print', `system/${name}`]).catch(() => null);
    if (existsSync(path) || shown?.code === 0)
      throw new ZerothError(
        'SERVICE_EXISTS',
        `there is a service ${name} already: choose another --name, or remove it first (zeroth service uninstall --name ${name})`,
      );
    const owner = user ?? 'root';
    const where = { user, errors: this.#errorsOf(name) };
    const keys = Object.keys(environment);
    const hidden = Object.fromEntries(keys.map((key) => [key, '...']));
    const plist = {
      text: plistText(spec, where),
      mode: keys.length === 0 ? MODE : SECRET_MODE,
      shown: plistText({ ...spec, environment: hidden }, where),
    };
    return [
      ...(dataDir === null ? [] : await dataSteps(run, dataDir, owner)),
      ...(existsSync(logs) ? [] : [commandStep(run, ['install', '-d', '-m', '0755', logs], ['rmdir', logs])]),
      // Logs of an earlier service of this name go on.
      ...[dirname(launchdLog(name, logs)), this.#errorsOf(name)].map((path, at) => {
        if (existsSync(path)) return commandStep(run, ['chown', '-h', owner, path]);
        return at === 0
          ? commandStep(run, ['install', '-d', '-m', '0750', '-o', owner, path], ['rmdir', path])
          : commandStep(run, ['install', '-m', '0640', '-o', owner, '/dev/null', path], ['rm', path]);
      }),
      writeStep(path, plist.text, plist.mode, plist.shown),
      commandStep(run, ['launchctl', 'enable', `system/${name}`]),
      commandStep(run, ['launchctl', 'bootstrap', 'system', path]),
    ];
  }

  uninstall(name: string): Promise<readonly Step[]> {
    this.#read(name);
    const remove = {
      what: `launchctl bootout system/${name}`,
      perform: async () => {
        await must(this.#options.run, ['launchctl', 'bootout', `system/${name}`], [3, NOT_FOUND]);
      },
    };
    return Promise.resolve([remove, removeStep(this.#plistOf(name), MODE)]);
  }

  start(name: string): Promise<readonly Step[]> {
    this.#read(name);
    return Promise.resolve([commandStep(this.#options.run, ['launchctl', 'kickstart', `system/${name}`])]);
  }

  stop(name: string): Promise<readonly Step[]> {
    const { exitTime } = this.#read(name);
    return Promise.resolve([
      this.#kill(name, 'SIGTERM'),
      { what: `wait until ${name} has ended`, perform: () => this.#ended(name, exitTime * 1000 + SPARE) },
    ]);
  }

  async restart(name: string): Promise<readonly Step[]> {
    const { state } = await this.status(name);
    return [...(state === 'running' ? await this.stop(name) : []), ...(await this.start(name))];
  }

  pause(name: string): Promise<readonly Step[]> {
    this.#read(name);
    return Promise.resolve([this.#kill(name, 'SIGTSTP')]);
  }

  resume(name: string): Promise<readonly Step[]> {
    this.#read(name);
    return Promise.resolve([this.#kill(name, 'SIGCONT')]);
  }

  reload(name: string): Promise<readonly Step[]> {
    this.#read(name);
    return Promise.resolve([this.#kill(name, 'SIGHUP')]);
  }

  async status(name: string): Promise<ServiceStatus> {
    const { displayName, start, command, dataDir } = this.#read(name);
    const { stdout } = await must(this.#options.run, ['launchctl', 'print', `system/${name}`], [NOT_FOUND]);
    return { name, displayName, start, command, dataDir, ...stateOfPrint(stdout), since: null, text: null };
  }

  async list(): Promise<readonly ServiceStatus[]> {
    const files = existsSync(this.#options.daemons) ? readdirSync(this.#options.daemons) : [];
    const names = files.flatMap((file) => (file.endsWith('.plist') ? [file.slice(0, -'.plist'.length)] : []));
    const own = names.filter((name) => this.#find(name) !== null).sort();
    return await Promise.all(own.map((name) => this.status(name)));
  }

  async *logs(name: string, options: LogOptions): AsyncGenerator<string, void> {
    const { log, errors } = this.#read(name);
    yield* readLog(log ?? errors, options);
  }

  elevation(): string | null {
    return process.getuid?.() === 0 ? null : 'as root, with sudo';
  }

  #kill(name: string, signal: string): Step {
    return commandStep(this.#options.run, ['launchctl', 'kill', signal, `system/${name}`]);
  }

  async #ended(name: string, patience: number): Promise<void> {
    const end = Date.now() + patience;
    while ((await this.status(name)).pid !== null) {
      if (Date.now() > end)
        throw new ZerothError('SERVICE_FAILED', `service ${name} does not end; its log may say why`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #read(name: string): NonNullable<ReturnType<typeof readPlist>> {
    const found = this.#find(name);
    if (found !== null) return found;
    if (isClosed(this.#plistOf(name)))
      throw new ZerothError(
        'SERVICE_ELEVATION',
        `${this.#plistOf(name)} is for root alone, as there may be secrets in it: ask with sudo`,
      );
    throw new ZerothError(
      'SERVICE_UNKNOWN',
      existsSync(this.#plistOf(name))
        ? `${this.#plistOf(name)} was not written by zeroth service install: use launchctl`
        : `no service ${name} is installed; zeroth service status lists those that are`,
    );
  }

  #find(name: string): ReturnType<typeof readPlist> {
    try {
      return readPlist(readFileSync(this.#plistOf(name), 'utf8'));
    } catch {
      return null;
    }
  }

  #plistOf(name: string): string {
    return join(this.#options.daemons, `${name}.plist`);
  }

  #errorsOf(name: string): string {
    return join(this.#options.logs, `${name}.err`);
  }
}

/** With variables of --env in it, nobody but root reads it. */
function isClosed(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}
