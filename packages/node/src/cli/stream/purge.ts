/**
 * `zeroth stream purge NAME --before PLACE`, or `--reader READER`: says what would go, and removes it with --yes.
 *
 * Guarantees: without --yes nothing is changed; where a node writes in the folder, the node does it; only whole segments
 * go, so it may keep a little of what was asked for, and never removes more.
 */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { StreamSettings } from '../../config/types.ts';
import { silentLog } from '../../log/log.ts';
import type { StreamInfo } from '../../store/inspect.ts';
import { openStore } from '../../store/open.ts';
import type { Stream } from '../../store/store.ts';
import type { CommandContext, DescribeCommand } from '../command.ts';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { RemoteNode } from '../remote.ts';
import { remoteOfProcess } from '../remote.ts';
import type { Terminal } from '../terminal.ts';
import { examples } from '../tool/help.ts';
import { parseMoment } from './moment.ts';
import { readersOf } from './places.ts';
import { plural, rangeWords, sizeWords } from './table.ts';
import type { Where } from './where.ts';
import { addWhere, checkName, nameOf, whereOf } from './where.ts';

interface PurgeOptions {
  readonly before?: string;
  readonly reader?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Nothing goes but what was asked for. */
const KEEP_ALL: StreamSettings = {
  retain: { bytes: 0, age: 0, count: 0 },
  fsync: 'always',
  fsyncInterval: 1000,
};

export const describePurge: DescribeCommand = (command, context) => {
  command.argument('[NAME]', 'the stream');
  addWhere(command);
  command
    .option('--before <PLACE>', 'what goes: all, or what is before a sequence, a time, or how long ago')
    .addOption(
      new Option('--reader <READER>', 'what goes: the place of this reader, none of the records').conflicts(
        'before',
      ),
    )
    .option('-y, --yes', 'do it; without, nothing is changed')
    .option('-j, --json', 'one JSON object: what goes, and `done`')
    .addHelpText(
      'after',
      `${examples([
        'zeroth stream purge events --before 7d          say what a purge would remove',
        'zeroth stream purge events --before 7d --yes    remove it',
        'zeroth stream purge events --before all --yes   remove all records; sequences go on where they were',
        'zeroth stream purge events --reader db --yes    forget where the group db is',
      ])}

Whole segments go, so a few of the records before PLACE may stay. A reader whose place is gone begins anew when it comes
again. A node that has the folder does it itself, if it is one of this user on this machine.`,
    )
    .action((given: string | undefined) => purge(nameOf(given, context, 'purge'), command, context));
};

async function purge(name: string, command: Command, context: CommandContext): Promise<void> {
  const { before, reader, yes = false, json = false } = command.opts<PurgeOptions>();
  if (reader !== undefined) return purgeReader(name, reader, command, context);
  if (before === undefined)
    throw usageError('purge needs --before', '--before all, a sequence, a time, or how long ago such as 7d');
  const where = await whereOf(command, context.terminal);
  await checkName(where, name);
  const info = await where.inspector.info(name);
  const sequence = await sequenceOf(where, info, before);
  const node = yes ? await writerOf(where) : null;
  const first = !yes
    ? firstAfter(info, sequence)
    : node === null
      ? await changed(where.dir, name, (stream) => stream.purge(sequence))
      : (await purgedBy(node, name, { before: String(sequence) })).first;
  const gone = info.segments.filter((segment) => segment.next > segment.first && segment.next <= first);
  const facts = {
    stream: name,
    done: yes,
    records: first - info.first,
    bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0),
    segments: gone.length,
    first,
    next: info.next,
  };
  void context.terminal.out(json ? `${JSON.stringify(facts, null, 2)}\n` : inWords(facts, info));
  if (!yes && !json) await warn(where, { name, first, info }, context);
  context.exit(EXIT.ok);
}

async function sequenceOf({ inspector }: Where, info: StreamInfo, before: string): Promise<number> {
  const moment = parseMoment(before, '--before', ['all'], Date.now());
  if (moment.type === 'word') return info.next;
  return moment.type === 'sequence' ? moment.sequence : inspector.find(info.name, moment.time);
}

async function purgeReader(
  name: string,
  wanted: string,
  command: Command,
  { terminal, exit }: CommandContext,
): Promise<void> {
  const { yes = false, json = false } = command.opts<PurgeOptions>();
  const where = await whereOf(command, terminal);
  await checkName(where, name);
  const readers = readersOf(await where.inspector.places(name), await where.inspector.info(name));
  const reader = readers.find((one) => one.name === wanted);
  if (reader === undefined)
    throw usageError(`stream ${name} has no reader ${wanted}`, `zeroth stream info ${name} lists them`);
  const node = yes ? await writerOf(where) : null;
  if (node !== null) await purgedBy(node, name, { reader: wanted });
  else if (yes)
    await changed(where.dir, name, async ({ places }) => {
      places.remove(wanted);
      await places.settle(wanted);
    });
  const { strategy, acknowledged, lag } = reader;
  const facts = { stream: name, done: yes, reader: wanted, strategy, acknowledged, lag };
  const about = [strategy ?? 'unknown strategy', ...(lag === null ? [] : [`lag ${lag}`])].join(', ');
  const words = `${yes ? 'removed' : 'would remove'} the place of ${wanted} (${about})\n`;
  void terminal.out(json ? `${JSON.stringify(facts, null, 2)}\n` : words);
  if (!yes && !json) await warnOfWriter(where, terminal);
  exit(EXIT.ok);
}

/** The node that has the folder; null: nobody has, or who has does not answer, and is refused by the lock. */
async function writerOf({ inspector, dir }: Where): Promise<RemoteNode | null> {
  const owner = await inspector.owner();
  const node = owner === null ? null : await remoteOfProcess(owner.pid);
  if (node === null) return null;
  // Another machine that shares the folder may have a process of the same number.
  const { values } = await node.get<{ values: readonly { key: string; value: string }[] }>('/v1/config');
  return values.some(({ key, value }) => key === 'node.dataDir' && value === dir) ? node : null;
}

function purgedBy(node: RemoteNode, name: string, body: object): Promise<{ first: number }> {
  return node.call('POST', `/v1/streams/${encodeURIComponent(name)}/purge`, body);
}

/** Opens the stream, which no node may have, and does something to it. */
async function changed<T>(dir: string, name: string, change: (stream: Stream) => Promise<T>): Promise<T> {
  const store = await openStore({ dir, log: silentLog });
  try {
    return await change(await store.open(name, KEEP_ALL));
  } finally {
    await store.close();
  }
}

/** What `first` would be. */
function firstAfter({ first, segments }: StreamInfo, sequence: number): number {
  return segments.reduce((low, { next }) => (next <= sequence ? Math.max(low, next) : low), first);
}

function inWords(
  facts: { done: boolean; records: number; bytes: number; segments: number },
  info: StreamInfo,
): string {
  const { done, records, bytes, segments } = facts;
  if (records === 0) return `nothing ${done ? 'was' : 'would be'} removed: no whole segment is before that\n`;
  const what = `${rangeWords(info.first, info.first + records - 1)}: ${plural(segments, 'segment')}, ${sizeWords(bytes)}`;
  return done ? `removed ${what}\n` : `would remove ${what}\n`;
}

async function warn(
  where: Where,
  { name, first, info }: { name: string; first: number; info: StreamInfo },
  { terminal }: CommandContext,
): Promise<void> {
  if (first === info.first) return;
  for (const { name: reader, acknowledged } of readersOf(await where.inspector.places(name), info)) {
    if (acknowledged !== null && acknowledged < first)
      terminal.err(
        `${reader} has not acknowledged ${rangeWords(Math.max(acknowledged, info.first), first - 1)} of it`,
      );
  }
  await warnOfWriter(where, terminal);
}

async function warnOfWriter(where: Where, terminal: Terminal): Promise<void> {
  const owner = await where.inspector.owner();
  if (owner !== null && (await writerOf(where)) === null)
    terminal.err(`process ${owner.pid} writes in the folder: stop it first`);
  terminal.err('nothing was changed; --yes removes it');
}
