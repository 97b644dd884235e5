/**
 * The frame of every tool: opens the socket, tells what happens to it, ends it, sums up, and finds the exit code.
 *
 * Guarantees: whatever ends the work (done, an error, Ctrl-C, a reader that went away) the socket is closed after what
 * was sent is delivered or counted as not delivered; hints and summaries go to standard error, messages to standard output.
 */
import type { Socket } from '@zeroth/zmq';
import { checkEndpoint } from '../../config/endpoint.ts';
import { hintFor, reasonOf } from '../../flow/errors.ts';
import type { CommandContext } from '../command.ts';
import { CliError, usageError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import { onInterrupt } from '../signals.ts';
import { paint } from '../terminal.ts';
import type { Cause, Notice } from './obstacles.ts';
import { Obstacles } from './obstacles.ts';
import type { CommonOptions } from './options.ts';
import { summaryText, Timing } from './timing.ts';

export interface ToolRun {
  /** Aborts on Ctrl-C, and when the reader of standard output is gone. */
  readonly signal: AbortSignal;
  readonly timing: Timing;
  /** A line on standard error for the person who waits; a JSON object with --json; nothing with --quiet. */
  readonly notice: Notice;
  /** The error for --timeout, with what stands in the way; `hint` where nothing better is known. */
  timeout(message: string, hint: string): CliError;
}

export interface ToolPlan<S extends Socket> {
  readonly context: CommandContext;
  readonly options: CommonOptions;
  readonly socket: S;
  readonly endpoints: readonly string[];
  /** `sent`, `received`: for the summary. */
  readonly verb: string;
  /** Milliseconds to deliver what was sent; null for a tool that only receives. */
  readonly linger: number | null;
  readonly work: (run: ToolRun) => Promise<void>;
}

/** Runs a tool to its end and sets the exit code. */
export async function runTool<S extends Socket>(plan: ToolPlan<S>): Promise<void> {
  const { context, options, socket, linger } = plan;
  const { terminal } = context;
  const interrupts = onInterrupt();
  const signal = AbortSignal.any([interrupts.signal, terminal.gone]);
  const timing = new Timing();
  const notice = noticer(plan);
  // A pending send or receive ends with the socket. What a sender has accepted is delivered below.
  if (linger === null) signal.addEventListener('abort', () => socket.close(), { once: true });

  const obstacles = new Obstacles(socket, plan.endpoints, { options, notice });
  const timeout = (message: string, hint: string): CliError => timeoutError(message, hint, obstacles.cause());
  let code: number = EXIT.ok;
  try {
    tellEvents(socket, options, notice);
    await openEndpoints(plan, notice);
    await plan.work({ signal, timing, notice, timeout });
  } catch (error) {
    if (!signal.aborted) code = terminal.fail(error, options.json);
  }
  if (linger !== null && !socket.closed) {
    if (signal.aborted && terminal.errIsTerminal && socket.stats.queuedOut > 0)
      notice('stopping', `delivering what was sent, for at most ${seconds(linger)}; Ctrl-C again ends it`);
    const failure = await deliver(plan, linger, obstacles);
    timing.finish();
    if (failure !== null && code === EXIT.ok) code = terminal.fail(failure, options.json);
  }
  socket.close();
  interrupts.dispose();

  if (interrupts.received() !== null && code === EXIT.ok && options.count !== null)
    code = interrupts.exitCode();
  if (options.timing || (interrupts.received() !== null && !options.quiet)) {
    const summary = timing.summary();
    terminal.err(options.json ? JSON.stringify({ summary }) : summaryText(plan.verb, summary));
  }
  context.exit(code);
}

function timeoutError(message: string, hint: string, cause: Cause): CliError {
  const text = `${message}${cause.text}`;
  return new CliError('TIMEOUT', text, { exitCode: EXIT.timeout, hint: cause.hint ?? hint });
}

/** `5 s`, for messages. */
export function seconds(milliseconds: number | null): string {
  return `${(milliseconds ?? 0) / 1000} s`;
}

/** ZeroMQ's code for "not in time". */
export function isTimeout(error: unknown): boolean {
  return (error as { code?: string } | null)?.code === 'EAGAIN';
}

/** Sends what is queued, and closes. Returns the error for what did not get there. */
async function deliver<S extends Socket>(
  { socket, verb }: ToolPlan<S>,
  linger: number,
  obstacles: Obstacles,
): Promise<CliError | null> {
  const began = performance.now();
  const { undelivered } = await socket.drain({ timeout: linger });
  const late = undelivered > 0 && performance.now() - began >= linger;
  // Of a reply that nobody waits for any more there is nothing to say.
  const { disconnected = 0 } = verb === 'sent' ? socket.stats.droppedBy : {};
  const count = undelivered + disconnected;
  if (count === 0) return null;
  const what = count === 1 ? '1 message was' : `${count} messages were`;
  if (late) {
    const hint = 'is the peer reading? --linger gives it more time';
    return timeoutError(`${what} not delivered within ${seconds(linger)}`, hint, obstacles.cause());
  }
  const message = `${what} lost: ${obstacles.where} closed the connection before it had all of it`;
  const hint = 'the peer may have refused it: see its log and its maxMessageSize';
  return new CliError('TIMEOUT', message, { exitCode: EXIT.timeout, hint });
}

function noticer<S extends Socket>({ context, options }: ToolPlan<S>): Notice {
  const { err, errColour } = context.terminal;
  return (event, text, fields = {}) => {
    if (options.quiet) return;
    err(options.json ? JSON.stringify({ event, ...fields }) : paint(text, 'dim', errColour));
  };
}

/** Obstacles are told always (obstacles.ts), this only when asked for. */
function tellEvents(socket: Socket, { verbose }: CommonOptions, notice: Notice): void {
  const { events } = socket;
  if (!verbose) return;
  events.on('peer:ready', ({ peer: { remote, socketType } }) => {
    notice('connected', `connected ${remote} (${socketType ?? 'unknown'})`, { remote, socketType });
  });
  events.on('peer:gone', ({ peer: { remote } }) =>
    notice('disconnected', `disconnected ${remote}`, { remote }),
  );
}

function checkForm(endpoint: string, bind: boolean): void {
  // A node has no certificates. Who connects needs none.
  const form = bind ? endpoint : endpoint.replace(/^wss:/, 'ws:');
  const checked = checkEndpoint(form, bind ? 'bind' : 'connect');
  if (checked.ok) return;
  const { message, suggestion } = checked;
  // A tool can't use inproc, and nobody who wrote http:// meant it.
  const hint =
    suggestion === null || suggestion.startsWith('inproc:')
      ? 'an endpoint is tcp://HOST:PORT, ws://HOST:PORT/PATH or ipc://PATH'
      : `did you mean ${suggestion}?`;
  throw usageError(`not an endpoint: ${endpoint}: ${message}`, hint);
}

async function openEndpoints<S extends Socket>(plan: ToolPlan<S>, notice: Notice): Promise<void> {
  const { socket, endpoints, options } = plan;
  for (const endpoint of endpoints) checkForm(endpoint, options.bind);
  for (const endpoint of endpoints) {
    try {
      if (options.bind) await socket.bind(endpoint);
      else socket.connect(endpoint);
    } catch (cause) {
      const doing = options.bind ? 'bind to' : 'connect to';
      throw new CliError(
        options.bind ? 'BIND_FAILED' : 'CONNECT_FAILED',
        `cannot ${doing} ${endpoint}: ${reasonOf(cause)}`,
        {
          exitCode: EXIT.start,
          hint: hintFor(cause, endpoint, ''),
          cause,
        },
      );
    }
    const bound = socket.lastEndpoint ?? endpoint;
    if (options.bind) notice('bound', `bound to ${bound}`, { endpoint: bound });
  }
}
