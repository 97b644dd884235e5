/**
 * Nodes against the specification: values with defaults, or what is wrong with them.
 *
 * Guarantees: reports every problem, not only the first; never shows the value of a secret key, nor one that may
 * be a secret under a mistyped key; work is bounded by what parse.ts lets through.
 */

import type { YAMLMap } from 'yaml';
import { isMap, isScalar, isSeq } from 'yaml';
import type { Endpoint } from './endpoint.ts';
import type { Scalar } from './leaf.ts';
import { allowedValues, checkEndpointLeaf, checkLeaf, defaultOf, EXPECTED } from './leaf.ts';
import type { ParsedText } from './parse.ts';
import { rangeOf } from './parse.ts';
import { keyText, printable, shorten } from './problem.ts';
import type { Finding, KeyPath, Range, Report } from './report.ts';
import type { AnyEntriesSpec, AnySectionSpec, EndpointsSpec, LoadContext, Spec } from './spec/kinds.ts';
import { nearestKey, placesOf } from './unknown.ts';

/** An endpoint and where it stands, for the checks over the whole configuration. */
export interface PlacedEndpoint {
  readonly path: KeyPath;
  readonly at: Range | null;
  readonly role: 'bind' | 'connect';
  readonly text: string;
  readonly endpoint: Endpoint;
}

interface Member {
  readonly name: string;
  readonly keyAt: Range | null;
  /** As written: an alias is not followed. */
  readonly raw: unknown;
  readonly at: Range | null;
}

const MAX_VALUE = 60;

export class Checker {
  readonly endpoints: PlacedEndpoint[] = [];
  /** Where the names of entries stand, by path as text. */
  readonly names: Map<string, Range | null> = new Map();
  readonly #parsed: ParsedText;
  readonly #report: Report;
  readonly #context: LoadContext;
  readonly #root: AnySectionSpec;

  constructor(root: AnySectionSpec, parsed: ParsedText, report: Report, context: LoadContext) {
    this.#root = root;
    this.#parsed = parsed;
    this.#report = report;
    this.#context = context;
  }

  /** Keys whose value is wrong are missing from the result. */
  check(): Readonly<Record<string, unknown>> {
    const root = this.#parsed.root;
    const node = this.#parsed.resolve(root);
    if (node === null || (isScalar(node) && node.value === null)) {
      const message = 'the file has no settings';
      this.#report.error({
        code: 'CONFIG_EMPTY',
        at: null,
        path: [],
        message,
        allowed: Object.keys(this.#root.keys),
      });
    } else if (isMap(node)) {
      return this.#section(this.#root, node, [], rangeOf(root));
    } else {
      const message = `expected ${EXPECTED.section}, found ${kindOf(node)}`;
      const at = rangeOf(root);
      this.#report.error({
        code: 'CONFIG_NOT_A_MAPPING',
        at,
        path: [],
        message,
        allowed: Object.keys(this.#root.keys),
      });
    }
    return {};
  }

  #value(spec: Spec, member: Member, path: KeyPath): unknown {
    const node = this.#parsed.resolve(member.raw);
    if (spec.secret) {
      // The value, and where it stands if this is only an alias of it.
      for (const range of [member.at, rangeOf(node)]) if (range !== null) this.#report.mask(range);
    }
    if (spec.type === 'endpoints') return this.#endpointList(spec, member, path);
    if (spec.type === 'section' || spec.type === 'entries') {
      const nothing = node === null || (isScalar(node) && node.value === null);
      if (!nothing && !isMap(node)) {
        const message = `expected ${EXPECTED[spec.type]}`;
        this.#wrong(member, path, { code: 'CONFIG_WRONG_TYPE', message });
        return undefined;
      }
      const at = member.keyAt ?? member.at;
      const map = nothing ? null : (node as YAMLMap);
      return spec.type === 'section' ? this.#section(spec, map, path, at) : this.#entries(spec, map, path);
    }
    if (node !== null && !isScalar(node)) {
      const message = `expected ${EXPECTED[spec.type]}`;
      this.#wrong(member, path, { code: 'CONFIG_WRONG_TYPE', message, allowed: allowedValues(spec) });
      return undefined;
    }
    const result = checkLeaf(spec, this.#scalar(node), this.#context);
    if (result.ok) return result.value;
    this.#wrong(member, path, { ...result, allowed: allowedValues(spec) });
    return undefined;
  }

  #section(
    spec: AnySectionSpec,
    map: YAMLMap | null,
    path: KeyPath,
    at: Range | null,
  ): Record<string, unknown> {
    const members = map === null ? new Map<string, Member>() : this.#members(map, path);
    const values: Record<string, unknown> = {};
    /** Keys that are there under a mistyped name are not reported as missing too. */
    const mistyped = new Set<string>();
    for (const [name, member] of members) {
      if (Object.hasOwn(spec.keys, name)) continue;
      const meant = this.#unknown(spec, member, path);
      if (meant !== null) mistyped.add(meant);
    }
    for (const [name, key] of Object.entries(spec.keys)) {
      const member = members.get(name);
      if (member === undefined && key.required && mistyped.has(name)) continue;
      const value =
        member === undefined
          ? this.#absent(key, [...path, name], at)
          : this.#value(key, member, [...path, name]);
      if (value !== undefined) values[name] = value;
    }
    if (
      spec.atLeastOneOf.length > 0 &&
      !spec.atLeastOneOf.some((name) => members.has(name) || mistyped.has(name))
    ) {
      const message = 'one of these keys is needed';
      this.#report.error({ code: 'CONFIG_MISSING_KEY', at, path, message, allowed: spec.atLeastOneOf });
    }
    for (const rule of spec.rules) {
      const broken = rule(values);
      if (broken === null) continue;
      const key = broken.keys.find((name) => members.has(name)) ?? (broken.keys[0] as string);
      const { message, suggestion } = broken;
      const where = members.get(key)?.at ?? at;
      this.#report.error({ code: 'CONFIG_CONFLICT', at: where, path: [...path, key], message, suggestion });
    }
    return values;
  }

  #absent(spec: Spec, path: KeyPath, at: Range | null): unknown {
    if (spec.required) {
      const allowed =
        'keys' in spec ? Object.keys(spec.keys) : spec.type === 'entries' ? [] : allowedValues(spec);
      this.#report.error({ code: 'CONFIG_MISSING_KEY', at, path, message: 'the key is missing', allowed });
      return undefined;
    }
    if (spec.type === 'section') return spec.optional ? null : this.#section(spec, null, path, at);
    return spec.type === 'entries' ? [] : defaultOf(spec, this.#context);
  }

  #entries(spec: AnyEntriesSpec, map: YAMLMap | null, path: KeyPath): readonly unknown[] {
    const entries: unknown[] = [];
    if (map === null) return entries;
    const pattern = new RegExp(spec.namePattern.source);
    for (const [name, member] of this.#members(map, path)) {
      if (entries.length === spec.maxEntries) {
        const message = `more than ${spec.maxEntries} entries`;
        this.#report.error({
          code: 'CONFIG_TOO_MANY',
          at: member.keyAt,
          path,
          message,
          allowed: [`1 to ${spec.maxEntries}`],
        });
        break;
      }
      if (!pattern.test(name)) {
        const better = name
          .slice(0, 64)
          .replace(/[^A-Za-z0-9._-]+/g, '-')
          .replace(/^-+|-+$/g, '');
        this.#report.error({
          code: 'CONFIG_BAD_NAME',
          at: member.keyAt,
          path: [...path, name],
          message: `not a name for a ${spec.noun}`,
          allowed: [spec.namePattern.allowed],
          suggestion: pattern.test(better) ? better : null,
        });
      }
      this.names.set(keyText([...path, name]), member.keyAt);
      const value = this.#value(spec.entry, member, [...path, name]);
      entries.push(value === undefined ? { name } : { name, ...(value as object) });
    }
    return entries;
  }

  #endpointList(spec: EndpointsSpec, member: Member, path: KeyPath): unknown {
    const node = this.#parsed.resolve(member.raw);
    const single = !isSeq(node);
    const items = single ? [member.raw] : node.items;
    if (items.length === 0 || items.length > spec.maxItems) {
      const code = items.length === 0 ? 'CONFIG_OUT_OF_RANGE' : 'CONFIG_TOO_MANY';
      const message = `the list has ${items.length === 0 ? 'no endpoint' : `more than ${spec.maxItems} endpoints`}`;
      this.#report.error({
        code,
        at: member.at,
        path,
        message,
        allowed: [`1 to ${spec.maxItems} endpoints`],
      });
      return undefined;
    }
    const texts: string[] = [];
    items.forEach((raw: unknown, index) => {
      const item = this.#parsed.resolve(raw);
      const at = rangeOf(raw) ?? member.at;
      const itemPath = single ? path : [...path, index];
      const place = { ...member, raw, at };
      if (item !== null && !isScalar(item)) {
        const message = 'expected an endpoint';
        this.#wrong(place, itemPath, {
          code: 'CONFIG_WRONG_TYPE',
          message,
          allowed: allowedValues(spec),
        });
        return;
      }
      const result = checkEndpointLeaf(spec, this.#scalar(item));
      if (!result.ok) {
        this.#wrong(place, itemPath, { ...result, allowed: allowedValues(spec) });
        return;
      }
      texts.push(result.text);
      this.endpoints.push({
        path: itemPath,
        at,
        role: spec.role,
        text: result.text,
        endpoint: result.endpoint,
      });
    });
    return texts;
  }

  /** The pairs of a mapping by name; of a name that stands twice, the first. */
  #members(map: YAMLMap, path: KeyPath): Map<string, Member> {
    const members = new Map<string, Member>();
    for (const pair of map.items) {
      const keyNode = this.#parsed.resolve(pair.key);
      const keyAt = rangeOf(pair.key);
      const at = rangeOf(pair.value) ?? keyAt;
      if (keyNode !== null && !isScalar(keyNode)) {
        const message = `expected a word as the key, found ${kindOf(keyNode)}`;
        // What is inside of it is not looked at.
        for (const range of [keyAt, at]) if (range !== null) this.#report.mask(range);
        this.#report.error({ code: 'CONFIG_WRONG_TYPE', at: keyAt, path, message });
        continue;
      }
      const name = this.#scalar(keyNode).text;
      const first = members.get(name);
      if (first === undefined) {
        members.set(name, { name, keyAt, raw: pair.value, at });
        continue;
      }
      // The value is not looked at any more, so nobody knows whether it is a secret.
      if (at !== null) this.#report.mask(at);
      const where = first.keyAt === null ? '' : `; it is also on ${this.#report.where(first.keyAt, keyAt)}`;
      const message = `the key stands here a second time${where}`;
      this.#report.error({ code: 'CONFIG_DUPLICATE_KEY', at: keyAt, path: [...path, name], message });
    }
    return members;
  }

  #unknown(spec: AnySectionSpec, member: Member, path: KeyPath): string | null {
    const { name, keyAt, at } = member;
    const keys = Object.keys(spec.keys);
    const meant = nearestKey(name, spec.keys);
    // By name, parse.ts has masked it already if need be.
    const mistyped = meant !== null && spec.keys[meant]?.secret === true;
    if (at !== null && at !== keyAt && (mistyped || this.#hasUser(at))) this.#report.mask(at);
    const elsewhere = meant === null ? placesOf(name, this.#root) : [];
    let message = 'unknown key';
    if (name === '<<') message = 'merge keys ("<<") are not part of YAML 1.2: repeat the keys';
    else if (elsewhere.length > 0) message = `unknown key here; it belongs to ${elsewhere.join(' or ')}`;
    const finding = { code: 'CONFIG_UNKNOWN_KEY', at: keyAt, path: [...path, name], message } as const;
    this.#report.error({ ...finding, allowed: keys, suggestion: meant });
    return meant;
  }

  /** `nats://user:password@host`. In a local socket's name "@" is nothing special. */
  #hasUser(at: Range): boolean {
    return /(?<!\b(?:ipc|inproc)):\/\/\S*@/.test(this.#report.text.slice(at[0], at[1]));
  }

  #wrong(member: Member, path: KeyPath, finding: Omit<Finding, 'at' | 'path'>): void {
    const source = rangeOf(this.#parsed.resolve(member.raw));
    for (const range of [member.at, source])
      if (range !== null && this.#hasUser(range)) this.#report.mask(range);
    this.#report.error({ ...finding, at: member.at, path, value: this.#display(member), source });
  }

  /** As it stands in the file: with its quotes, because they may be what is wrong. */
  #display(member: Member): string {
    const node = this.#parsed.resolve(member.raw);
    if (node !== null && !isScalar(node)) return kindOf(node);
    const text = printable(shorten(this.#scalar(node).text, MAX_VALUE));
    return isQuoted(node) ? `"${text}"` : text;
  }

  #scalar(node: unknown): Scalar {
    if (!isScalar(node)) return { value: null, text: '', quoted: false };
    const text = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
    return { value: node.value, text, quoted: isQuoted(node) };
  }
}

function isQuoted(node: unknown): boolean {
  return isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE');
}

function kindOf(node: unknown): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  return isScalar(node) ? `a ${node.value === null ? 'null' : typeof node.value}` : 'nothing';
}
