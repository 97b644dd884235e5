/**
 * Who started this process: the Windows service control manager, systemd, or somebody who sends signals.
 *
 * Guarantees: what a system needs is loaded only there; where it is missing, the program runs with signals.
 */
import type { ServiceHost } from './host.ts';
import { signalHost } from './signals.ts';

/**
 * @param name that the service is installed under; null: on Windows nobody but a person started it.
 * @throws ZerothError SERVICE_UNSUPPORTED: started by the service control manager, and there is nothing to talk to it with.
 */
export async function openHost(name: string | null, environment: NodeJS.ProcessEnv): Promise<ServiceHost> {
  return (await systemHost(name, environment)) ?? signalHost();
}

async function systemHost(name: string | null, environment: NodeJS.ProcessEnv): Promise<ServiceHost | null> {
  if (process.platform === 'win32') {
    if (name === null) return null;
    const { openWindowsHost } = await import('./windows/host.ts');
    return openWindowsHost(name);
  }
  if (environment.NOTIFY_SOCKET === undefined && environment.JOURNAL_STREAM === undefined) return null;
  const { openSystemdHost } = await import('./systemd/host.ts');
  return openSystemdHost(environment);
}
