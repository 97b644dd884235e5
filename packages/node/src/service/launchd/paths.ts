/** Where launchd's services keep their logs. */
import { join } from 'node:path';

export const LAUNCHD_LOGS = '/Library/Logs/zeroth';

/** What `service install` gives as --log. */
export function launchdLog(name: string, logs: string = LAUNCHD_LOGS): string {
  return join(logs, `${name}.log`);
}
