/**
 * All checks of the machine.
 *
 * Guarantees: they run side by side, each for {@link CHECK_WITHIN} ms at most; a check that fails itself, or takes too long,
 * is a result like another; nothing is left behind and nothing is changed; results come in the order of {@link CHECKS}.
 */
import { setMaxListeners } from 'node:events';
import { DEFAULT_CONFIG_YAML } from '../config/templates.ts';
import type { OpenedConfig } from '../control/open.ts';
import { openConfig } from '../control/open.ts';
import type { Refused } from '../control/types.ts';
import { messageOf } from '../errors.ts';
import type { CheckResult, ConfiguredSurroundings, Surroundings } from './check.ts';
import { warning } from './check.ts';
import { checkClock, checkSkew } from './clock.ts';
import { judgeConfig } from './config.ts';
import { checkConnects } from './connect.ts';
import { checkCryptography } from './cryptography.ts';
import { checkData } from './data.ts';
import { checkIpc } from './ipc.ts';
import { checkNetwork } from './network.ts';
import { checkFiles, checkNode } from './node.ts';
import { checkPermissions } from './permissions.ts';
import { checkPorts } from './ports.ts';
import { checkServices } from './services.ts';

const CENTRE_WITHIN = 1000;
const CHECK_WITHIN = 1800;

type Check = (surroundings: Surroundings) => Promise<readonly CheckResult[]>;
type ConfiguredCheck = (surroundings: ConfiguredSurroundings) => Promise<readonly CheckResult[]>;

/** In the order in which they are shown. Those that need the configuration wait for it, and are left out without. */
const CHECKS: readonly (
  | { readonly name: string; readonly run: Check }
  | { readonly name: string; readonly configured: ConfiguredCheck }
)[] = [
  { name: 'node', run: checkNode },
  { name: 'files', configured: checkFiles },
  { name: 'permissions', configured: (given) => checkPermissions(given) },
  { name: 'ports', configured: checkPorts },
  { name: 'connect', configured: (given) => checkConnects(given) },
  { name: 'data', configured: (given) => checkData(given) },
  { name: 'clock', run: checkClock },
  { name: 'clock', configured: (given) => checkSkew(given, given.opened.config) },
  { name: 'ipc', run: checkIpc },
  { name: 'cryptography', configured: (given) => checkCryptography(given) },
  { name: 'network', configured: (given) => checkNetwork(given) },
  { name: 'service', run: checkServices },
];

export interface Diagnosis {
  /** No failure. */
  readonly ok: boolean;
  /** The configuration is refused. */
  readonly configRefused: boolean;
  /** A check has not ended: what it waits for may keep the process. */
  readonly hangs: boolean;
  readonly results: readonly CheckResult[];
}

export interface DoctorOptions extends Omit<Surroundings, 'signal'> {
  readonly signal: AbortSignal;
  /** Told of each check that has ended. */
  readonly progress?: (done: number, of: number) => void;
  /** Milliseconds for each check. */
  readonly within?: number;
}

export async function diagnose(options: DoctorOptions): Promise<Diagnosis> {
  const { file, environment, openManager, signal, progress = () => {}, within = CHECK_WITHIN } = options;
  const opening = open(file);
  // One for each check.
  setMaxListeners(0, signal);
  let [done, running] = [0, 0];
  const counted = async (check: Promise<readonly CheckResult[]>): Promise<readonly CheckResult[]> => {
    running++;
    return check.finally(() => running--);
  };
  const run = async (each: (typeof CHECKS)[number]): Promise<readonly CheckResult[]> => {
    const opened = 'configured' in each ? await opening : null;
    const results =
      opened?.ok === false
        ? []
        : await limited(each.name, within, signal, (over) => {
            const given = { file, environment, openManager, signal: over };
            if ('run' in each) return counted(each.run(given));
            return counted(each.configured({ ...given, opened: opened as OpenedConfig }));
          });
    progress(++done, CHECKS.length);
    return results;
  };
  const all = await Promise.all(CHECKS.map(run));
  const opened = await opening;
  const results = [...judgeConfig(file, opened), ...all.flat()];
  return {
    ok: results.every(({ status }) => status !== 'failure'),
    configRefused: !opened.ok && opened.problems.length > 0,
    hangs: running > 0,
    results,
  };
}

async function open(file: string | null): Promise<OpenedConfig | Refused> {
  const from = file === null ? { text: DEFAULT_CONFIG_YAML, source: '(embedded default)' } : { path: file };
  return await openConfig({ from, patience: CENTRE_WITHIN });
}

async function limited(
  name: string,
  within: number,
  signal: AbortSignal,
  check: (over: AbortSignal) => Promise<readonly CheckResult[]>,
): Promise<readonly CheckResult[]> {
  const over = new AbortController();
  // One for each endpoint.
  setMaxListeners(0, over.signal);
  let end = (): void => {};
  const late = new Promise<readonly CheckResult[]>((resolve) => {
    end = () => {
      over.abort();
      const way = 'something of the system hangs: a disk, a name server, a service; see its log';
      resolve([warning(name, `no result within ${within / 1000} s`, way, { within })]);
    };
  });
  const timer = setTimeout(end, within);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([check(over.signal), late]);
  } catch (error) {
    return [warning(name, `the check itself failed: ${messageOf(error)}`, 'please report it', {})];
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    over.abort();
  }
}
