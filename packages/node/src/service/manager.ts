/**
 * A service of the operating system, as whoever installs and controls it sees it: one interface, one folder per system.
 *
 * Guarantees: nothing is changed before the whole plan is known; a step that fails takes back the ones before it.
 */

/** Everything that an installed service is. Paths are absolute. */
export interface ServiceSpec {
  /** 1 to 64 letters, digits, ".", "_" or "-": the unit, the label, the key of the service. */
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  /** The program and its arguments, `--service NAME` included where it is `zeroth run`. */
  readonly command: readonly [program: string, ...arguments_: string[]];
  /** Where it runs. */
  readonly folder: string;
  /** What it writes; its account gets the rights to it. */
  readonly dataDir: string | null;
  /** What it must be able to read: the configuration. */
  readonly reads: readonly string[];
  /** Folders besides, that it makes files in: those of its ipc endpoints. */
  readonly writes: readonly string[];
  /** It binds ports below 1024. */
  readonly lowPorts: boolean;
  /** Added to the environment of the service. */
  readonly environment: Readonly<Record<string, string>>;
  /** The account; null: the least that the system has for a service (docs/service.md). */
  readonly user: string | null;
  readonly start: 'auto' | 'delayed' | 'manual';
  /** Milliseconds that a stop may take. */
  readonly stopTimeout: number;
}

/** One thing that is done, or with --dry-run told. */
export interface Step {
  /** In words, with the path, the command or the call: `write /etc/systemd/system/zeroth.service`. */
  readonly what: string;
  /** What is written, in full. */
  readonly content?: string;
  perform(): Promise<void>;
  /** Takes it back when a later step fails. */
  undo?(): Promise<void>;
}

export type ServiceState = 'running' | 'paused' | 'starting' | 'stopping' | 'stopped' | 'failed';

export interface ServiceStatus {
  readonly name: string;
  readonly displayName: string;
  readonly state: ServiceState;
  readonly start: 'auto' | 'delayed' | 'manual';
  readonly pid: number | null;
  /** Milliseconds since 1970; null: not known. */
  readonly since: number | null;
  /** How it ended last; null: it runs, or nobody knows. */
  readonly exitCode: number | null;
  readonly command: string;
  /** Where its data is, where the system's own files say so. */
  readonly dataDir?: string | null;
  /** What it says of itself, where the system keeps that. */
  readonly text: string | null;
}

export interface LogOptions {
  /** The last so many lines. */
  readonly lines: number;
  /** Goes on with what is written from now on, until `signal`. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** What a system's own commands answer: what they say, and 0 or what is wrong. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of the system's own commands to its end. Rejects when it isn't there at all. */
export type Run = (program: string, arguments_: readonly string[]) => Promise<Ran>;

/** The service manager of one system. Methods that change something give the steps; nothing has happened yet. */
export interface ServiceManager {
  readonly system: 'windows' | 'systemd' | 'launchd';
  /** @throws ZerothError SERVICE_EXISTS. */
  install(spec: ServiceSpec): Promise<readonly Step[]>;
  /** Leaves the data. @throws ZerothError SERVICE_UNKNOWN. */
  uninstall(name: string): Promise<readonly Step[]>;
  start(name: string): Promise<readonly Step[]>;
  stop(name: string): Promise<readonly Step[]>;
  restart(name: string): Promise<readonly Step[]>;
  pause(name: string): Promise<readonly Step[]>;
  resume(name: string): Promise<readonly Step[]>;
  reload(name: string): Promise<readonly Step[]>;
  /** @throws ZerothError SERVICE_UNKNOWN. */
  status(name: string): Promise<ServiceStatus>;
  /** Those that `zeroth service install` made. */
  list(): Promise<readonly ServiceStatus[]>;
  logs(name: string, options: LogOptions): AsyncIterable<string>;
  /** Null: this process may install and control services; otherwise how it could. */
  elevation(): string | null;
}
