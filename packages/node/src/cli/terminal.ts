/**
 * Standard output and standard error of a command.
 *
 * Guarantees: `out` waits while the reader is slow, so that memory stays bounded; a reader that went away (`| head`)
 * ends the command quietly; colours only on a terminal, never with NO_COLOR.
 */
import { describeError } from './errors.ts';

export interface Terminal {
  /** Writes to standard output. Resolves when more may be written. */
  out(data: string | Uint8Array): Promise<void> | undefined;
  /** Writes a line to standard error. */
  err(line: string): void;
  /** Shows a line on standard error in place of the last one; an empty text removes it. For terminals only. */
  status(text: string): void;
  /** Prints an error: `error [CODE] what … -> way out`, or as JSON. Returns the exit code that goes with it. */
  fail(error: unknown, json?: boolean): number;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly errColour: boolean;
  /** Aborts when the reader of standard output is gone. */
  readonly gone: AbortSignal;
}

type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';
const CODES: Readonly<Record<Colour, string>> = { red: '31', green: '32', yellow: '33', dim: '2', bold: '1' };

/** The text in a colour, or as it is. */
export function paint(text: string, colour: Colour, on: boolean): string {
  return on ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** Whether a stream may carry colours: https://no-color.org, and FORCE_COLOR=0. */
export function colourOn(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  return stream.isTTY === true && env.TERM !== 'dumb' && env.FORCE_COLOR !== '0';
}

/** The terminal of this process. Call once. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const readerGone = new AbortController();
  stdout.on('error', () => readerGone.abort());
  // Nobody reads what we complain about: nothing else to do.
  stderr.on('error', () => {});
  const errColour = colourOn(stderr, env);

  const out = (data: string | Uint8Array): Promise<void> | undefined => {
    if (readerGone.signal.aborted || stdout.write(data)) return undefined;
    return new Promise((resolve) => {
      const done = (): void => {
        stdout.off('drain', done);
        readerGone.signal.removeEventListener('abort', done);
        resolve();
      };
      stdout.once('drain', done);
      readerGone.signal.addEventListener('abort', done, { once: true });
    });
  };
  const err = (line: string): void => {
    stderr.write(`${line}\n`);
  };
  const status = (text: string): void => {
    stderr.write(`\r${text}\u001b[K`);
  };
  const fail = (error: unknown, json = false): number => {
    const { exitCode, ...words } = describeError(error);
    if (json) {
      const { details } = error as { details?: object };
      err(JSON.stringify({ error: { ...words, ...details } }));
    } else {
      err(`${paint('error', 'red', errColour)} [${words.code}] ${words.message}`);
      if (words.hint !== null) err(`  -> ${words.hint}`);
    }
    return exitCode;
  };
  return {
    out,
    err,
    status,
    fail,
    outIsTerminal: stdout.isTTY === true,
    errIsTerminal: stderr.isTTY === true,
    errColour,
    gone: readerGone.signal,
  };
}
