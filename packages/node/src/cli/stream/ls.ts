/**
 * `zeroth stream ls`: the streams of a data folder.
 *
 * Guarantees: reads indexes and places only, not the records; a stream that can't be read does not hide the others.
 */
import type { CommandContext, DescribeCommand } from '../command.ts';
import { describeError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import { examples } from '../tool/help.ts';
import { isoOf, sizeWords, table, timeWords } from './table.ts';
import { addWhere, isGone, whereOf } from './where.ts';

interface Row {
  readonly stream: string;
  readonly records: number;
  readonly bytes: number;
  readonly first: number;
  readonly next: number;
  /** ISO 8601, UTC; null: no records. */
  readonly oldest: string | null;
  readonly newest: string | null;
  /** Groups and routes that keep a place. */
  readonly readers: number;
}

export const describeLs: DescribeCommand = (command, context) => {
  addWhere(command);
  command
    .option('-j, --json', 'a JSON array: stream, records, bytes, first, next, oldest, newest, readers')
    .addHelpText(
      'after',
      examples(['zeroth stream ls', 'zeroth stream ls --data /var/lib/zeroth --json | jq .[].stream']),
    )
    .action(async () => {
      const where = await whereOf(command, context.terminal);
      const names = (await where.inspector.list()).toSorted();
      const rows: Row[] = [];
      let code: number = EXIT.ok;
      for (const name of names) {
        try {
          const { first, next, bytes, oldest, newest } = await where.inspector.info(name);
          const readers = (await where.inspector.places(name)).size;
          const times = { oldest: isoOf(oldest), newest: isoOf(newest) };
          rows.push({ stream: name, records: next - first, bytes, first, next, ...times, readers });
        } catch (error) {
          if (isGone(error)) continue;
          context.terminal.err(`${name}: ${describeError(error).message}`);
          code = EXIT.unexpected;
        }
      }
      print(rows, { json: command.opts<{ json?: boolean }>().json === true, dir: where.dir }, context);
      context.exit(code);
    });
};

function print(
  rows: readonly Row[],
  { json, dir }: { json: boolean; dir: string },
  { terminal }: CommandContext,
): void {
  if (json) {
    void terminal.out(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  if (rows.length === 0) {
    terminal.err(`no streams in ${dir}`);
    return;
  }
  const cells = rows.map(({ stream, records, bytes, first, next, oldest, newest, readers }) => [
    stream,
    String(records),
    sizeWords(bytes),
    String(first),
    String(next),
    timeWords(oldest === null ? null : Date.parse(oldest)),
    timeWords(newest === null ? null : Date.parse(newest)),
    String(readers),
  ]);
  const headings = ['STREAM', 'RECORDS', 'SIZE', 'FIRST', 'NEXT', 'OLDEST', 'NEWEST', 'READERS'];
  void terminal.out(table(headings, cells, new Set([1, 2, 3, 4, 7])));
}
