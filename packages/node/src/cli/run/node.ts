/**
 * A node as a service: what `zeroth run` hands to the runner.
 *
 * Guarantees: standard output says where to connect, once, when every endpoint is bound; everything else goes to the log,
 * and to the record of the system; before there is a log, to standard error.
 */
import { existsSync } from 'node:fs';
import { formatProblems } from '../../config/format.ts';
import { DEFAULT_CONFIG_YAML } from '../../config/templates.ts';
import type { OpenedConfig } from '../../control/open.ts';
import { openConfig } from '../../control/open.ts';
import type { Daemon } from '../../daemon/daemon.ts';
import { startDaemon } from '../../daemon/daemon.ts';
import { ZerothError } from '../../errors.ts';
import { RouteError } from '../../flow/errors.ts';
import { logReport } from '../../flow/report.ts';
import type { Node } from '../../flow/topology.ts';
import type { LevelLog, LogOptions } from '../../log/create.ts';
import { createLog, isPretty } from '../../log/create.ts';
import { LogTap } from '../../log/tap.ts';
import type { ServiceHost } from '../../service/host.ts';
import type { Service, ServiceContext } from '../../service/program.ts';
import type { Journal, RunnerEvent } from '../../service/runner.ts';
import { isJournal } from '../../service/systemd/journal.ts';
import { banner } from '../banner.ts';
import { invalid } from '../config.ts';
import { CliError, describeError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { colourOn } from '../terminal.ts';
import { packageVersion } from '../version.ts';

export interface NodeOptions {
  /** Null: the embedded default. */
  readonly file: string | null;
  readonly quiet: boolean;
  /** Under which name the service manager started it; null: somebody else did. */
  readonly service: string | null;
  /** Where the log goes; null: standard error. */
  readonly log: string | null;
  readonly terminal: Terminal;
  readonly host: ServiceHost;
}

/** What `zeroth init` writes. A node reads no file that it was not told of. */
const UNUSED = 'zeroth.yaml';
const MAX_PROBLEMS = 10;
const STANDARD_ERROR = 2;
const FIRST_LOG = { level: 'silent', format: 'json' } as const;

export class NodeService implements Service, Journal {
  readonly name: string;
  readonly #options: NodeOptions;
  readonly #tap: LogTap = new LogTap();
  #log: LevelLog | null = null;
  /** The log does not say what goes to a person: it does not exist, is silent, or has no place for a way out. */
  #words = true;
  /** The log shows nothing: it does not exist, or is silent. */
  #silent = true;
  #problems: readonly string[] = [];
  #opened: OpenedConfig | null = null;
  #daemon: Daemon | null = null;

  constructor(options: NodeOptions) {
    this.name = options.service ?? 'zeroth';
    this.#options = options;
    const { kind, record } = options.host;
    if (record === null) return;
    // What goes to standard error goes to the journal: there it is an event with its fields instead.
    if (kind === 'systemd' && options.log === null) this.#tap.journal = record;
    else this.#tap.records.add(record);
  }

  get stopTimeout(): number {
    const config = this.#daemon?.node.config ?? this.#opened?.config;
    return config?.node.stopTimeout ?? 0;
  }

  async start({ signal, progress, fail }: ServiceContext): Promise<void> {
    const { file, quiet, service, terminal, host } = this.#options;
    // What goes wrong before the log is open is an event all the same where the system records them.
    if (host.record !== null)
      this.#log = await createLog(this.#logOptions({ ...FIRST_LOG, name: this.name }));
    const opened = await this.#open(signal);
    signal.throwIfAborted();
    this.#opened = opened;
    const { config, warnings } = opened;
    const log = await this.#openLog({ ...config.log, name: config.node.name });
    for (const { code, key, message } of warnings) log.event('config', { code, key, reason: message });
    if (file === null && existsSync(UNUSED)) log.event('config:unused', { file: UNUSED });
    const version = packageVersion();
    log.event('start', { version, file, runtime: process.version });
    const parts = { opened, log, tap: this.#tap, version, environment: process.env, progress };
    const daemon = await startDaemon(parts);
    this.#daemon = daemon;
    // A rejection is a crash.
    void daemon.failed().then((failure) => {
      if (failure !== null) fail(failed(failure.route, failure.error));
    });
    const { node, addresses: admin, local } = daemon;
    const routes = node.status();
    for (const route of routes) log.event('route:ready', readyFields(route));
    const { name, sessions } = node;
    log.event('ready', { routes: routes.length, sessions, admin, local });
    if (quiet || service !== null) return;
    void terminal.out(banner(routes, { version, name, file, sessions, admin }));
  }

  async stop(): Promise<void> {
    const report = await this.#daemon?.stop();
    if (report === undefined || this.#log === null) return;
    for (const route of report.routes) logReport(this.#log, route);
    const { undelivered, elapsed } = report;
    this.#log.event('stopped', { undelivered, elapsed });
  }

  async pause({ reason }: { readonly reason: string }): Promise<void> {
    await this.#daemon?.pause(reason);
  }

  async resume({ reason }: { readonly reason: string }): Promise<void> {
    await this.#daemon?.resume(reason);
  }

  /** What becomes of it stands in the log. */
  async reload({ reason }: { readonly reason: string }): Promise<string> {
    const via = this.#options.host.kind === 'windows' ? 'service' : 'signal';
    const report = await this.#daemon?.reload({ via, who: reason });
    if (report === undefined) return '';
    return report.ok ? `configuration version ${report.version}` : `refused: ${report.message}`;
  }

  alive(): boolean {
    return this.#daemon?.live ?? true;
  }

  report(event: RunnerEvent, fields: Readonly<Record<string, unknown>>): void {
    const { terminal } = this.#options;
    switch (event) {
      case 'crash':
        if (this.#silent) terminal.err(String((fields.err as Error | null)?.stack ?? fields.err));
        this.#log?.event(event, fields);
        return;
      case 'stop':
        this.#log?.event(event, fields);
        if (terminal.errIsTerminal && this.#daemon !== null)
          terminal.err(`This takes ${this.stopTimeout / 1000} s at most. Ctrl-C again exits at once.`);
        return;
      case 'stop:now':
      case 'service:overrun':
      case 'service:control':
      case 'service:refused':
        this.#log?.event(event, fields);
        return;
      default:
      // The node has an event of its own for it.
    }
  }

  failed(error: unknown): void {
    const { terminal, host } = this.#options;
    // A JSON log stays JSON to its last line; a person gets the words and the way out.
    if (this.#words) terminal.fail(error);
    if (this.#words && host.record === null) return;
    const { code, hint, message: reason } = describeError(error);
    const problems = this.#problems.length === 0 ? {} : { problems: this.#problems };
    this.#log?.event('failed', { ...placeOf(error), code, reason, hint, ...problems });
  }

  /** A node says nothing through its context: it has a log. */
  note(): void {}

  flush(): void {
    this.#log?.flush();
  }

  /** To be called at the very end. */
  close(): void {
    this.#log?.close();
  }

  /** The configuration, of the file and of the centre that it names. @throws CliError when it is not good. */
  async #open(signal: AbortSignal): Promise<OpenedConfig> {
    const { file, service, log, terminal } = this.#options;
    const from = file === null ? { text: DEFAULT_CONFIG_YAML, source: '(embedded default)' } : { path: file };
    const opened = await openConfig({ from, signal });
    if (opened.ok) return opened;
    signal.throwIfAborted();
    // Nobody reads what a service writes to standard error.
    if (service !== null || log !== null)
      await this.#openLog({ level: 'info', format: 'auto', name: this.name });
    const { code, message, problems } = opened;
    if (problems.length === 0) throw new CliError(code, message, { exitCode: EXIT.start });
    terminal.err(formatProblems(problems, { color: colourOn(process.stderr, process.env) }).trimEnd());
    this.#problems = problems
      .slice(0, MAX_PROBLEMS)
      .map((each) => formatProblems([each], { color: false }).trimEnd());
    throw invalid(file, problems.length);
  }

  async #openLog(wanted: Pick<LogOptions, 'level' | 'format' | 'name'>): Promise<LevelLog> {
    const { log: file } = this.#options;
    const options = { ...this.#logOptions(wanted), ...(file === null ? {} : { file }) };
    try {
      this.#log = await createLog(options);
    } catch (cause) {
      if (!(cause instanceof ZerothError)) throw cause;
      throw new CliError(cause.code, cause.message, { exitCode: EXIT.start, cause });
    }
    this.#silent = wanted.level === 'silent';
    this.#words = isPretty(options) || this.#silent;
    return this.#log;
  }

  #logOptions(wanted: Pick<LogOptions, 'level' | 'format' | 'name'>): LogOptions {
    const { log: file, terminal } = this.#options;
    return {
      ...wanted,
      terminal: terminal.errIsTerminal,
      colour: terminal.errColour,
      priorities: file === null && isJournal(process.env, STANDARD_ERROR),
      tap: this.#tap,
    };
  }
}

function failed(route: string, error: Error): ZerothError {
  return new ZerothError('ROUTE_FAILED', `route ${route} ended: ${error.message}`, { cause: error });
}

function placeOf(error: unknown): object {
  return error instanceof RouteError
    ? { route: error.route, side: error.side, endpoint: error.endpoint }
    : {};
}

function readyFields(route: ReturnType<Node['status']>[number]): Record<string, unknown> {
  const addresses = (side: 'frontend' | 'backend'): string[] =>
    route[side].endpoints.map(({ address }) => address);
  return {
    route: route.name,
    pattern: route.pattern,
    frontend: addresses('frontend'),
    backend: addresses('backend'),
  };
}
