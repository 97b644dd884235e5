/**
 * `zeroth service install|uninstall`.
 *
 * Guarantees: a configuration with problems is not installed; the paths of what is installed are absolute; uninstall leaves
 * the data.
 */
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { printable } from '../../config/problem.ts';
import { launchdLog } from '../../service/launchd/paths.ts';
import type { ServiceManager } from '../../service/manager.ts';
import { ownCommand } from '../../service/self.ts';
import type { SpecInput } from '../../service/spec.ts';
import { buildSpec, DEFAULT_NAME, resolveCommand } from '../../service/spec.ts';
import { windowsLogFile } from '../../service/windows/paths.ts';
import type { CommandContext } from '../command.ts';
import { configOf } from '../config.ts';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { examples } from '../tool/help.ts';
import { needsOf } from './inputs.ts';
import type { PlanOptions } from './manager.ts';
import { addName, addPlan, carryOut, managerFor, mustBeElevated } from './manager.ts';

interface InstallOptions extends PlanOptions {
  readonly displayName?: string;
  readonly description?: string;
  readonly user?: string;
  readonly start: 'auto' | 'delayed' | 'manual';
  readonly env: readonly string[];
}

/** Milliseconds that a program with zeroth/service in it may take to stop, if nothing else is known. */
const STOP_TIMEOUT = 30_000;

export function describeInstall(command: Command, context: CommandContext): void {
  const install = command
    .command('install')
    .summary('install a service; it starts with the machine')
    .description('Install a service; it starts with the machine, without a login. Does not start it now.')
    .usage('[options] FILE\n       zeroth service install [options] --name NAME -- COMMAND...')
    .argument('[FILE]', 'configuration of the node');
  addName(install);
  install
    .option('--display-name <TEXT>', 'name for people (default: Zeroth, with the name)')
    .option('--description <TEXT>', 'what it is there for')
    .option('--user <NAME>', 'account that it runs as (default: one with few rights, docs/service.md)')
    .addOption(
      new Option(
        '--start <WHEN>',
        'auto: with the machine; delayed: two minutes later; manual: when it is told to',
      )
        .choices(['auto', 'delayed', 'manual'])
        .default('auto'),
    )
    .addOption(
      new Option('--env <KEY=VALUE>', 'a variable of its environment; any number of them')
        .default([], 'none')
        .argParser((value: string, before: readonly string[]) => [...before, value]),
    );
  addPlan(install);
  install
    .addHelpText(
      'after',
      examples([
        'sudo zeroth service install /etc/zeroth/zeroth.yaml',
        'zeroth service install zeroth.yaml --dry-run            look first: every file and call',
        'sudo zeroth service install edge.yaml --name edge --env NODE_EXTRA_CA_CERTS=/etc/ssl/own.pem',
        'sudo zeroth service install --name app -- node app.js   a program that uses zeroth/service',
      ]),
    )
    .action((file: string | undefined) => runInstall(file ?? null, install.opts<InstallOptions>(), context));

  const uninstall = command
    .command('uninstall')
    .summary('stop and remove a service; its data stays')
    .description('Stop and remove a service. Its data, logs and configuration stay.');
  addName(uninstall);
  addPlan(uninstall);
  uninstall.action(() => runUninstall(uninstall.opts<PlanOptions>(), context));
}

async function runInstall(
  file: string | null,
  options: InstallOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal, exit } = context;
  const { name, dryRun = false, json = false } = options;
  const manager = await managerFor(name, dryRun);
  const input = inputOf(file, options, manager, context);
  const spec = buildSpec(input);
  if (!dryRun) mustBeElevated(manager);
  const steps = await manager.install(spec);
  if (!json) for (const words of warningsOf(input, manager)) terminal.err(`warning: ${printable(words)}`);
  await carryOut(steps, { terminal, dryRun, json });
  if (!dryRun) {
    if (json)
      void terminal.out(
        `${JSON.stringify({ installed: name, steps: steps.map(({ what }) => what) }, null, 2)}\n`,
      );
    else void terminal.out(nextWords(name, manager));
  }
  exit(EXIT.ok);
}

async function runUninstall(
  { name, dryRun = false, json = false }: PlanOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal, exit } = context;
  const manager = await managerFor(name, dryRun);
  const steps = await manager.uninstall(name);
  if (!dryRun) mustBeElevated(manager);
  const { dataDir = null } = await manager.status(name).catch(() => ({ dataDir: null }));
  await carryOut(steps, { terminal, dryRun, json });
  if (!dryRun) {
    if (json)
      void terminal.out(
        `${JSON.stringify({ uninstalled: name, dataDir, steps: steps.map(({ what }) => what) }, null, 2)}\n`,
      );
    else {
      const data = dataDir === null ? 'its data' : `its data (${printable(dataDir)})`;
      void terminal.out(`service ${name} is removed; ${data}, logs and configuration are still there\n`);
    }
  }
  exit(EXIT.ok);
}

/** @throws CliError USAGE, CONFIG_INVALID */
function inputOf(
  file: string | null,
  options: InstallOptions,
  manager: ServiceManager,
  { literal, terminal }: CommandContext,
): SpecInput {
  const { name, start, env } = options;
  const what = literal === null ? nodeInput(file, name, manager, terminal) : programInput(file, literal);
  return {
    ...what,
    name,
    displayName: options.displayName ?? (name === DEFAULT_NAME ? 'Zeroth' : `Zeroth ${name}`),
    description: options.description ?? (literal === null ? 'message node for ZeroMQ programs' : ''),
    user: options.user ?? userOf(manager),
    start,
    environment: env,
  };
}

type What = Omit<SpecInput, 'name' | 'displayName' | 'description' | 'user' | 'start' | 'environment'>;

function nodeInput(file: string | null, name: string, manager: ServiceManager, terminal: Terminal): What {
  if (file === null)
    throw usageError(
      'which configuration? A service needs a file: zeroth service install FILE',
      'zeroth init writes one: zeroth init && zeroth service install zeroth.yaml',
    );
  const path = resolve(file);
  const { config, warnings } = configOf(path, terminal);
  for (const { key, message } of warnings) terminal.err(`warning: ${printable(`${key}: ${message}`)}`);
  const { tokenFile } = config.admin;
  const folder = dirname(path);
  const log = logOf(manager, name);
  return {
    command: [
      ...ownCommand(),
      'run',
      path,
      '--quiet',
      '--service',
      name,
      ...(log === null ? [] : ['--log', log]),
    ],
    folder,
    reads: [path, ...(tokenFile === '' ? [] : [tokenFile])],
    ...needsOf(config, folder),
  };
}

function programInput(file: string | null, literal: readonly string[]): What {
  if (file !== null) throw usageError('a FILE or a command after --, not both');
  const folder = process.cwd();
  const command = resolveCommand(literal, { folder, path: process.env.PATH ?? '' });
  return {
    command,
    folder,
    dataDir: null,
    reads: [],
    writes: [],
    lowPorts: false,
    stopTimeout: STOP_TIMEOUT,
  };
}

/** Null: the system keeps what is written to standard error. */
function logOf({ system }: ServiceManager, name: string): string | null {
  if (system === 'systemd') return null;
  return system === 'windows' ? windowsLogFile(name) : launchdLog(name);
}

/** On macOS the person that is root for a moment: there is no account for services that anybody may use. */
function userOf({ system }: ServiceManager): string | null {
  const user = process.env.SUDO_USER ?? '';
  return system === 'launchd' && user !== '' && user !== 'root' ? user : null;
}

function warningsOf(
  { command, folder, dataDir, reads, user }: SpecInput,
  { system }: ServiceManager,
): string[] {
  const warnings: string[] = [];
  const paths = [command[0], ...reads, folder, ...(dataDir === null ? [] : [dataDir])];
  const inHome = paths.find((path) => [homedir(), '/home', '/Users'].some((home) => isBelow(path, home)));
  if (inHome !== undefined)
    warnings.push(
      `${inHome} is in the home of a person: a service has no login, and what is there may be closed to it, not mounted at boot, or removed (a version manager of Node does that)`,
    );
  const inTmp = paths.find((path) => ['/tmp', '/var/tmp', '/private/tmp'].some((tmp) => isBelow(path, tmp)));
  if (inTmp !== undefined) warnings.push(`${inTmp} is in a folder that systems empty`);
  if (system === 'launchd' && user === null)
    warnings.push('it will run as root: give it an account with --user');
  return warnings;
}

function isBelow(path: string, folder: string): boolean {
  return (
    folder !== '/' && (path === folder || path.startsWith(`${folder}/`) || path.startsWith(`${folder}\\`))
  );
}

function nextWords(name: string, manager: ServiceManager): string {
  const option = name === DEFAULT_NAME ? '' : ` --name ${name}`;
  const sudo = manager.system === 'windows' ? '' : 'sudo ';
  const pad = ' '.repeat(sudo.length);
  return [
    `service ${name} is installed. Next:`,
    `  ${sudo}zeroth service start${option}`,
    `  ${pad}zeroth service status${option}`,
    `  ${pad}zeroth service logs --follow${option}`,
    '',
  ].join('\n');
}
