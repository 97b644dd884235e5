/**
 * What an installation on Windows does, step by step, and its reverse.
 *
 * Guarantees: the service is made before anything is said of it, and taken away again when a later step fails. Values of the
 * environment are shown nowhere, and only administrators and the service can read them in the registry.
 */

import { win32 } from 'node:path';
import { ZerothError } from '../../errors.ts';
import type { Run, ServiceSpec, Step } from '../manager.ts';
import { stopService } from './control.ts';
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

/** Milliseconds until it is started again after the first, the second, each further failure. */
const RESTART_AFTER = [5000, 30_000, 60_000];
/** Seconds without a failure after which the first counts as the first again. */
const RESET_AFTER = 86_400;
/** Milliseconds that the system gives a service beyond what it takes to deliver: the runner itself gives up before that. */
const GRACE = 20_000;

export interface Tools {
  readonly scm: Scm;
  readonly registry: Registry;
  readonly run: Run;
}

/** @throws ZerothError USAGE: the account needs a password, or could not read the program. */
export function installSteps(
  { scm, registry, run }: Tools,
  spec: ServiceSpec,
  environment: NodeJS.ProcessEnv = process.env,
): Step[] {
  const { name, dataDir } = spec;
  checkProgram(spec, environment);
  const sid = serviceSid(name);
  const own = windowsFolder(name);
  const folders = [...rootSteps(run, windowsRoot()), ...ownFolderSteps(run, own, sid)];
  folders.push(folderStep(win32.dirname(windowsLogFile(name))));
  if (dataDir !== null) folders.push(...dataSteps(run, spec, dataDir, own, sid));
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
  run: Run,
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
    return [folderStep(dataDir), grantStep(run, dataDir, sid, 'M')];
  return ownFolderSteps(run, dataDir, sid);
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
