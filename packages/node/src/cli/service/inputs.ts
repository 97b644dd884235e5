/**
 * What a configuration says to the service manager: what the service writes, reads and binds.
 *
 * Guarantees: pure.
 */
import { dirname, isAbsolute, resolve } from 'node:path';
import { checkEndpoint, hasPort } from '../../config/endpoint.ts';
import type { Config } from '../../config/types.ts';
import type { ServiceSpec } from '../../service/manager.ts';

/** Ports that Unix keeps for those that may have them. */
const FIRST_FREE_PORT = 1024;

/** `folder`: where relative ipc paths of the service begin. */
export function needsOf(
  config: Config,
  folder: string,
): Pick<ServiceSpec, 'dataDir' | 'writes' | 'lowPorts' | 'stopTimeout'> {
  const { node, routes, sessions, admin } = config;
  const sides = routes.flatMap(({ frontend, backend }) => [frontend, backend]);
  const binds = [...sides.flatMap(({ bind }) => bind), ...(sessions?.bind ?? []), ...admin.bind];
  const connects = sides.flatMap(({ connect }) => connect);
  return {
    dataDir: node.dataDir,
    // Those that it connects to as well: they must be seen.
    writes: [...new Set([...binds, ...connects].flatMap((each) => ipcFolder(each, folder)))],
    lowPorts: binds.some(isLow),
    stopTimeout: node.stopTimeout,
  };
}

function ipcFolder(text: string, folder: string): string[] {
  const checked = checkEndpoint(text, 'connect');
  if (!checked.ok || checked.endpoint.transport !== 'ipc') return [];
  const { path } = checked.endpoint;
  // An abstract one is in no folder, and Windows has pipes.
  if (path.startsWith('@') || process.platform === 'win32') return [];
  return [dirname(isAbsolute(path) ? path : resolve(folder, path))];
}

function isLow(text: string): boolean {
  const checked = checkEndpoint(text, 'bind');
  if (!checked.ok || !hasPort(checked.endpoint)) return false;
  const { port } = checked.endpoint;
  return port > 0 && port < FIRST_FREE_PORT;
}
