/**
 * What differs between two configurations, and what is in one, as a person would write it.
 *
 * Guarantees: pure; in the order of the specification, names in the order of the newer file; a secret is
 * `[redacted]`, whatever it is; a text in the result is short and free of control characters.
 */

import { defaultOf } from './leaf.ts';
import { keyText, printable, shorten } from './problem.ts';
import type { KeyPath } from './report.ts';
import type { AnyEntriesSpec, AnySectionSpec, LeafSpec, LoadContext, Spec } from './spec/kinds.ts';
import { SPEC } from './spec/table.ts';
import type { Config } from './types.ts';
import { formatDuration, formatSize } from './units.ts';

export interface ConfigChange {
  /** `routes.orders.frontend.bind`; of a route, stream or section that came or went as a whole, its own key. */
  readonly key: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** `10s`, `64MiB`, `[tcp://*:1, ipc:///a]`, `{ pattern: pubsub, … }`; null: it was not there. */
  readonly before: string | null;
  readonly after: string | null;
  /** A running node takes it without a restart. */
  readonly reloadable: boolean;
}

export interface ConfigValue {
  readonly key: string;
  readonly value: string;
  readonly reloadable: boolean;
}

export const REDACTED = '[redacted]';
const MAX_VALUE = 500;

type Values = Readonly<Record<string, unknown>>;
type Leaf = (key: string, spec: LeafSpec, value: unknown, reloadable: boolean) => void;

/** Nothing of it differs: no changes. */
export function diffConfig(before: Config, after: Config): readonly ConfigChange[] {
  const changes: ConfigChange[] = [];
  compare(SPEC, before, after, [], true, changes);
  return changes;
}

/** Every key with its value, those that have their defaults included. */
export function configValues(config: Config): readonly ConfigValue[] {
  const values: ConfigValue[] = [];
  walk(SPEC, config, [], true, (key, spec, value, reloadable) => {
    values.push({ key, value: leafText(spec, value), reloadable });
  });
  return values;
}

function compare(
  spec: Spec,
  before: unknown,
  after: unknown,
  path: KeyPath,
  above: boolean,
  changes: ConfigChange[],
): void {
  const reloadable = above && spec.reloadable;
  const add = (kind: ConfigChange['kind'], old: string | null, next: string | null): void => {
    changes.push({ key: keyText(path), kind, before: old, after: next, reloadable });
  };
  if (before === null && after === null) return;
  if (before === null) add('added', null, valueText(spec, after));
  else if (after === null) add('removed', valueText(spec, before), null);
  else if (spec.type === 'section') {
    for (const [name, key] of Object.entries(spec.keys)) {
      const [old, next] = [(before as Values)[name], (after as Values)[name]];
      compare(key, old, next, [...path, name], reloadable, changes);
    }
  } else if (spec.type === 'entries') {
    const old = byName(before);
    const next = byName(after);
    for (const name of new Set([...next.keys(), ...old.keys()])) {
      const [was, is] = [old.get(name) ?? null, next.get(name) ?? null];
      compare(spec.entry, was, is, [...path, name], reloadable, changes);
    }
  } else if (plain(before) !== plain(after)) {
    add('changed', leafText(spec, before), leafText(spec, after));
  }
}

function walk(spec: Spec, value: unknown, path: KeyPath, above: boolean, leaf: Leaf): void {
  const reloadable = above && spec.reloadable;
  if (value === null) return;
  if (spec.type === 'section') {
    for (const [name, key] of Object.entries(spec.keys))
      walk(key, (value as Values)[name], [...path, name], reloadable, leaf);
  } else if (spec.type === 'entries') {
    for (const [name, entry] of byName(value)) walk(spec.entry, entry, [...path, name], reloadable, leaf);
  } else leaf(keyText(path), spec, value, reloadable);
}

function byName(entries: unknown): Map<string, Values> {
  return new Map((entries as readonly { name: string }[]).map((entry) => [entry.name, entry]));
}

/** Leaves are scalars and lists of texts, and no text has a line feed. */
function plain(value: unknown): string {
  return Array.isArray(value) ? value.join('\n') : String(value);
}

function valueText(spec: Spec, value: unknown): string {
  if (spec.type === 'section') return short(sectionText(spec, value as Values));
  return spec.type === 'entries' ? short(entriesText(spec, value)) : leafText(spec, value);
}

/** What does not have its default, in one line. */
function sectionText(spec: AnySectionSpec, values: Values): string {
  const parts: string[] = [];
  for (const [name, key] of Object.entries(spec.keys)) {
    const value = values[name];
    if (value === null) continue;
    if (key.type === 'section') {
      const text = sectionText(key, value as Values);
      if (text !== '{}' || key.optional) parts.push(`${name}: ${text}`);
    } else if (key.type === 'entries') parts.push(`${name}: ${entriesText(key, value)}`);
    else if (plain(value) !== plain(defaultText(key))) parts.push(`${name}: ${leafText(key, value)}`);
  }
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

function entriesText(spec: AnyEntriesSpec, value: unknown): string {
  const parts = [...byName(value)].map(([name, entry]) => `${name}: ${sectionText(spec.entry, entry)}`);
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

/** Computed defaults are in no section that can be absent, and paths among them have none either. */
const NOWHERE: LoadContext = { baseDir: '/', hostName: '' };

function defaultText(spec: LeafSpec): unknown {
  return spec.required ? '' : defaultOf(spec, NOWHERE);
}

function leafText(spec: LeafSpec, value: unknown): string {
  if (spec.secret) return value === '' ? '""' : REDACTED;
  if (spec.type === 'duration') return formatDuration(value as number);
  if (spec.type === 'size') return formatSize(value as number);
  if (spec.type === 'endpoints') {
    const texts = value as readonly string[];
    return short(texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`);
  }
  return value === '' ? '""' : short(String(value));
}

function short(text: string): string {
  return printable(shorten(text, MAX_VALUE));
}
