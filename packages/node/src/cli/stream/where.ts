/**
 * Which data folder a command looks into, and which stream in it.
 *
 * Guarantees: nothing is made or changed; whatever is missing is named with its path, and with the way out.
 */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { nearest } from '../../config/nearest.ts';
import { streamsOf } from '../../config/streams.ts';
import type { Config, StreamSettings } from '../../config/types.ts';
import { ZerothError } from '../../errors.ts';
import type { StoreInspector } from '../../store/inspect.ts';
import { inspectStore } from '../../store/inspect.ts';
import type { CommandContext } from '../command.ts';
import { configOf } from '../config.ts';
import { CliError, usageError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

/** What `zeroth init` writes, and where a node keeps its streams without a configuration. */
const CONFIG_FILE = 'zeroth.yaml';
const DATA_FOLDER = 'data';

interface WhereOptions {
  readonly data?: string;
  readonly config?: string;
}

export interface Where {
  /** Absolute path. */
  readonly dir: string;
  readonly inspector: StoreInspector;
  /** What the configuration says of a stream; null without one, or if it does not name the stream. */
  settingsOf(name: string): StreamSettings | null;
}

export function addWhere(command: Command): void {
  command
    .addOption(new Option('-d, --data <DIR>', 'the data folder').conflicts('config'))
    .option(
      '-c, --config <FILE>',
      'the configuration whose node.dataDir it is (./zeroth.yaml if there is one)',
    );
}

export async function whereOf(command: Command, terminal: Terminal): Promise<Where> {
  const { data, config: file } = command.opts<WhereOptions>();
  const path = data === undefined ? (file ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : null)) : null;
  const config = path === null ? null : configOf(path, terminal).config;
  const dir = config?.node.dataDir ?? resolve(data ?? DATA_FOLDER);
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) throw noFolder(dir, path, data);
  return { dir, inspector: await inspectStore(dir), settingsOf: (name) => settingsIn(config, name) };
}

function noFolder(dir: string, config: string | null, data: string | undefined): CliError {
  const from = config === null ? '' : ` (node.dataDir of ${config})`;
  const hint =
    data === undefined
      ? 'a node makes it with its first stream; --data DIR or --config FILE names another one'
      : 'is it the folder that node.dataDir names? --config FILE finds it by itself';
  return new CliError('FILE_FAILED', `there is no data folder ${dir}${from}`, { exitCode: EXIT.usage, hint });
}

/** Dead letters are kept like the stream that they come from. */
function settingsIn(config: Config | null, name: string): StreamSettings | null {
  const streams = config === null ? [] : streamsOf(config);
  const named = (wanted: string): StreamSettings | undefined =>
    streams.find((stream) => stream.name === wanted);
  return named(name) ?? named(name.replace(/\.dead$/, '')) ?? null;
}

/** The NAME operand. A name may begin with a dash: then it stands after `--`. */
export function nameOf(given: string | undefined, { literal }: CommandContext, command: string): string {
  const names = [...(given === undefined ? [] : [given]), ...(literal ?? [])];
  if (names.length === 1) return names[0] as string;
  const hint = 'zeroth stream ls lists them';
  throw usageError(
    names.length === 0 ? `${command} needs the name of a stream` : 'one stream at a time',
    hint,
  );
}

/** Throws the error for a name that no stream has, with the one that was probably meant. */
export async function checkName({ inspector, dir }: Where, name: string): Promise<void> {
  const names = await inspector.list();
  if (names.includes(name)) return;
  const close = nearest(name, names);
  const all = names.length === 0 ? 'it has no streams yet' : 'zeroth stream ls lists its streams';
  throw new CliError('STREAM_UNKNOWN', `there is no stream ${name} in ${dir}`, {
    exitCode: EXIT.usage,
    hint: close === null ? all : `did you mean ${close}?`,
  });
}

/** What a stream that is being removed or written may throw while it is looked at. */
export function isGone(error: unknown): boolean {
  return error instanceof ZerothError && error.code === 'STREAM_UNKNOWN';
}
