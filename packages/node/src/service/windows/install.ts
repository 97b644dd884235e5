/**
 * What an installation on Windows does, step by step, and its reverse.
 *
 * Guarantees: the service is made before anything is said of it, and taken away again when a later step fails. Values of the
 * environment are shown nowhere, and only administrators and the service can read them in the registry.
 */

import { win32 } from 'node:path';
import { ZerothError } from '../../errors.ts';
import { strangeIn } from '../data.ts';
import type { ServiceSpec, Step } from '../manager.ts';
import { stopService } from './control.ts';
import type { FolderTools } from './folders.ts';
import { folderStep, grantStep, lookStep, ownFolderSteps, rootSteps } from './folders.ts';
import { windowsFolder, windowsLogFile, windowsRoot } from './paths.ts';
import { commandLine } from './quote.ts';
import type { Registry, RegistryValue } from './registry.ts';
import { eventSourceKey, serviceKey } from './registry.ts';
import type { NewService, Scm, Settings } from './scm.ts';
import { RIGHT, START_TYPE } from './scm.ts';
import { ADMINISTRATORS, accountOf, SYSTEM, serviceSid } from './sid.ts';

/** Services that are ours, for everybody to read: what is in the key of a service is not. */
export const OURS = 'SOFTWARE\\Zeroth\\Services';

/** Shows the text of any event as it is; on every Windows since 8. */
const MESSAGES = '%SystemRoot%\\Microsoft.NET\\Framework64\\v4.0.30319\\EventLogMessages.dll';

/** Characters of a command line that the system still tells. */
const COMMAND_LINE = 3000;
/** Names that mean a device, in any folder and whatever their ending. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Milliseconds until it is started again after the first, the second, each further failure. */
const RESTART_AFTER = [5000, 30_000, 60_000];
/** Seconds without a failure after which the first counts as the first again. */
const RESET_AFTER = 86_400;
/** Milliseconds that the system gives a service beyond what it takes to deliver: the runner itself gives up before that. */
const GRACE = 20_000;

export interface Tools extends FolderTools {
  readonly scm: Scm;
  readonly registry: Registry;
}

/** @throws ZerothError USAGE: what this system would not do as it was said; SERVICE_EXISTS: the name is another program's. */
export function installSteps(
  tools: Tools,
  spec: ServiceSpec,
  environment: NodeJS.ProcessEnv = process.env,
): Step[] {
  const { scm, registry, run } = tools;
  const { name, dataDir } = spec;
  checkProgram(spec, environment);
  checkCommandLine(commandLine(spec.command), environment);
  checkServiceName(registry, name);
  if (dataDir !== null) checkDataFolder(dataDir, environment);
  const sid = serviceSid(name);
  const own = windowsFolder(name);
  const folders = [...rootSteps(tools, windowsRoot()), ...ownFolderSteps(tools, own, sid)];
  folders.push(folderStep(win32.dirname(windowsLogFile(name))));
  if (dataDir !== null) folders.push(...dataSteps(tools, spec, dataDir, own, sid));
  return [
    createStep(scm, spec),
    settingsStep(scm, spec),
    ...parametersSteps(registry, spec, sid),
    eventSourceStep(registry, name),
    ...folders,
    lookStep(run, spec.folder, sid),
    ...spec.reads.map((path) => grantStep(run, path, sid, 'R')),
    ...spec.writes.map((path) => grantStep(run, path, sid, 'M')),
    registryStep(registry, `${OURS}\\${name}`, { LogFile: windowsLogFile(name) }),
  ];
}

export function uninstallSteps({ scm, registry }: Tools, name: string): Step[] {
  return [
    {
      what: `stop service ${name} (ControlService STOP), and wait until it has`,
      perform: () => stopService(scm, name),
    },
    {
      what: `remove service ${name} (DeleteService)`,
      perform: async () => scm.use(name, RIGHT.delete, (service) => service.delete()),
    },
    ...[eventSourceKey(name), `${OURS}\\${name}`].map((key) => ({
      what: `remove registry key HKLM\\${key}`,
      perform: async () => registry.remove(key),
    })),
  ];
}

function dataSteps(
  tools: FolderTools,
  { folder, command, reads }: ServiceSpec,
  dataDir: string,
  own: string,
  sid: string,
): Step[] {
  // Inside of its own folder the rights are there already.
  if (isInside(dataDir, own)) return [folderStep(dataDir)];
  // A folder that other things are in, too, stays open to whom it is open: a whole drive, the one of the configuration.
  const shared = [folder, ...reads, ...command].some((path) => isInside(`${path}\\`, dataDir));
  if (shared || win32.parse(dataDir).base === '')
    return [folderStep(dataDir), grantStep(tools.run, dataDir, sid, 'M')];
  const strange = strangeIn(dataDir);
  if (strange !== undefined)
    throw new ZerothError(
      'SERVICE_FAILED',
      `the data folder ${dataDir} has ${JSON.stringify(strange)} in it, which is not of a node: choose another node.dataDir`,
    );
  return ownFolderSteps(tools, dataDir, sid);
}

/**
 * A program in somebody's profile, where `npm install --global` puts it, is closed to other accounts, and rights to it alone
 * don't help: Node looks at each folder on the way to a script.
 */
function checkProgram({ name, user, command, reads }: ServiceSpec, environment: NodeJS.ProcessEnv): void {
  const { USERPROFILE: profile, PUBLIC: open } = environment;
  if (profile === undefined || profile === '' || accountOf(user, name) === 'LocalSystem') return;
  const profiles = win32.dirname(profile);
  const hidden = command.find(
    (word) =>
      isInside(word, profiles) && !(open !== undefined && isInside(word, open)) && !reads.includes(word),
  );
  if (hidden !== undefined)
    throw new ZerothError(
      'USAGE',
      `${accountOf(user, name)} can't read ${hidden}, which is in the profile of a person. Put the program where every account can ` +
        'read it (zeroth.exe in C:\\Program Files\\zeroth; or npm install --global --prefix "C:\\Program Files\\zeroth" zeroth), ' +
        'or choose --user LocalSystem, which may do anything',
    );
}

/**
 * Windows keeps a command line as a text with %NAMES%, which it replaces at each start; it has no way to write a "%" that
 * is none. And it tells nobody a longer one (8 KiB, with the names of the service).
 */
function checkCommandLine(line: string, environment: NodeJS.ProcessEnv): void {
  const names = new Set(Object.keys(environment).map((name) => name.toUpperCase()));
  const replaced = line
    .split('%')
    .slice(1, -1)
    .find((name) => names.has(name.toUpperCase()));
  if (replaced !== undefined)
    throw new ZerothError(
      'USAGE',
      `Windows would replace %${replaced}% in the command of a service by what it stands for: write that itself, or rename the file`,
    );
  if (line.length > COMMAND_LINE)
    throw new ZerothError(
      'USAGE',
      `the command of a service has ${COMMAND_LINE} characters at most, not ${line.length}: use a shorter path or fewer arguments`,
    );
}

/** Its folders are named after it, and its events. */
function checkServiceName(registry: Registry, name: string): void {
  if (name.endsWith('.') || DEVICE.test(name))
    throw new ZerothError('USAGE', `${name} can't be the name of a folder on Windows: choose another --name`);
  const source = registry.read(eventSourceKey(name), 'EventMessageFile');
  if (source !== null && source !== MESSAGES)
    throw new ZerothError(
      'SERVICE_EXISTS',
      `another program writes events as ${name} (registry key HKLM\\${eventSourceKey(name)}): choose another --name`,
    );
}

/** It becomes the service's own, with all that is in it: never one of the system's, or of a person. */
function checkDataFolder(dataDir: string, environment: NodeJS.ProcessEnv): void {
  const {
    SystemRoot: system = 'C:\\Windows',
    USERPROFILE: profile = '',
    ProgramFiles: programs,
  } = environment;
  const taken = [system, profile, programs, environment['ProgramFiles(x86)']];
  const folder = win32.normalize(dataDir).replace(/\\+$/, '');
  const ofPerson = win32.dirname(folder).toLowerCase() === win32.dirname(profile).toLowerCase();
  const holds = [...taken, windowsRoot()].some((path) => path !== undefined && isInside(`${path}\\`, folder));
  if (holds || (profile !== '' && ofPerson) || isInside(folder, system))
    throw new ZerothError(
      'USAGE',
      `${dataDir} is not for one service alone: give it a folder of its own (node.dataDir)`,
    );
}

function createStep(scm: Scm, spec: ServiceSpec): Step {
  const service: NewService = {
    name: spec.name,
    displayName: spec.displayName,
    account: accountOf(spec.user, spec.name),
    startType: spec.start === 'manual' ? START_TYPE.manual : START_TYPE.auto,
    commandLine: commandLine(spec.command),
  };
  return {
    what: `create service ${spec.name} (CreateServiceW)`,
    content: lines({
      command: service.commandLine,
      account: service.account,
      start: spec.start,
      'display name': spec.displayName,
    }),
    perform: async () => scm.create(service),
    undo: async () => scm.use(spec.name, RIGHT.delete, (made) => made.delete()),
  };
}

function settingsStep(scm: Scm, spec: ServiceSpec): Step {
  const settings: Settings = {
    description: spec.description,
    delayed: spec.start === 'delayed',
    restartAfter: RESTART_AFTER,
    resetAfter: RESET_AFTER,
    preshutdown: spec.stopTimeout + GRACE,
  };
  return {
    what: `set up service ${spec.name} (ChangeServiceConfig2W)`,
    content: lines({
      description: spec.description,
      'after a failure': `started again after ${RESTART_AFTER.map((time) => `${time / 1000} s`).join(', ')}; counted anew after a day`,
      'at a shutdown': `${settings.preshutdown / 1000} s to stop`,
      'delayed start': settings.delayed ? 'yes' : 'no',
      identifier: serviceSid(spec.name),
    }),
    // SC_ACTION_RESTART needs the right to start it.
    perform: async () =>
      scm.use(spec.name, RIGHT.changeConfig | RIGHT.start, (service) => service.change(settings)),
  };
}

/** They go with the service when it is removed. */
function parametersSteps(
  registry: Registry,
  { name, environment, folder }: ServiceSpec,
  sid: string,
): Step[] {
  const key = serviceKey(name);
  const variables = Object.entries(environment);
  const steps: Step[] = [];
  if (variables.length > 0) {
    steps.push({
      what: `only administrators and the service may read registry key HKLM\\${key}`,
      perform: async () =>
        registry.protect(key, `D:PAI(A;CI;KA;;;${SYSTEM})(A;CI;KA;;;${ADMINISTRATORS})(A;CI;KR;;;${sid})`),
    });
    steps.push({
      what: `write registry value HKLM\\${key}\\Environment`,
      content: variables.map(([variable]) => `${variable}=...`).join('\n'),
      perform: async () =>
        registry.write(key, { Environment: variables.map(([variable, value]) => `${variable}=${value}`) }),
    });
  }
  const parameters = registryStep(registry, `${key}\\Parameters`, { Folder: folder });
  return [...steps, parameters];
}

function eventSourceStep(registry: Registry, name: string): Step {
  // Errors, warnings, information.
  return registryStep(registry, eventSourceKey(name), {
    EventMessageFile: { expand: MESSAGES },
    TypesSupported: 7,
  });
}

function registryStep(
  registry: Registry,
  key: string,
  values: Readonly<Record<string, RegistryValue>>,
): Step {
  const texts = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'object' && 'expand' in value ? value.expand : String(value),
  ]);
  return {
    what: `write registry key HKLM\\${key}`,
    content: lines(Object.fromEntries(texts)),
    perform: async () => registry.write(key, values),
    undo: async () => registry.remove(key),
  };
}

function lines(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

function isInside(path: string, folder: string): boolean {
  return path.toLowerCase().startsWith(`${folder.toLowerCase().replace(/\\+$/, '')}\\`);
}
