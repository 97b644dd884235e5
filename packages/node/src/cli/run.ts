/**
 * `zeroth run`: the node, in the foreground, until it is asked to stop.
 *
 * Guarantees: standard output says where to connect, once, when every endpoint is bound; the log goes to standard error;
 * SIGINT or SIGTERM stops accepting, delivers what was accepted within node.stopTimeout, tells what was not, and exits 0;
 * a second one exits at once; SIGHUP loads the configuration again.
 */
import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { formatProblems } from '../config/format.ts';
import { DEFAULT_CONFIG_YAML } from '../config/templates.ts';
import type { OpenedConfig } from '../control/open.ts';
import { openConfig } from '../control/open.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { startDaemon } from '../daemon/daemon.ts';
import { ZerothError } from '../errors.ts';
import { RouteError } from '../flow/errors.ts';
import { logReport } from '../flow/report.ts';
import type { Node } from '../flow/topology.ts';
import { createLog, isPretty } from '../log/create.ts';
import type { Log } from '../log/log.ts';
import { banner } from './banner.ts';
import type { CommandContext, DescribeCommand } from './command.ts';
import { invalid } from './config.ts';
import { CliError, describeError } from './errors.ts';
import { EXIT } from './exit.ts';
import type { Interrupts } from './signals.ts';
import { onHangUp, onInterrupt } from './signals.ts';
import type { Terminal } from './terminal.ts';
import { colourOn } from './terminal.ts';
import { examples } from './tool/help.ts';
import { packageVersion } from './version.ts';

/** What `zeroth init` writes. A node reads no file that it was not told of. */
const UNUSED = 'zeroth.yaml';

interface RunOptions {
  readonly quiet?: boolean;
}

export const describe: DescribeCommand = (command, context) => {
  command
    .argument('[FILE]', 'configuration; none: the embedded default, a route of each pattern and a stream')
    .option('-q, --quiet', 'do not print where to connect (the log has it as well)')
    .addHelpText(
      'after',
      `${examples([
        'zeroth run                       try it: ports 5550 to 5561 on 127.0.0.1',
        'zeroth run zeroth.yaml           the configuration that zeroth init wrote',
        'zeroth run zeroth.yaml 2> log    keep the log; it is JSON lines when standard error is no terminal',
      ])}

SIGINT (Ctrl-C) and SIGTERM stop accepting and deliver what was accepted, for at most
node.stopTimeout; the log has what could not be delivered. A second signal exits at once (130, 143).
A changed file is loaded by itself (node.watch), with SIGHUP, and with zeroth reload.`,
    )
    .action(async (file: string | undefined) => {
      context.exit(await run(file ?? null, command.opts<RunOptions>(), context));
    });
};

async function run(file: string | null, options: RunOptions, context: CommandContext): Promise<number> {
  const { terminal } = context;
  // Whatever is read, from a peer or from the disk, is memory outside of V8's heap, and V8 starts to mark its heap again
  // and again because of it. The heap of a node is small: marked in one go it costs half. (bench: stream-consume-1024)
  setFlagsFromString('--no-incremental-marking');
  const opened = await open(file, terminal);
  const { config, warnings } = opened;
  const { level, format } = config.log;
  const tap = { listener: null };
  const logOptions = { level, format, name: config.node.name, terminal: terminal.errIsTerminal };
  const log = await createLog({ ...logOptions, colour: terminal.errColour, tap });
  for (const { code, key, message } of warnings) log.warn({ event: 'config', code, key }, message);
  if (file === null && existsSync(UNUSED))
    log.warn(
      { event: 'config:unused', file: UNUSED },
      `${UNUSED} is here and is not used: zeroth run ${UNUSED}`,
    );
  const version = packageVersion();
  log.info({ event: 'start', version, file, runtime: process.version }, 'starting');
  // Listening before the first bind: a stop request in the middle of a start is one, too.
  const interrupts = onInterrupt((name) =>
    log.warn({ event: 'stop:now', signal: name }, 'second signal, exiting at once'),
  );
  const uncaught = crashLogger(log);
  // Before the first word to anybody who might send it; what starts reads its file anyway.
  let daemon: Daemon | null = null;
  const hangUp = onHangUp({
    // What becomes of it stands in the log.
    reload: () => void daemon?.reload({ via: 'signal', who: 'SIGHUP' }),
    lost: () => interrupts.interrupt('SIGHUP'),
  });
  try {
    daemon = await startDaemon({ opened, log, tap, version, environment: process.env });
    const { node, addresses: admin } = daemon;
    const routes = node.status();
    for (const route of routes) log.info({ event: 'route:ready', ...readyFields(route) }, 'route ready');
    const { name, sessions } = node;
    const control = { admin, local: daemon.local };
    log.info({ event: 'ready', routes: routes.length, sessions, ...control }, 'node ready');
    if (options.quiet !== true) void terminal.out(banner(routes, { version, name, file, sessions, admin }));
    return await untilStopped(daemon, { log, terminal, interrupts });
  } catch (error) {
    // A JSON log stays JSON to its last line; a person gets the words and the way out.
    if (isPretty(logOptions) || level === 'silent') throw error;
    const { exitCode, message, ...fields } = describeError(error);
    log.fatal({ event: 'failed', ...placeOf(error), ...fields }, message);
    return exitCode;
  } finally {
    hangUp.dispose();
    interrupts.dispose();
    uncaught.dispose();
  }
}

/** The configuration, of the file and of the centre that it names. @throws CliError when it is not good. */
async function open(file: string | null, terminal: Terminal): Promise<OpenedConfig> {
  const from = file === null ? { text: DEFAULT_CONFIG_YAML, source: '(embedded default)' } : { path: file };
  const opened = await openConfig({ from });
  if (opened.ok) return opened;
  const { code, message, problems } = opened;
  if (problems.length === 0) throw new CliError(code, message, { exitCode: EXIT.start });
  terminal.err(formatProblems(problems, { color: colourOn(process.stderr, process.env) }).trimEnd());
  throw invalid(file, problems.length);
}

function placeOf(error: unknown): object {
  return error instanceof RouteError
    ? { route: error.route, side: error.side, endpoint: error.endpoint }
    : {};
}

async function untilStopped(
  daemon: Daemon,
  { log, terminal, interrupts }: { log: Log; terminal: Terminal; interrupts: Interrupts },
): Promise<number> {
  const { node } = daemon;
  const stopAsked = new Promise<null>((resolve) => {
    if (interrupts.signal.aborted) resolve(null);
    interrupts.signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  const failure = await Promise.race([stopAsked, daemon.failed()]);
  const timeout = node.config.node.stopTimeout;
  if (failure === null) {
    const fields = { event: 'stop', signal: interrupts.received(), timeout };
    log.info(fields, 'stopping: delivering what was accepted');
    if (terminal.errIsTerminal)
      terminal.err(`This takes ${timeout / 1000} s at most. Ctrl-C again exits at once.`);
  }
  const report = await daemon.stop();
  for (const route of report.routes) logReport(log, route);
  const { undelivered, elapsed } = report;
  log.info({ event: 'stopped', undelivered, elapsed }, 'node stopped');
  if (failure === null) return EXIT.ok;
  throw new ZerothError('ROUTE_FAILED', `route ${failure.route} ended: ${failure.error.message}`, {
    cause: failure.error,
  });
}

/** A fault of ours: one line in the log with its stack, and the documented exit code. main prints those of other commands. */
function crashLogger(log: Log): { dispose(): void } {
  const crash = (error: unknown): void => {
    log.fatal({ event: 'crash', err: error }, 'unexpected fault, exiting');
    process.exit(EXIT.unexpected);
  };
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', crash);
  return {
    dispose: () => {
      process.off('uncaughtException', crash);
      for (const listener of before) process.on('uncaughtException', listener);
    },
  };
}

function readyFields(route: ReturnType<Node['status']>[number]): object {
  const addresses = (side: 'frontend' | 'backend'): string[] =>
    route[side].endpoints.map(({ address }) => address);
  return {
    route: route.name,
    pattern: route.pattern,
    frontend: addresses('frontend'),
    backend: addresses('backend'),
  };
}
