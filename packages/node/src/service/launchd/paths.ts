/** Where launchd's services keep their logs. */
import { join } from 'node:path';

export const LAUNCHD_LOGS = '/Library/Logs/zeroth';

/** What `service install` gives as --log: in a folder of the account, which makes and replaces files there. */
export function launchdLog(name: string, logs: string = LAUNCHD_LOGS): string {
  return join(logs, name, 'zeroth.log');
}
