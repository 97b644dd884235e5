/**
 * The frame of every tool: opens the socket, tells what happens to it, ends it, sums up, and finds the exit code.
 *
 * Guarantees: whatever ends the work (done, an error, Ctrl-C, a reader that went away) the socket is closed after what
 * was sent is delivered or counted as not delivered; hints and summaries go to standard error, messages to standard output.
 */
import type { Socket } from '@zeroth/zmq';
import { hintFor, reasonOf } from '../../flow/errors.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import { onInterrupt } from '../signals.ts';
import { paint } from '../terminal.ts';
import type { CommonOptions } from './options.ts';
import { summaryText, Timing } from './timing.ts';

export interface ToolRun {
  /** Aborts on Ctrl-C, and when the reader of standard output is gone. */
  readonly signal: AbortSignal;
  readonly timing: Timing;
  /** A line on standard error for the person who waits; a JSON object with --json; nothing with --quiet. */
  notice(event: string, text: string, fields?: Record<string, unknown>): void;
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

  let code: number = EXIT.ok;
  try {
    tellEvents(socket, options, notice);
    await openEndpoints(plan, notice);
    await plan.work({ signal, timing, notice });
  } catch (error) {
    if (!signal.aborted) code = terminal.fail(error, options.json);
  }
  if (linger !== null && !socket.closed) {
    const { undelivered } = await socket.drain({ timeout: linger });
    timing.finish();
    if (undelivered > 0 && code === EXIT.ok)
      code = terminal.fail(notDelivered(undelivered, linger), options.json);
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

/** The error for `--timeout`. */
export function timeoutError(message: string, hint: string): CliError {
  return new CliError('TIMEOUT', message, { exitCode: EXIT.timeout, hint });
}

/** `5 s`, for messages. */
export function seconds(milliseconds: number | null): string {
  return `${(milliseconds ?? 0) / 1000} s`;
}

/** ZeroMQ's code for "not in time". */
export function isTimeout(error: unknown): boolean {
  return (error as { code?: string } | null)?.code === 'EAGAIN';
}

function notDelivered(count: number, linger: number): CliError {
  const what = count === 1 ? '1 message was' : `${count} messages were`;
  return timeoutError(
    `${what} not delivered within ${seconds(linger)}`,
    'is the peer reading? --linger gives it more time',
  );
}

function noticer<S extends Socket>({ context, options }: ToolPlan<S>): ToolRun['notice'] {
  const { err, errColour } = context.terminal;
  return (event, text, fields = {}) => {
    if (options.quiet) return;
    err(options.json ? JSON.stringify({ event, ...fields }) : paint(text, 'dim', errColour));
  };
}

function tellEvents(socket: Socket, { verbose }: CommonOptions, notice: ToolRun['notice']): void {
  const { events } = socket;
  // Told always: a socket type that does not go with ours is the usual reason why nothing arrives.
  events.on('peer:refused', ({ address, error }) => {
    notice('refused', `refused ${address}: ${reasonOf(error)}`, { remote: address, code: error.code });
  });
  if (!verbose) return;
  events.on('peer:ready', ({ peer: { remote, socketType } }) => {
    notice('connected', `connected ${remote} (${socketType ?? 'unknown'})`, { remote, socketType });
  });
  events.on('peer:gone', ({ peer: { remote } }) =>
    notice('disconnected', `disconnected ${remote}`, { remote }),
  );
  events.on('connect:retry', ({ address, interval }) => {
    notice('retry', `cannot reach ${address}, trying again in ${interval} ms`, {
      endpoint: address,
      interval,
    });
  });
}

async function openEndpoints<S extends Socket>(plan: ToolPlan<S>, notice: ToolRun['notice']): Promise<void> {
  const { socket, endpoints, options } = plan;
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
          hint: hintFor(cause, endpoint),
          cause,
        },
      );
    }
    const bound = socket.lastEndpoint ?? endpoint;
    if (options.bind) notice('bound', `bound to ${bound}`, { endpoint: bound });
  }
}
