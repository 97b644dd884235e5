/**
 * What a sending tool sends: arguments, files, lines of standard input.
 *
 * Guarantees: messages come in the order in which they were given; with a count, exactly that many (arguments and files
 * are repeated, lines are not); standard input is read as fast as it is sent and no faster.
 */
import { readFile } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { CliError, fileError, usageError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import { encoderOf } from './codec.ts';
import { frameFromText, framesFromJson, inputError } from './frames.ts';
import { splitLines } from './lines.ts';
import type { SendOptions } from './options.ts';

export interface InputPlan {
  /** Messages given as arguments. */
  readonly given: readonly Buffer[][];
  readonly files: readonly string[];
  /** Read standard input by lines, after the others. */
  readonly lines: boolean;
  readonly hex: boolean;
  readonly json: boolean;
  readonly count: number | null;
  /** The codec that the last frame of each message is written with. */
  readonly encode: string | null;
  /** Put before the frames of a file or of a line that is not JSON: the topic of `pub`. */
  readonly prefix: readonly Buffer[];
}

/** Decides what is sent. `args` are the MESSAGE arguments. */
export function planInput(
  args: readonly string[],
  options: Omit<SendOptions, 'linger'>,
  topic: Buffer | null = null,
): InputPlan {
  const frames = args.map((arg) => frameFromText(arg, options.hex));
  const prefix = topic === null ? [] : [topic];
  const given = options.frames && frames.length > 0 ? [frames] : frames.map((frame) => [...prefix, frame]);
  const files = options.file ?? [];
  const lines = options.stdin || (given.length === 0 && files.length === 0);
  if (lines && files.includes('-')) {
    throw usageError('standard input is either one message (--file -) or a message for each line, not both');
  }
  const { hex, json, count, encode } = options;
  return { given, files, lines, hex, json, count, encode, prefix };
}

/** The messages of a plan. `signal` ends the wait for standard input. */
export async function* readInput(plan: InputPlan, signal: AbortSignal): AsyncGenerator<Buffer[]> {
  const files = await Promise.all(plan.files.map(async (path) => [...plan.prefix, await readWhole(path)]));
  const encode = await encoderOf(plan.encode);
  const list = [...plan.given, ...files].map(encode);
  const total = plan.count ?? (plan.lines ? Number.POSITIVE_INFINITY : list.length);
  if (!plan.lines) {
    for (let sent = 0; sent < total && !signal.aborted; sent++) yield list[sent % list.length] as Buffer[];
    return;
  }
  let left = total;
  for (const message of list) {
    if (left-- <= 0) return;
    yield message;
  }
  yield* readLines(plan, left, signal, encode);
}

async function* readLines(
  plan: InputPlan,
  limit: number,
  signal: AbortSignal,
  encode: (frames: Buffer[]) => Buffer[],
): AsyncGenerator<Buffer[]> {
  if (limit <= 0) return;
  let left = limit;
  let number = 1;
  const stdin = addAbortSignal(signal, process.stdin);
  try {
    for await (const line of splitLines(stdin)) {
      const empty = plan.json && line.length === 0;
      if (!empty) {
        yield encode(
          plan.json ? framesFromJson(line.toString()) : [...plan.prefix, frameFromText(line, plan.hex)],
        );
        if (--left <= 0) return;
      }
      number++;
    }
  } catch (error) {
    if (!signal.aborted) throw atLine(error, number);
  } finally {
    // A terminal or a pipe that stays open must not keep the process.
    stdin.destroy();
  }
}

function atLine(error: unknown, number: number): unknown {
  if (!(error instanceof CliError) || error.code !== 'INPUT_INVALID') return error;
  return inputError(`line ${number} of standard input: ${error.message}`, error.hint ?? '', error);
}

async function readWhole(path: string): Promise<Buffer> {
  try {
    if (path !== '-') return await readFile(path);
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch (cause) {
    throw fileError('read', path, { cause, exitCode: EXIT.usage });
  }
}
