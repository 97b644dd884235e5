/**
 * `zeroth/service`: run any program as a service of Windows, systemd or launchd.
 */
export {};
