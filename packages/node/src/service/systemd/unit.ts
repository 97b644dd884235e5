/**
 * A service -> the text of its systemd unit, and of the timer of a delayed start.
 *
 * Guarantees: pure; the unit may do what its configuration says and little else; it is one of ours, and says so in a
 * section of its own, which systemd does not read.
 */
import type { ServiceSpec, ServiceStatus } from '../manager.ts';
import { plainText, quoteCommand, quoteWord } from './quote.ts';

export interface UnitOptions {
  /** Of systemd: 252, 257. */
  readonly version: number;
  readonly user: string;
  /** The program tells systemd when it is ready and that it lives; without that there is neither a wait nor a watchdog. */
  readonly notify: boolean;
  /** With the variables of --env; null: there are none. */
  readonly environmentFile: string | null;
}

/** Milliseconds beyond what the service itself takes for a stop. */
const SPARE = 20_000;
/** Seconds after the boot at which a delayed service starts. */
const DELAY = 120;
const MARK = '[X-Zeroth]';

/**
 * In /run, where a service has its local control socket, and in /var/lib: one folder each, so that services of several
 * users don't meet. The prefix: systemd gives it to the account with all that is in it, and NAME may be another program's.
 */
function privateFolder(name: string): string {
  return `zeroth-${name}`;
}

export function unitText(spec: ServiceSpec, options: UnitOptions): string {
  const { name, displayName, description, start } = spec;
  const about = description === '' ? displayName : `${displayName}: ${description}`;
  return text([
    '# Written by zeroth service install, and removed by zeroth service uninstall.',
    `# Your own changes: systemctl edit ${name}`,
    '[Unit]',
    `Description=${plainText(about)}`,
    'After=network-online.target',
    'Wants=network-online.target',
    // A port that is taken may be free in an hour: it is tried again and again, every few seconds.
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    ...programLines(spec, options),
    '',
    ...hardeningLines(spec),
    '',
    ...(start === 'auto' ? ['[Install]', 'WantedBy=multi-user.target', ''] : []),
    MARK,
    `DisplayName=${plainText(displayName)}`,
    `DataDir=${plainText(spec.dataDir ?? `/var/lib/${privateFolder(name)}`)}`,
    `Start=${start}`,
  ]);
}

function programLines(spec: ServiceSpec, { version, user, notify, environmentFile }: UnitOptions): string[] {
  const { name, command, folder, dataDir, stopTimeout } = spec;
  return [
    ...(notify ? ['Type=notify', 'NotifyAccess=main', 'WatchdogSec=30'] : ['Type=exec']),
    `ExecStart=${quoteCommand(command)}`,
    'ExecReload=/bin/kill -HUP $MAINPID',
    `User=${user}`,
    `WorkingDirectory=${plainText(folder)}`,
    // Where zeroth status of root looks for it.
    `Environment=ZEROTH_RUNTIME_DIR=/run/${privateFolder(name)}`,
    // Without it the events of several services would all be of the same program.
    `Environment=SYSLOG_IDENTIFIER=${name}`,
    ...(environmentFile === null ? [] : [`EnvironmentFile=${plainText(environmentFile)}`]),
    `RuntimeDirectory=${privateFolder(name)}`,
    'RuntimeDirectoryMode=0750',
    `CacheDirectory=zeroth/${name}`,
    ...(dataDir === null ? [`StateDirectory=${privateFolder(name)}`] : []),
    'Restart=on-failure',
    'RestartSec=5',
    ...(version >= 254 ? ['RestartSteps=4', 'RestartMaxDelaySec=60'] : []),
    '# A wrong command line (2) or configuration (3) does not get better by trying again.',
    'RestartPreventExitStatus=2 3',
    '# systemd takes the end by a SIGHUP for a clean one: a reload that came before the process listens to it.',
    'RestartForceExitStatus=SIGHUP',
    // A start that takes longer, because streams are recovered, asks for more time by itself.
    'TimeoutStartSec=120',
    `TimeoutStopSec=${Math.ceil((stopTimeout + SPARE) / 1000)}`,
    'KillMode=mixed',
    'LimitNOFILE=1048576',
    'UMask=0027',
    `SyslogIdentifier=${name}`,
  ];
}

/** systemd.exec(5), "Sandboxing". */
function hardeningLines(spec: ServiceSpec): string[] {
  const { command, folder, dataDir, reads, writes, lowPorts } = spec;
  const paths = [...command, folder, ...reads, ...writes, ...(dataDir === null ? [] : [dataDir])];
  const uses = (...folders: readonly string[]): boolean =>
    paths.some((path) => folders.some((each) => path === each || path.startsWith(`${each}/`)));
  const home = uses('/home', '/root', '/run/user');
  const tmp = uses('/tmp', '/var/tmp');
  const device = uses('/dev');
  return [
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    ...(dataDir === null ? [] : [`ReadWritePaths=${quoteWord(dataDir)}`]),
    // The minus: a folder in /run may be made later, by another service.
    ...[...new Set(writes)].map((path) => `ReadWritePaths=${quoteWord(`-${path}`)}`),
    ...(home ? ['# Something that it needs is there.', 'ProtectHome=read-only'] : ['ProtectHome=yes']),
    ...(tmp
      ? ['# Its own /tmp would hide what it shares with other programs there.', 'PrivateTmp=no']
      : ['PrivateTmp=yes']),
    ...(device ? ['PrivateDevices=no'] : ['PrivateDevices=yes']),
    'ProtectKernelTunables=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelLogs=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'ProtectControlGroups=yes',
    'ProtectProc=invisible',
    // Netlink: how a program learns the addresses of an interface (bind: tcp://eth0:5555).
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'RemoveIPC=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service',
    'SystemCallErrorNumber=EPERM',
    ...(lowPorts
      ? [
          '# For its ports below 1024.',
          'CapabilityBoundingSet=CAP_NET_BIND_SERVICE',
          'AmbientCapabilities=CAP_NET_BIND_SERVICE',
        ]
      : ['CapabilityBoundingSet=']),
    '# No MemoryDenyWriteExecute: the JavaScript engine writes machine code and runs it.',
  ];
}

/** Starts the service a while after the boot. The service itself is not part of it. */
export function timerText({ name, displayName }: ServiceSpec): string {
  return text([
    '# Written by zeroth service install, and removed by zeroth service uninstall.',
    '[Unit]',
    `Description=${plainText(displayName)}, ${DELAY} s after the boot`,
    '',
    '[Timer]',
    `OnBootSec=${DELAY}`,
    `Unit=${name}.service`,
    '',
    '[Install]',
    'WantedBy=timers.target',
  ]);
}

/** What a unit of ours says; null: it is not one of ours. */
export function readUnit(unit: string):
  | (Pick<ServiceStatus, 'displayName' | 'start' | 'command'> & {
      readonly dataDir: string | null;
      readonly environmentFile: string | null;
    })
  | null {
  const at = unit.indexOf(`\n${MARK}\n`);
  if (at === -1) return null;
  const fieldOf = (part: string, key: string): string => {
    const line = part.split('\n').find((each) => each.startsWith(`${key}=`)) ?? '';
    return line.slice(key.length + 1).replaceAll('%%', '%');
  };
  const own = unit.slice(at);
  const start = fieldOf(own, 'Start');
  const textOrNull = (text: string): string | null => (text === '' ? null : text);
  return {
    displayName: fieldOf(own, 'DisplayName'),
    start: start === 'delayed' || start === 'manual' ? start : 'auto',
    command: fieldOf(unit, 'ExecStart').replace(/^("?):/, '$1'),
    dataDir: textOrNull(fieldOf(own, 'DataDir')),
    environmentFile: textOrNull(fieldOf(unit, 'EnvironmentFile')),
  };
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n').replace(/\n{3,}/g, '\n\n')}\n`;
}
