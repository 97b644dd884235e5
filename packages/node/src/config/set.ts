/**
 * Keys as people type them to change a running node: `routes.orders.timeout`, `routes["a.b"].maxPeers`.
 *
 * Guarantees: never throws; takes what `keyText` prints; finds only keys that have a value, that a running node takes,
 * and that are in the configuration; never makes a route, stream or section.
 */

import { nearest } from './nearest.ts';
import type { Problem, ProblemCode } from './problem.ts';
import { keyText, printable, shorten } from './problem.ts';
import type { AnySectionSpec, Spec } from './spec/kinds.ts';
import { SPEC } from './spec/table.ts';
import type { Config } from './types.ts';
import { nearestKey, placesOf } from './unknown.ts';

export type FoundKey =
  | { readonly ok: true; readonly path: readonly string[]; readonly key: string; readonly secret: boolean }
  | { readonly ok: false; readonly problem: Problem };

const MAX_KEY = 1024;

/** The key, if it can be set while `config` runs. */
export function findKey(text: string, config: Config): FoundKey {
  const path = parseKey(text);
  if (path === null) {
    // `set admin.token=SECRET` is a mistake that is easily made.
    return fail(text.split(/[=:\s]/, 1)[0] as string, 'CONFIG_BAD_NAME', 'not a key', [
      'names with dots between: routes.orders.timeout, routes["a.b"].timeout',
    ]);
  }
  let spec: Spec = SPEC;
  let value: unknown = config;
  let reloadable = true;
  for (const [at, name] of path.entries()) {
    const before = path.slice(0, at);
    if (spec.type === 'entries') {
      const entries = value as readonly { readonly name: string }[];
      const entry = entries.find((each) => each.name === name);
      const names = entries.map((each) => each.name);
      if (entry === undefined) {
        const message = `there is no ${spec.noun} "${printable(shorten(name, 64))}"`;
        return fail(
          text,
          'CONFIG_UNKNOWN_KEY',
          message,
          names.slice(0, 20),
          instead(path, at, nearest(name, names)),
        );
      }
      [spec, value] = [spec.entry, entry];
    } else if (spec.type === 'section') {
      if (value === null) {
        const message = `${keyText(before)} is not in the configuration, and is not made by setting one of its keys`;
        return fail(text, 'CONFIG_UNKNOWN_KEY', message);
      }
      if (!Object.hasOwn(spec.keys, name)) return unknown(text, path, at, spec);
      value = (value as Readonly<Record<string, unknown>>)[name];
      spec = spec.keys[name] as Spec;
    } else {
      return fail(
        text,
        'CONFIG_UNKNOWN_KEY',
        `${keyText(before)} has a value of its own, and nothing below it`,
      );
    }
    reloadable &&= spec.reloadable;
  }
  if (spec.type === 'section' || spec.type === 'entries') {
    const names =
      spec.type === 'section'
        ? Object.keys(spec.keys)
        : (value as readonly { readonly name: string }[]).map((each) => each.name);
    const keys = value === null ? [] : names.slice(0, 40).map((name) => keyText([...path, name]));
    return fail(text, 'CONFIG_WRONG_TYPE', 'one key is set at a time, and this is a mapping of keys', keys);
  }
  if (!reloadable) {
    const message = 'a running node does not take this key: write it into the file and start the node again';
    return fail(text, 'CONFIG_NOT_RELOADABLE', message);
  }
  return { ok: true, path, key: keyText(path), secret: spec.secret };
}

/** The reverse of `keyText`, without numbers; null for what it would not print. */
export function parseKey(text: string): readonly string[] | null {
  if (text.length > MAX_KEY) return null;
  const path: string[] = [];
  const part = /(?:^|\.)([A-Za-z0-9_-]+)|\[("(?:[^"\\]|\\.)*")\]/y;
  while (part.lastIndex < text.length) {
    const found = text.startsWith('.') ? null : part.exec(text);
    if (found === null) return null;
    try {
      path.push(found[1] ?? (JSON.parse(found[2] as string) as string));
    } catch {
      return null;
    }
  }
  return path.length === 0 ? null : path;
}

function unknown(text: string, path: readonly string[], at: number, spec: AnySectionSpec): FoundKey {
  const name = path[at] as string;
  const meant = nearestKey(name, spec.keys);
  const places = meant === null ? placesOf(name, SPEC) : [];
  const message =
    places.length === 0 ? 'unknown key' : `unknown key here; it belongs to ${places.join(' or ')}`;
  return fail(text, 'CONFIG_UNKNOWN_KEY', message, Object.keys(spec.keys), instead(path, at, meant));
}

function instead(path: readonly string[], at: number, name: string | null): string | null {
  return name === null ? null : keyText([...path.slice(0, at), name, ...path.slice(at + 1)]);
}

function fail(
  text: string,
  code: ProblemCode,
  message: string,
  allowed: readonly string[] = [],
  suggestion: string | null = null,
): FoundKey {
  const key = printable(shorten(text, 200));
  const none = { line: 0, column: 0, value: null, excerpt: null };
  return { ok: false, problem: { code, file: 'set', ...none, key, message, allowed, suggestion } };
}
