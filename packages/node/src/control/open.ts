/**
 * Reads a configuration for the first time: the file, or the embedded text, and the configuration centre that it names.
 *
 * Guarantees: never throws for what is in a text, a file or a centre; changes nothing, also not on the disk. A centre that
 * can't be reached, or has a text that is refused, is replaced by its last good copy; without one there is no start.
 */

import type { LayerText } from '../config/layers.ts';
import { loadLayers, readLocal } from '../config/layers.ts';
import type { ConfigSource, LoadResult } from '../config/load.ts';
import { contextOf, refused as unreadable } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { Source as SourceRead } from '../config/source.ts';
import { checkText, readSource, readSourceLater } from '../config/source.ts';
import type { LoadContext } from '../config/spec/kinds.ts';
import type { Config, SourceConfig } from '../config/types.ts';
import { messageOf, ZerothError } from '../errors.ts';
import { SourceCopy } from '../source/copy.ts';
import { openSource } from '../source/open.ts';
import type { Source, SourceText } from '../source/source.ts';
import type { Texts } from './history.ts';
import type { Refused, SourceStatus } from './types.ts';

export interface OpenOptions {
  readonly from: ConfigSource;
  /** Default: that of the machine. */
  readonly hostName?: string;
  /** Ends a wait for the centre. */
  readonly signal?: AbortSignal;
  readonly openSource?: (config: SourceConfig) => Promise<Source>;
  /** Milliseconds for the centre, where `source.timeout` is more. */
  readonly patience?: number;
}

export interface OpenedSource {
  readonly source: Source;
  readonly copy: SourceCopy;
  readonly text: SourceText;
  readonly status: SourceStatus;
}

export interface OpenedConfig {
  readonly ok: true;
  readonly config: Config;
  readonly warnings: readonly Problem[];
  readonly from: ConfigSource;
  readonly context: LoadContext;
  /** By its own file. */
  readonly nodeName: string;
  readonly texts: Texts;
  readonly source: OpenedSource | null;
}

/** @example const opened = await openConfig({ from: { path: 'zeroth.yaml' } }); */
export async function openConfig(options: OpenOptions): Promise<OpenedConfig | Refused> {
  const { from } = options;
  const context = contextOf(from, options.hostName === undefined ? {} : { hostName: options.hostName });
  // Here it may be a pipe.
  const file = textOf(from, 'path' in from ? readSource(from.path) : checkText(from.text));
  if ('problems' in file) return invalid(file.problems);
  const local = readLocal(file, context);
  if (local.node === null) return invalid(local.problems);
  const nodeName = local.node.name;
  const base = { ok: true, from, context, nodeName } as const;
  const load = (centre: LayerText | null): LoadResult =>
    loadLayers({ centre, file, sets: [] }, nodeName, context);
  if (local.source === null) {
    const { config, problems, warnings } = load(null);
    if (config === null) return invalid(problems);
    return { ...base, config, warnings, texts: { centre: null, file }, source: null };
  }
  return openCentre(options, local.source, local.node.dataDir, (source, copy, text, error) => {
    const centre = { name: source.name, text: text.text };
    const { config, problems, warnings } = load(centre);
    if (config === null) return invalid(problems);
    const state = error === null ? 'up' : 'copy';
    const status = { name: source.name, state, since: Date.now(), revision: text.revision, error } as const;
    return { ...base, config, warnings, texts: { centre, file }, source: { source, copy, text, status } };
  });
}

/** The text of the file as it is now. */
export async function readFrom(
  from: ConfigSource,
): Promise<LayerText | { readonly problems: readonly Problem[] }> {
  return textOf(from, 'path' in from ? await readSourceLater(from.path) : checkText(from.text));
}

function textOf(
  from: ConfigSource,
  source: SourceRead,
): LayerText | { readonly problems: readonly Problem[] } {
  const name = 'path' in from ? from.path : from.source;
  return source.ok ? { name, text: source.text } : unreadable(name, source);
}

export function invalid(problems: readonly Problem[]): Refused {
  const [first] = problems;
  const many = problems.length === 1 ? '' : `, and ${problems.length - 1} more`;
  const place = first === undefined ? '' : `${first.file}${first.line === 0 ? '' : `:${first.line}`}`;
  // `set KEY` has named it.
  const named = first === undefined || first.key === '' || first.file.endsWith(` ${first.key}`);
  const key = named ? '' : ` ${first.key}:`;
  const message = `${place}:${key} ${first?.message ?? ''}${many}`;
  return { ok: false, code: 'CONFIG_INVALID', message, problems };
}

/** Of whatever was thrown: our own errors as they are. */
export function refusedBy(error: unknown, code: 'RELOAD_FAILED' | 'SOURCE_FAILED'): Refused {
  const { hint } = (error ?? {}) as { hint?: string | null };
  const words = messageOf(error);
  const message = typeof hint === 'string' ? `${words}; ${hint}` : words;
  return { ok: false, code: error instanceof ZerothError ? error.code : code, message, problems: [] };
}

type Build = (
  source: Source,
  copy: SourceCopy,
  text: SourceText,
  error: string | null,
) => OpenedConfig | Refused;

async function openCentre(
  options: OpenOptions,
  config: SourceConfig,
  dataDir: string,
  build: Build,
): Promise<OpenedConfig | Refused> {
  let source: Source;
  try {
    const timeout = Math.min(config.timeout, options.patience ?? config.timeout);
    source = await (options.openSource ?? openSource)({ ...config, timeout });
  } catch (error) {
    return refusedBy(error, 'SOURCE_FAILED');
  }
  const copy = new SourceCopy(dataDir, source.name);
  let trouble: Refused;
  try {
    const opened = build(
      source,
      copy,
      await source.read(options.signal ?? new AbortController().signal),
      null,
    );
    if (opened.ok) return opened;
    trouble = opened;
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    trouble = refusedBy(error, 'SOURCE_FAILED');
  }
  const last = await copy.load().catch(() => null);
  const opened = last === null ? null : build(source, copy, last, trouble.message);
  if (opened?.ok === true) return opened;
  // The file may be what is wrong: then it is as wrong with the copy.
  if (trouble.problems.length > 0) return trouble;
  if (opened !== null) return opened;
  return {
    ...trouble,
    message: `${trouble.message}; there is no good copy of it in ${copy.path} to start with`,
  };
}
