/**
 * `zeroth stream read NAME`: prints records as the receiving tools print messages.
 *
 * Guarantees: memory is bounded, however long the stream; a node may be writing; sequences that are gone are told on
 * standard error, never passed over in silence; a reader that goes away (`| head`) ends it quietly.
 */
import { decodeMessage, messageEnd } from '@zeroth/zmq/run';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Span } from '../../store/store.ts';
import type { CommandContext, DescribeCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { onInterrupt } from '../signals.ts';
import { frameFromText, frameToJson } from '../tool/frames.ts';
import { examples } from '../tool/help.ts';
import { DECODE_WORDS, whole } from '../tool/options.ts';
import { Output } from '../tool/output.ts';
import { parseMoment } from './moment.ts';
import { rangeWords } from './table.ts';
import type { Where } from './where.ts';
import { addWhere, checkName, nameOf, whereOf } from './where.ts';

interface ReadOptions {
  readonly from: string;
  readonly count?: number;
  readonly prefix?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly hex?: boolean;
  readonly raw?: boolean;
  readonly file?: string;
  readonly decode?: string;
}

/** Records that are printed at once. */
const BATCH = 1000;

export const describeRead: DescribeCommand = (command, context) => {
  command.argument('[NAME]', 'the stream');
  addWhere(command);
  command
    .option('--from <PLACE>', 'first, last, a sequence, a time, or how long ago: 10m', 'first')
    .addOption(new Option('-n, --count <N>', 'stop after N records').argParser(whole))
    .option('-p, --prefix <PREFIX>', 'only records whose first frame begins so (hex with --hex)')
    .option('-F, --follow', 'wait for what comes, until Ctrl-C')
    .option('-j, --json', 'a JSON object for each record: seq, time, key, size, sizes, frames')
    .option('-x, --hex', 'print frames in hex')
    .option('--decode <CODEC>', DECODE_WORDS)
    .option('--raw', 'print the bytes of the frames and nothing else')
    .option('-f, --file <PATH>', 'write to a file instead of standard output')
    .addHelpText(
      'after',
      `${examples([
        'zeroth stream read events | head                      the oldest ones, frames separated by tabs',
        'zeroth stream read events --from last --follow        the newest one, and what comes',
        'zeroth stream read events --from 2026-01-31T06:00Z --json | jq .frames[-1]',
        'zeroth stream read events --json | zeroth push --json tcp://127.0.0.1:5560   send it all again',
      ])}`,
    )
    .action((given: string | undefined) => read(nameOf(given, context, 'read'), command, context));
};

async function read(name: string, command: Command, context: CommandContext): Promise<void> {
  const options = command.opts<ReadOptions>();
  const { json = false, hex = false, raw = false, file = null, decode = null } = options;
  const where = await whereOf(command, context.terminal);
  await checkName(where, name);
  const from = await beginning(where, name, options.from);
  const output = await Output.open({ json, hex, raw, file, decode }, context.terminal);
  const interrupts = onInterrupt();
  const signal = AbortSignal.any([interrupts.signal, context.terminal.gone]);
  const printer = new Printer(output, options, context);
  try {
    const follow = options.follow === true ? signal : undefined;
    await printer.printAll(where.inspector.read(name, from, follow), signal);
  } finally {
    await output.close();
    interrupts.dispose();
  }
  // Ctrl-C is the normal end of --follow, and an early one of anything else.
  const early = options.follow !== true || options.count !== undefined;
  context.exit(interrupts.received() !== null && early && !printer.done ? interrupts.exitCode() : EXIT.ok);
}

async function beginning({ inspector }: Where, name: string, text: string): Promise<number> {
  const from = parseMoment(text, '--from', ['first', 'last'], Date.now());
  if (from.type === 'sequence') return from.sequence;
  if (from.type === 'time') return inspector.find(name, from.time);
  const { first, next } = await inspector.info(name);
  return from.word === 'first' ? first : Math.max(first, next - 1);
}

class Printer {
  readonly #output: Output;
  readonly #context: CommandContext;
  readonly #json: boolean;
  readonly #hex: boolean;
  readonly #prefix: Buffer;
  #left: number;

  constructor(output: Output, { json, hex, prefix, count }: ReadOptions, context: CommandContext) {
    this.#output = output;
    this.#context = context;
    this.#json = json === true;
    this.#hex = hex === true;
    this.#prefix = frameFromText(prefix ?? '', this.#hex);
    this.#left = count ?? Number.POSITIVE_INFINITY;
  }

  /** All records that were asked for are printed. */
  get done(): boolean {
    return this.#left <= 0;
  }

  /** Prints spans until they end, or enough is printed. */
  async printAll(spans: AsyncIterable<Span>, signal: AbortSignal): Promise<void> {
    for await (const span of spans) {
      if (span.type === 'gap') this.#tellGap(span);
      else await this.#print(span, signal);
      if (this.done || signal.aborted) return;
    }
  }

  async #print(span: Span & { type: 'records' }, signal: AbortSignal): Promise<void> {
    const { bytes, timestamp, end } = span;
    const time = new Date(timestamp).toISOString();
    let sequence = span.first;
    for (let at = span.start; at < end && !this.done && !signal.aborted; ) {
      const messages: Buffer[][] = [];
      const sequences: number[] = [];
      for (; at < end && messages.length < Math.min(BATCH, this.#left); sequence++) {
        const to = messageEnd(bytes, at);
        const frames = decodeMessage(bytes, at, to);
        at = to;
        if (!this.#wanted(frames)) continue;
        messages.push(frames);
        sequences.push(sequence);
      }
      this.#left -= messages.length;
      await this.#output.print(messages, (index, frames) => ({
        seq: sequences[index],
        time,
        key: frames.length > 1 ? frameToJson(frames[0] as Buffer, this.#hex) : null,
      }));
    }
  }

  #wanted(frames: readonly Buffer[]): boolean {
    const prefix = this.#prefix;
    if (prefix.length === 0) return true;
    const first = frames[0] as Buffer;
    return first.length >= prefix.length && first.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
  }

  #tellGap({ first, last, reason }: Span & { type: 'gap' }): void {
    const fields = { event: 'gap', first, last, reason };
    const why = reason === 'damaged' ? 'damaged; zeroth stream verify says where' : 'removed by retention';
    this.#context.terminal.err(
      this.#json ? JSON.stringify(fields) : `${rangeWords(first, last)} gone: ${why}`,
    );
  }
}
