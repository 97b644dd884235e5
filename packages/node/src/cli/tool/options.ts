/**
 * The options that the tools share: one place for names, words and checks.
 *
 * Guarantees: a value that is not allowed is refused with what is; every tool spells an option the same way.
 */

import type { Command } from 'commander';
import { Option } from 'commander';
import { parseDuration } from '../../config/units.ts';
import { usageError } from '../errors.ts';

export const DECODE_WORDS = 'decode the last frame: json, msgpack or protobuf:FILE#TYPE';
export const ENCODE_WORDS = 'the last frame is JSON, sent as: json, msgpack or protobuf:FILE#TYPE';

export interface CommonOptions {
  readonly bind: boolean;
  readonly count: number | null;
  /** Milliseconds; null waits for ever. */
  readonly timeout: number | null;
  readonly json: boolean;
  readonly hex: boolean;
  readonly timing: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

export interface SendOptions extends CommonOptions {
  /** Milliseconds between two messages; 0 does not wait. */
  readonly interval: number;
  readonly frames: boolean;
  readonly file: readonly string[] | null;
  readonly stdin: boolean;
  /** The codec that messages are written with. */
  readonly encode: string | null;
  /** Milliseconds to deliver what was sent, at the end. */
  readonly linger: number;
}

export interface ReceiveOptions extends CommonOptions {
  readonly raw: boolean;
  readonly file: string | null;
  /** The codec that messages are read with. */
  readonly decode: string | null;
}

/** --bind, --count, --timeout. `timeout` is the default in words, or null to wait for ever. */
export function addCommon(
  command: Command,
  words: { count: string; timeout: string; timeoutDefault: string | null },
): void {
  command
    .option('-b, --bind', 'bind the endpoints instead of connecting to them')
    .addOption(new Option('-n, --count <N>', words.count).argParser(whole))
    .addOption(duration('-t, --timeout <TIME>', words.timeout, words.timeoutDefault));
}

export function addSending(command: Command): void {
  command
    .addOption(new Option('-r, --rate <N>', 'messages for each second').argParser(rate).conflicts('interval'))
    .addOption(duration('-i, --interval <TIME>', 'wait between two messages, such as 100ms', null))
    .option('-F, --frames', 'the arguments are the frames of one message')
    .option('-f, --file <PATH>', 'send a whole file as one message (repeatable; - is standard input)', append)
    .option('--stdin', 'send each line of standard input (default without MESSAGE or --file)')
    .option('-x, --hex', 'messages are written in hex')
    .option('--encode <CODEC>', ENCODE_WORDS)
    .option('-j, --json', 'lines of standard input are what pull --json prints; report in JSON');
}

export function addLinger(command: Command): void {
  command.addOption(duration('--linger <TIME>', 'time to deliver what is left at the end', '5s'));
}

export function addReceiving(command: Command): void {
  command
    .option('-j, --json', 'a JSON object for each message: seq, time, size, sizes, frames')
    .option('-x, --hex', 'print frames in hex')
    .option('--decode <CODEC>', DECODE_WORDS)
    .option('--raw', 'print the bytes of the frames and nothing else')
    .option('-f, --file <PATH>', 'write to a file instead of standard output');
}

export function addReporting(command: Command, timing: string): void {
  command
    .option('--timing', timing)
    .option('-q, --quiet', 'no hints on standard error')
    .option('-v, --verbose', 'tell each connect and disconnect on standard error');
}

/** The parsed options: what was not given is false or null, and `--rate` is an interval. */
export function readOptions<T extends CommonOptions>(command: Command): T {
  const { rate: perSecond, ...given } = command.opts<{
    rate?: number;
    interval?: number;
    timeout?: number;
  }>();
  const interval = perSecond === undefined ? (given.interval ?? 0) : 1000 / perSecond;
  const timeout = given.timeout === undefined || given.timeout === 0 ? null : given.timeout;
  return { ...NOT_GIVEN, ...given, interval, timeout } as unknown as T;
}

const NOT_GIVEN = {
  bind: false,
  count: null,
  json: false,
  hex: false,
  raw: false,
  timing: false,
  quiet: false,
  verbose: false,
  frames: false,
  stdin: false,
  encode: null,
  decode: null,
  file: null,
};

/** An option that takes a duration. `preset` is its default, as a person writes it. */
export function duration(flags: string, words: string, preset: string | null): Option {
  const option = new Option(flags, words);
  option.argParser((text: string) => milliseconds(text, option.long ?? flags));
  return preset === null ? option : option.default(milliseconds(preset, flags), preset);
}

function milliseconds(text: string, name: string): number {
  if (text === '0') return 0;
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  const hint = parsed.suggestion === null ? 'such as 500ms, 5s or 2m' : `did you mean ${parsed.suggestion}?`;
  throw usageError(`${name} takes a duration, not ${text}`, hint);
}

/** Reads --count. */
export function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw usageError(`--count takes a whole number from 1 on, not ${text}`);
  return value;
}

function rate(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1e9))
    throw usageError(`--rate takes messages for each second, above 0, not ${text}`);
  return value;
}

function append(path: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), path];
}
