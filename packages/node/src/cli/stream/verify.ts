/**
 * `zeroth stream verify [NAME]`: reads every batch and checks checksums, order and continuity.
 *
 * Guarantees: nothing is changed; exit code 6 when anything is damaged. An unfinished tail is not damage: it is what a
 * node is writing just now, or what the next start cuts off; nothing in it was acknowledged.
 */
import type { Command } from 'commander';
import type { Damage, Verified } from '../../store/inspect.ts';
import type { CommandContext, DescribeCommand } from '../command.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { examples } from '../tool/help.ts';
import { plural, rangeWords, sizeWords } from './table.ts';
import { addWhere, checkName, nameOf, whereOf } from './where.ts';

/** Milliseconds between two lines of progress. */
const PROGRESS = 200;

export const describeVerify: DescribeCommand = (command, context) => {
  command.argument('[NAME]', 'the stream; none: all of them');
  addWhere(command);
  command
    .option('-j, --json', 'a JSON array: stream, records, batches, bytes, damages')
    .addHelpText(
      'after',
      `${examples(['zeroth stream verify', 'zeroth stream verify events --json | jq .[].damages'])}

Exit code ${EXIT.damaged}: something is damaged. An unfinished tail is not: the next start cuts it off.`,
    )
    .action((given: string | undefined) => verify(given, command, context));
};

async function verify(given: string | undefined, command: Command, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const one = given === undefined && context.literal === null ? null : nameOf(given, context, 'verify');
  const where = await whereOf(command, terminal);
  if (one !== null) await checkName(where, one);
  const names = one === null ? (await where.inspector.list()).toSorted() : [one];
  const json = command.opts<{ json?: boolean }>().json === true;

  const results: ({ stream: string } & Verified)[] = [];
  for (const name of names) {
    const progress = new Progress(terminal, name);
    const verified = await where.inspector.verify(name, (bytes, of) => progress.tell(bytes, of));
    progress.end();
    results.push({ stream: name, ...verified });
    if (!json) await terminal.out(inWords(name, verified));
    if (terminal.gone.aborted) return;
  }
  if (json) void terminal.out(`${JSON.stringify(results, null, 2)}\n`);
  else if (names.length === 0) terminal.err(`no streams in ${where.dir}`);

  const damaged = results.filter(({ damages }) => damages.some(isDamage)).map(({ stream }) => stream);
  if (damaged.length === 0) return context.exit(EXIT.ok);
  throw new CliError('STREAM_DAMAGED', `damaged: ${damaged.join(', ')}`, {
    exitCode: EXIT.damaged,
    hint: 'what is around can be read; the rest comes back only with a backup of the file (docs/operations.md)',
  });
}

function isDamage({ kind }: Damage): boolean {
  return kind === 'damaged';
}

function inWords(name: string, { records, batches, bytes, damages }: Verified): string {
  const verdict = damages.some(isDamage) ? 'DAMAGED' : 'ok';
  const all = `${plural(records, 'record')} in ${batches === 1 ? '1 batch' : `${batches} batches`}`;
  const lines = [`${name}: ${verdict}, ${all}, ${sizeWords(bytes)}`, ...damages.map(damageWords)];
  return `${lines.join('\n')}\n`;
}

function damageWords({ kind, file, offset, bytes, first, last }: Damage): string {
  const where = `${plural(bytes, 'byte')} at offset ${offset} of ${file}`;
  if (kind === 'torn') return `  unfinished tail, ${where}`;
  return `  ${last < first ? 'damaged' : `${rangeWords(first, last)} lost`}, ${where}`;
}

/** One line on a terminal, written over and over. */
class Progress {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #start: number = performance.now();
  #told = this.#start;
  #shown = false;

  constructor(terminal: Terminal, name: string) {
    this.#terminal = terminal;
    this.#name = name;
  }

  tell(bytes: number, of: number): void {
    const now = performance.now();
    if (!this.#terminal.errIsTerminal || now - this.#told < PROGRESS) return;
    this.#told = now;
    this.#shown = true;
    const percent = of === 0 ? 100 : Math.floor((100 * bytes) / of);
    const rate = sizeWords((1000 * bytes) / (now - this.#start));
    this.#terminal.status(`${this.#name}: ${percent} % of ${sizeWords(of)}, ${rate}/s`);
  }

  end(): void {
    if (this.#shown) this.#terminal.status('');
  }
}
