/**
 * `zeroth/service`: run any program as a service of Windows, systemd or launchd. docs/service.md shows it at work.
 */
export type { EventLevel, Service, ServiceContext } from './service/program.ts';
export type { RunAsServiceOptions } from './service/run.ts';
export { runAsService } from './service/run.ts';
