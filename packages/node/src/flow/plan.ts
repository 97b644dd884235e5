/**
 * What it takes to get from one configuration to another.
 *
 * Guarantees: pure. A key that can't change in a running node keeps its value, and is named; what did not change is in
 * no list but `kept`.
 */
import { isDeepStrictEqual } from 'node:util';
import type { AnySectionSpec } from '../config/spec/kinds.ts';
import { SPEC } from '../config/spec/table.ts';
import { streamsOf } from '../config/streams.ts';
import type { Config, RouteConfig, StreamConfig } from '../config/types.ts';

/** `replaced`: its sockets can't become what is asked for, so it gets others. */
export type RouteStep =
  | { readonly how: 'added'; readonly after: RouteConfig }
  | { readonly how: 'removed'; readonly before: RouteConfig }
  | { readonly how: 'changed' | 'replaced'; readonly before: RouteConfig; readonly after: RouteConfig };

export interface Plan {
  /** What runs afterwards. */
  readonly config: Config;
  /** Keys that keep their value until the next start. */
  readonly restart: readonly string[];
  readonly routes: readonly RouteStep[];
  /** Streams that are to be open afterwards and are not. */
  readonly opened: readonly StreamConfig[];
  /** `routes.orders`, `streams.events`, `sessions`. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly kept: readonly string[];
}

/** `before` null: nothing runs yet. */
export function planOf(before: Config | null, wanted: Config): Plan {
  const restart: string[] = [];
  const config = before === null ? wanted : (keep(SPEC, '', before, wanted, restart) as Config);
  const names: Record<'added' | 'removed' | 'changed' | 'kept', string[]> = {
    added: [],
    removed: [],
    changed: [],
    kept: [],
  };
  const note = (key: string, old: unknown, now: unknown): keyof typeof names => {
    const how =
      old === null ? 'added' : now === null ? 'removed' : isDeepStrictEqual(old, now) ? 'kept' : 'changed';
    names[how].push(key);
    return how;
  };

  const routes: RouteStep[] = [];
  for (const [name, [old, now]] of pairs(before?.routes ?? [], config.routes)) {
    const how = note(`routes.${name}`, old, now);
    if (how === 'kept') continue;
    if (old === null) routes.push({ how: 'added', after: now as RouteConfig });
    else if (now === null) routes.push({ how: 'removed', before: old });
    else routes.push({ how: needsSockets(old, now) ? 'replaced' : 'changed', before: old, after: now });
  }
  for (const [name, [old, now]] of pairs(before?.streams ?? [], config.streams))
    note(`streams.${name}`, old, now);
  const sessions = before?.sessions ?? null;
  if (sessions !== null || config.sessions !== null) note('sessions', sessions, config.sessions);

  const open = new Set(before === null ? [] : streamsOf(before).map(({ name }) => name));
  const opened = streamsOf(config).filter(({ name }) => !open.has(name));
  return { config, restart, routes, opened, ...names };
}

function needsSockets(before: RouteConfig, after: RouteConfig): boolean {
  return (
    before.pattern !== after.pattern ||
    before.ipv6 !== after.ipv6 ||
    before.wsOrigins !== after.wsOrigins ||
    (before.stream === null) !== (after.stream === null)
  );
}

/** By name: those of after in their order, then those that are gone. */
function pairs<T extends { readonly name: string }>(
  before: readonly T[],
  after: readonly T[],
): Map<string, [T | null, T | null]> {
  const found = new Map<string, [T | null, T | null]>(after.map((each) => [each.name, [null, each]]));
  for (const each of before) found.set(each.name, [each, found.get(each.name)?.[1] ?? null]);
  return found;
}

/** `after`, but for the keys that a running node does not take: those are as before, and named in `restart`. */
function keep(
  spec: AnySectionSpec,
  path: string,
  before: unknown,
  after: unknown,
  restart: string[],
): unknown {
  const old = before as Record<string, unknown>;
  const now = after as Record<string, unknown>;
  const kept: Record<string, unknown> = { ...now };
  for (const [name, key] of Object.entries(spec.keys)) {
    if (key.type === 'entries' || isDeepStrictEqual(old[name], now[name])) continue;
    const at = path === '' ? name : `${path}.${name}`;
    const both = (old[name] ?? null) !== null && (now[name] ?? null) !== null;
    if (key.type === 'section' && key.reloadable && both)
      kept[name] = keep(key, at, old[name], now[name], restart);
    else if (!key.reloadable) {
      if (key.type === 'section' && both) restart.push(...differing(key, at, old[name], now[name]));
      else restart.push(at);
      kept[name] = old[name];
    }
  }
  return Object.freeze(kept);
}

/** The keys of a section that differ. */
function differing(spec: AnySectionSpec, path: string, before: unknown, after: unknown): string[] {
  const old = before as Record<string, unknown>;
  const now = after as Record<string, unknown>;
  return Object.keys(spec.keys).flatMap((name) =>
    isDeepStrictEqual(old[name], now[name]) ? [] : [`${path}.${name}`],
  );
}
