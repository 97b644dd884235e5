/**
 * The service manager of this system.
 *
 * Guarantees: what a system needs is loaded only there.
 */
import { existsSync } from 'node:fs';
import { ZerothError } from '../errors.ts';
import type { ServiceManager } from './manager.ts';

/** `plan`: for looking at what would be done; the service manager need not run. @throws ZerothError SERVICE_UNSUPPORTED. */
export async function openManager(
  platform: NodeJS.Platform,
  { plan }: { readonly plan: boolean },
): Promise<ServiceManager> {
  switch (platform) {
    case 'win32': {
      const { windowsManager } = await import('./windows/manager.ts');
      return windowsManager();
    }
    case 'darwin': {
      const { launchdManager } = await import('./launchd/manager.ts');
      return launchdManager();
    }
    case 'linux': {
      if (!plan && !existsSync('/run/systemd/system'))
        throw new ZerothError(
          'SERVICE_UNSUPPORTED',
          'systemd does not run here; in a container, run the node itself: zeroth run FILE (docs/service.md)',
        );
      const { systemdManager } = await import('./systemd/manager.ts');
      return systemdManager();
    }
    default:
      throw new ZerothError(
        'SERVICE_UNSUPPORTED',
        `there is no service manager that we know on ${platform}: zeroth run FILE`,
      );
  }
}
