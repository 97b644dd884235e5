/**
 * `zeroth tap`: a sample of what passes a route or a stream of a running node, as a person reads it.
 *
 * Guarantees: the node's messages are never held up or kept (flow/tap.ts); whoever reads slowly sees fewer. What is left
 * out is counted and told at the end.
 */
import type { Command } from 'commander';
import { Option } from 'commander';
import { printable } from '../config/problem.ts';
import type { TapLine } from '../flow/tap.ts';
import type { CommandContext, DescribeCommand } from './command.ts';
import { CliError, usageError } from './errors.ts';
import { EXIT } from './exit.ts';
import { addRemote, remoteOf } from './remote.ts';
import { onInterrupt } from './signals.ts';
import { colourOn, paint } from './terminal.ts';
import type { Decode, Decoded } from './tool/codec.ts';
import { decoderOf, valueText } from './tool/codec.ts';
import type { Filter } from './tool/filter.ts';
import { parseFilter, passes, prefixOf } from './tool/filter.ts';
import { frameToJson, frameToText } from './tool/frames.ts';
import { examples } from './tool/help.ts';
import { DECODE_WORDS, whole } from './tool/options.ts';

interface Options {
  readonly decode?: string;
  readonly filter?: readonly Filter[];
  readonly rate?: number;
  readonly bytes?: number;
  readonly count?: number;
  readonly json?: boolean;
  readonly hex?: boolean;
  readonly quiet?: boolean;
}

const MAX_BYTES = 65_536;
/** Characters of a prefix that the node looks for; the rest of it is looked for here. */
const MAX_MATCH = 100;
const ARROWS = { toBack: '->', toFront: '<-', stored: '' } as const;

export const describe: DescribeCommand = (command, context) => {
  command
    .argument('[NAME]', 'a route, or a stream that no route has')
    .option('--decode <CODEC>', DECODE_WORDS)
    .addOption(
      new Option(
        '--filter <EXPR>',
        'only messages with FIELD=VALUE, FIELD!=VALUE, FIELD>N, FIELD<N, FIELD~REGEX (a field of what is decoded) or topic=PREFIX (repeatable: all of them)',
      ).argParser((text: string, before: readonly Filter[] = []) => [...before, parseFilter(text)]),
    )
    .addOption(
      new Option('-r, --rate <N>', 'messages a second at most (default: 100)').argParser(
        upTo('--rate', 10_000),
      ),
    )
    .addOption(
      new Option(
        '--bytes <N>',
        'octets of each message at most (default: 4096, 65536 with --decode)',
      ).argParser(upTo('--bytes', MAX_BYTES)),
    )
    .addOption(new Option('-n, --count <N>', 'stop after N messages').argParser(whole))
    .option('-j, --json', 'a JSON object for each message')
    .option('-x, --hex', 'print frames in hex')
    .option('-q, --quiet', 'no hints and no summary on standard error');
  addRemote(command);
  command.addHelpText(
    'after',
    `${examples([
      'zeroth tap orders                                        what passes the route orders',
      'zeroth tap orders --decode json --filter "total>100"     only large ones',
      'zeroth tap telemetry --filter topic=plant/7/ -n 10       ten messages of a topic',
      'zeroth tap events --decode protobuf:shop.proto#shop.Order --json | jq .value',
    ])}

It is a sample: what is over --rate is counted, not shown. The route is never slowed.`,
  );
  command.action(async (given: string | undefined) => {
    const [name, ...others] = [...(given === undefined ? [] : [given]), ...(context.literal ?? [])];
    if (name === undefined || others.length > 0)
      throw usageError('tap needs one route or stream', 'zeroth status lists them');
    await tap(name, command, context);
  });
};

async function tap(name: string, command: Command, context: CommandContext): Promise<void> {
  const options = command.opts<Options>();
  const { terminal } = context;
  const filters = options.filter ?? [];
  if (options.decode === undefined && filters.some(({ field }) => field !== 'topic'))
    throw usageError('--filter looks at fields of what is decoded: give --decode, or filter by topic=PREFIX');
  const prefix = prefixOf(filters);
  if (options.bytes !== undefined && options.bytes < Buffer.byteLength(prefix))
    throw usageError(`--bytes ${options.bytes} cuts topic=${prefix}, so that no message would have it`);
  const decode = await decoderOf(options.decode ?? null);
  const remote = await remoteOf(command);
  const interrupts = onInterrupt();
  const signal = AbortSignal.any([interrupts.signal, terminal.gone]);
  const notice = (text: string, fields: object): void => {
    if (options.quiet === true) return;
    terminal.err(options.json === true ? JSON.stringify(fields) : paint(text, 'dim', terminal.errColour));
  };
  let attached = false;
  const printer = new Printer(options, decode, colourOn(process.stdout, process.env));
  try {
    for await (const line of remote.lines(pathOf(name, options, prefix), signal)) {
      if (typeof line !== 'object' || line === null) continue;
      if (!attached) notice(`tapping ${name} of ${remote.where}; Ctrl-C ends`, { event: 'tapping', name });
      attached = true;
      const { ended } = line as TapLine;
      const text = printer.print(line as TapLine);
      if (ended !== undefined)
        throw new CliError('STREAM_UNKNOWN', printable(String(ended)), { exitCode: EXIT.start });
      if (text === null) continue;
      await terminal.out(`${text}\n`);
      if (printer.shown === options.count) break;
    }
    if (!signal.aborted && printer.shown !== options.count)
      throw new CliError('NODE_UNREACHABLE', `${remote.where} has ended the tap`, { exitCode: EXIT.start });
  } finally {
    interrupts.dispose();
    if (attached) notice(printer.summary, { summary: printer.figures });
  }
  const early = interrupts.received() !== null && options.count !== undefined;
  context.exit(early ? interrupts.exitCode() : EXIT.ok);
}

function pathOf(name: string, { decode, rate, bytes }: Options, prefix: string): string {
  const query = new URLSearchParams();
  if (rate !== undefined) query.set('rate', String(rate));
  // Half a message can't be decoded.
  const octets = bytes ?? (decode === undefined ? undefined : MAX_BYTES);
  if (octets !== undefined) query.set('bytes', String(octets));
  if (prefix !== '') query.set('match', [...prefix].slice(0, MAX_MATCH).join(''));
  return `/v1/tap/${encodeURIComponent(name)}?${query.toString()}`;
}

class Printer {
  shown = 0;
  readonly #options: Options;
  readonly #decode: Decode | null;
  readonly #colour: boolean;
  #passed = 0;
  #sampled = 0;

  constructor(options: Options, decode: Decode | null, colour: boolean) {
    this.#options = options;
    this.#decode = decode;
    this.#colour = colour;
  }

  /** Null for what is not to be shown. */
  print(line: TapLine): string | null {
    this.#passed = line.passed;
    this.#sampled = line.passed - line.skipped;
    if (line.frames === undefined) return null;
    const frames = line.frames.map((frame) => Buffer.from(frame, 'base64'));
    const decoded = this.#decoded(line, frames);
    const topic = (frames[0] as Buffer).toString();
    const value = decoded !== null && 'value' in decoded ? decoded.value : undefined;
    if (!passes(this.#options.filter ?? [], topic, value)) return null;
    this.shown++;
    return this.#options.json === true
      ? this.#json(line, frames, decoded)
      : this.#text(line, frames, decoded);
  }

  get figures(): { passed: number; sampled: number; shown: number } {
    return { passed: this.#passed, sampled: this.#sampled, shown: this.shown };
  }

  get summary(): string {
    const { passed, sampled, shown } = this.figures;
    return `${passed} ${passed === 1 ? 'message' : 'messages'} passed, ${sampled} sampled, ${shown} shown`;
  }

  #decoded({ sizes = [], more = 0 }: TapLine, frames: readonly Buffer[]): Decoded | null {
    if (this.#decode === null) return null;
    const last = frames.at(-1) as Buffer;
    const size = sizes.at(-1) ?? 0;
    if (more === 0 && last.length === size) return this.#decode(last);
    const message = more > 0 ? 'too many frames' : `cut off after ${last.length} of ${size} octets`;
    return { error: { code: 'TAP_CUT', message } };
  }

  #json(line: TapLine, frames: readonly Buffer[], decoded: Decoded | null): string {
    const hex = this.#options.hex === true;
    return JSON.stringify({ ...line, frames: frames.map((frame) => frameToJson(frame, hex)), ...decoded });
  }

  #text(
    { time, name, direction, sequence, sizes = [], more = 0 }: TapLine,
    frames: readonly Buffer[],
    decoded: Decoded | null,
  ): string {
    const hex = this.#options.hex === true;
    const texts = frames.map((frame, i) => {
      const text = hex ? frame.toString('hex') : frameToText(frame);
      return frame.length < (sizes[i] ?? 0) ? `${text}… (${sizes[i]} octets)` : text;
    });
    if (decoded !== null) texts.splice(-1, 1, valueText(decoded));
    if (more > 0) texts.push(`… ${more} more frames`);
    const where = sequence === undefined ? ARROWS[direction ?? 'toBack'] : `#${sequence}`;
    const head = `${time.slice(11, 23)} ${name} ${where}`;
    return `${paint(head, 'dim', this.#colour)} ${texts.join('\t')}`;
  }
}

function upTo(name: string, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    throw usageError(`${name} takes a whole number from 1 to ${max}, not ${text}`);
  };
}
