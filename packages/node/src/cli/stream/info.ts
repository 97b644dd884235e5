/**
 * `zeroth stream info NAME`: what there is to know of a stream without reading its records.
 *
 * Guarantees: the same facts with --json; says who writes in the folder now.
 */
import type { StreamSettings } from '../../config/types.ts';
import { formatDuration, formatSize } from '../../config/units.ts';
import type { DescribeCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { examples } from '../tool/help.ts';
import type { Reader } from './places.ts';
import { readersOf } from './places.ts';
import { isoOf, plural, sizeWords, table, timeWords } from './table.ts';
import type { Where } from './where.ts';
import { addWhere, checkName, nameOf, whereOf } from './where.ts';

/** Segments in the form for people: the oldest and the newest of many. */
const SHOWN = 10;

type Facts = Awaited<ReturnType<typeof factsOf>>;

export const describeInfo: DescribeCommand = (command, context) => {
  command.argument('[NAME]', 'the stream');
  addWhere(command);
  command
    .option('-j, --json', 'one JSON object')
    .addHelpText(
      'after',
      examples(['zeroth stream info events', 'zeroth stream info events --json | jq .readers']),
    )
    .action(async (given: string | undefined) => {
      const name = nameOf(given, context, 'info');
      const where = await whereOf(command, context.terminal);
      await checkName(where, name);
      const facts = await factsOf(where, name);
      const json = command.opts<{ json?: boolean }>().json === true;
      void context.terminal.out(json ? `${JSON.stringify(facts, null, 2)}\n` : inWords(facts));
      context.exit(EXIT.ok);
    });
};

async function factsOf({ dir, inspector, settingsOf }: Where, name: string) {
  const { first, next, bytes, oldest, newest, segments } = await inspector.info(name);
  const readers: readonly Reader[] = readersOf(await inspector.places(name), { first, next });
  return {
    stream: name,
    dataDir: dir,
    writer: await inspector.owner(),
    records: next - first,
    bytes,
    first,
    next,
    oldest: isoOf(oldest),
    newest: isoOf(newest),
    /** As the configuration has it; null where that is not known. */
    settings: settingsOf(name),
    segments,
    producers: await inspector.producers(name),
    readers,
  };
}

function inWords(facts: Facts): string {
  const { records, bytes, first, next, oldest, newest, segments, writer } = facts;
  const times =
    oldest === null ? '' : `, ${timeWords(Date.parse(oldest))} to ${timeWords(Date.parse(String(newest)))}`;
  const lines = [
    `stream    ${facts.stream} in ${facts.dataDir}`,
    `records   ${records}, ${sizeWords(bytes)} in ${plural(segments.length, 'segment')}${times}`,
    `sequences ${records === 0 ? `none, the next is ${next}` : `${first} to ${next - 1}`}`,
    `keeps     ${facts.settings === null ? 'not known: no configuration names it' : keeps(facts.settings)}`,
    `writer    ${writer === null ? 'nobody' : `process ${writer.pid} on ${writer.host}`}`,
  ];
  return `${lines.join('\n')}\n${segmentTable(facts)}${producerTable(facts)}${readerTable(facts)}`;
}

function keeps({ retain: { bytes, age, count }, fsync, fsyncInterval }: StreamSettings): string {
  const limits = [
    ...(bytes === 0 ? [] : [formatSize(bytes)]),
    ...(age === 0 ? [] : [formatDuration(age)]),
    ...(count === 0 ? [] : [plural(count, 'record')]),
  ];
  const each = fsync === 'interval' ? `interval, ${formatDuration(fsyncInterval)}` : fsync;
  return `${limits.length === 0 ? 'everything' : `at most ${limits.join(', ')}`}; fsync: ${each}`;
}

function segmentTable({ segments }: Facts): string {
  if (segments.length === 0) return '';
  const hidden = segments.length - SHOWN;
  const rows = (from: number, to: number): string[][] =>
    segments
      .slice(from, to)
      .map(({ first, next, bytes }) => [String(first), String(next - first), sizeWords(bytes)]);
  const shown =
    hidden <= 0
      ? rows(0, SHOWN)
      : [
          ...rows(0, SHOWN / 2),
          [`(${hidden} more)`, '', ''],
          ...rows(segments.length - SHOWN / 2, segments.length),
        ];
  return `\n${table(['SEGMENT', 'RECORDS', 'SIZE'], shown, new Set([0, 1, 2]))}`;
}

function producerTable({ producers }: Facts): string {
  if (producers.length === 0) return '';
  const rows = producers.map(({ name, last }) => [name, String(last)]);
  return `\n${table(['PRODUCER', 'LAST NUMBER'], rows, new Set([1]))}`;
}

function readerTable({ readers }: Facts): string {
  if (readers.length === 0) return '';
  const rows = readers.map(({ name, strategy, acknowledged, lag }) => [
    name,
    strategy ?? '-',
    acknowledged === null ? '-' : String(acknowledged),
    lag === null ? '-' : String(lag),
  ]);
  return `\n${table(['READER', 'STRATEGY', 'DONE BEFORE', 'LAG'], rows, new Set([2, 3]))}`;
}
