/**
 * Several texts -> one configuration: what a configuration centre says, what it says for this node (`nodes.NAME`), the
 * local file above both, and above all of them the keys that were set by hand.
 *
 * Guarantees: pure but for computed defaults; mappings are merged key by key, lists and scalars replaced; each text
 * has the limits of a file; the result is checked like a file, and each problem names the text and the line that it
 * comes from. A key that stands twice in one text is refused, whichever counts in the end.
 */

import type { Node, ParsedNode } from 'yaml';
import { isAlias, isCollection, isMap, isPair, isScalar, LineCounter, Pair, Scalar, YAMLMap } from 'yaml';
import { Checker } from './check.ts';
import type { LoadResult } from './load.ts';
import { complete, refused } from './load.ts';
import type { ParsedText } from './parse.ts';
import { parseText, rangeOf } from './parse.ts';
import type { Problem } from './problem.ts';
import { keyText } from './problem.ts';
import type { KeyPath, Piece } from './report.ts';
import { Report } from './report.ts';
import { checkText } from './source.ts';
import type { AnySectionSpec, LoadContext, Spec } from './spec/kinds.ts';
import { SPEC } from './spec/table.ts';
import type { NodeConfig, SourceConfig } from './types.ts';
import { SecretNames } from './unknown.ts';

export interface LayerText {
  /** Stands for the file name in problems. */
  readonly name: string;
  readonly text: string;
}

/** A key that was set by hand. */
export interface SetValue {
  readonly path: readonly string[];
  readonly secret: boolean;
  /** YAML: a scalar or a flow. */
  readonly text: string;
}

export interface Layers {
  /** Null: the file is everything. */
  readonly centre: LayerText | null;
  readonly file: LayerText;
  /** In the order in which they were set. */
  readonly sets: readonly SetValue[];
}

export type LayersResult = LoadResult & {
  /** Of `sets`, those whose route, stream or section is in none of the texts: they do not count. */
  readonly orphans: readonly SetValue[];
};

/** What the local file says about itself, whatever is in the rest of it. */
export type LocalResult =
  | { readonly node: NodeConfig; readonly source: SourceConfig | null; readonly problems: readonly [] }
  | { readonly node: null; readonly source: null; readonly problems: readonly Problem[] };

type Resolve = ParsedText['resolve'];

/** A text that has a mapping at its top. */
interface Layer extends Piece {
  readonly text: string;
  readonly report: Report;
  readonly parsed: ParsedText;
  readonly root: YAMLMap;
}

const NAMES: SecretNames = new SecretNames(SPEC);
/** What the file says about itself. A centre is asked with these, so it can't hold them. */
const LOCAL: AnySectionSpec = { ...SPEC, keys: { node: SPEC.keys.node, source: SPEC.keys.source } };

/** Reads `node` and `source` of the local file: who this is, and where to ask for the rest. */
export function readLocal(file: LayerText, context: LoadContext): LocalResult {
  const layer = readLayer(file, 0);
  if ('problems' in layer) return { node: null, source: null, problems: layer.problems };
  const { root, parsed, report } = layer;
  const own = new YAMLMap();
  own.items = root.items.filter((pair) => Object.hasOwn(LOCAL.keys, nameOf(pair.key, parsed.resolve) ?? ''));
  const values = new Checker(LOCAL, { ...parsed, root: own }, report, context).check();
  if (report.failed) return { node: null, source: null, problems: report.problems() };
  return {
    node: values.node as NodeConfig,
    source: (values.source ?? null) as SourceConfig | null,
    problems: [],
  };
}

/** The nodes that the text of a centre has something for alone; null: it has no `nodes`, so it may as well be a file. */
export function nodesOf(text: LayerText): readonly string[] | null {
  const layer = readLayer(text, 0);
  if ('problems' in layer) return null;
  const { resolve } = layer.parsed;
  const pair = layer.root.items.find(({ key }) => nameOf(key, resolve) === 'nodes');
  if (pair === undefined) return null;
  const nodes = resolve(pair.value);
  return isMap(nodes) ? nodes.items.flatMap(({ key }) => nameOf(key, resolve) ?? []) : [];
}

/** Merges and checks. `nodeName` chooses among the `nodes` of the centre. */
export function loadLayers(layers: Layers, nodeName: string, context: LoadContext): LayersResult {
  let next = 0;
  const read = (text: LayerText): Layer | LoadResult => {
    const layer = readLayer(text, next);
    if ('root' in layer) next += layer.text.length + 1;
    return layer;
  };
  const none = { orphans: [] };
  const centre = layers.centre === null ? null : read(layers.centre);
  if (centre !== null && 'problems' in centre) return { ...centre, ...none };
  const own = centre === null ? null : ofNode(centre, nodeName);
  if (centre?.report.failed === true) return { ...failed(centre.report), ...none };
  const file = read(layers.file);
  if ('problems' in file) return { ...file, ...none };

  const texts = centre === null ? [file] : [centre, file];
  const parsers = texts.map(({ parsed }) => parsed);
  const resolve: Resolve = (node) => {
    let at: Node | null = (node ?? null) as Node | null;
    // Each text knows its own aliases only.
    for (const parsed of parsers) if (isAlias(node)) at = parsed.resolve(node) ?? (isAlias(at) ? null : at);
    return at;
  };
  let root = file.root;
  if (centre !== null) {
    const shared = without(centre.root, 'nodes', resolve);
    root = merge(own === null ? shared : merge(shared, own, resolve), file.root, resolve);
  }
  const orphans: SetValue[] = [];
  const pieces: (Piece & { text: string; report: Report })[] = [...texts];
  for (const set of layers.sets) {
    if (!hasPlace(root, set.path, resolve)) {
      orphans.push(set);
      continue;
    }
    const value = readValue(set, next);
    if ('problems' in value) return { ...value, ...none };
    next += set.text.length + 1;
    pieces.push(value);
    parsers.push(value.parsed);
    root = merge(root, nested(set.path, value.parsed.root), resolve);
  }
  const report = new Report(pieces.map(({ text }) => text).join('\n'), pieces);
  for (const piece of pieces) report.adopt(piece.report, piece.start);
  const checker = new Checker(SPEC, { root, resolve }, report, context);
  const values = checker.check();
  const { endpoints, names } = checker;
  return { ...complete({ values, endpoints, names, report }), orphans };
}

function failed(report: Report): LoadResult {
  return { config: null, problems: report.problems(), warnings: report.warnings() };
}

function readLayer({ name, text: raw }: LayerText, start: number): Layer | LoadResult {
  const source = checkText(raw);
  if (!source.ok) return refused(name, source);
  const { text } = source;
  const lines = new LineCounter();
  const report = new Report(text, [{ file: name, start: 0, lines }]);
  const parsed = parseText(text, lines, report, NAMES);
  if (parsed === null) return failed(report);
  const root = parsed.resolve(parsed.root);
  if (!isMap(root)) {
    // Says what is wrong with a text that is empty or a list.
    new Checker(SPEC, parsed, report, { baseDir: '', hostName: '' }).check();
    return failed(report);
  }
  if (start > 0) shift(root, start);
  return { file: name, start, lines, text, report, parsed, root };
}

/** What the centre says for this node alone. Reports what a centre must not say. */
function ofNode({ root, parsed, report, start }: Layer, nodeName: string): YAMLMap | null {
  const { resolve } = parsed;
  // The centre is the first text.
  if (start !== 0) throw new RangeError('the centre is below all other texts');
  const find = (map: YAMLMap, name: string, path: KeyPath): Pair | null => {
    const [first, second] = map.items.filter((pair) => nameOf(pair.key, resolve) === name);
    if (second !== undefined) {
      const message = 'the key stands here a second time';
      report.error({ code: 'CONFIG_DUPLICATE_KEY', at: rangeOf(second.key), path, message });
    }
    return first ?? null;
  };
  const mapping = (pair: Pair | null, path: KeyPath): YAMLMap | null => {
    const node = pair === null ? null : resolve(pair.value);
    if (pair === null || node === null || (isScalar(node) && node.value === null)) return null;
    if (isMap(node)) return node;
    const at = rangeOf(pair.value) ?? rangeOf(pair.key);
    report.error({ code: 'CONFIG_WRONG_TYPE', at, path, message: 'expected a mapping' });
    return null;
  };
  const refuse = (map: YAMLMap | null, name: string, path: KeyPath, message: string): void => {
    const pair = map === null ? null : find(map, name, path);
    if (pair !== null) report.error({ code: 'CONFIG_CONFLICT', at: rangeOf(pair.key), path, message });
  };
  const nodes = mapping(find(root, 'nodes', ['nodes']), ['nodes']);
  const path = ['nodes', nodeName];
  const own = nodes === null ? null : mapping(find(nodes, nodeName, path), path);
  for (const [map, prefix] of [[root, []] as const, [own, path] as const]) {
    const where = 'where to ask stands in the file of the node, not in what is found there';
    refuse(map, 'source', [...prefix, 'source'], where);
    const node = map === null ? null : mapping(find(map, 'node', [...prefix, 'node']), [...prefix, 'node']);
    refuse(node, 'name', [...prefix, 'node', 'name'], 'the name of a node stands in its own file');
  }
  return own;
}

/** A value that was set by hand, as a piece of its own. */
function readValue(
  { path, secret, text }: SetValue,
  start: number,
): (Piece & { text: string; report: Report; parsed: ParsedText }) | LoadResult {
  const file = `set ${keyText(path)}`;
  const lines = new LineCounter();
  const report = new Report(text, [{ file, start: 0, lines: null }]);
  if (secret) report.mask([0, text.length + 1]);
  const parsed = parseText(text, lines, report, NAMES);
  if (parsed === null) {
    if (!secret) return failed(report);
    const hidden = new Report('', [{ file, start: 0, lines: null }]);
    const message = 'not well-formed YAML; the value is secret and not shown';
    hidden.error({ code: 'CONFIG_SYNTAX', at: [0, 0], path, message });
    return failed(hidden);
  }
  shift(parsed.root, start);
  return { file, start, lines: null, text, report, parsed };
}

/** `a.b.c` and a value -> `a: { b: { c: value } }` */
function nested(path: readonly string[], value: Node | null): YAMLMap {
  const map = new YAMLMap();
  const [name, ...rest] = path as readonly [string, ...string[]];
  map.range = value?.range ?? null;
  map.items.push(
    new Pair<unknown, unknown>(new Scalar(name), rest.length === 0 ? value : nested(rest, value)),
  );
  return map;
}

/** Whether the entry, or the section that need not be there, is there. Nothing set by hand makes a new one. */
function hasPlace(root: YAMLMap, path: readonly string[], resolve: Resolve): boolean {
  let spec: Spec = SPEC;
  let map: unknown = root;
  for (const name of path) {
    const child: Spec | undefined =
      spec.type === 'entries' ? spec.entry : (spec as AnySectionSpec).keys[name];
    if (child === undefined) return false;
    const needed = spec.type === 'entries' || (child.type === 'section' && child.optional);
    const pair = isMap(map) ? map.items.find(({ key }) => nameOf(key, resolve) === name) : undefined;
    if (needed && pair === undefined) return false;
    map = resolve(pair?.value ?? null);
    spec = child;
  }
  return true;
}

/** As check.ts reads it; null for a key that is no word. */
function nameOf(key: unknown, resolve: Resolve): string | null {
  const node = resolve(key);
  if (!isScalar(node)) return node === null ? '' : null;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

function without(map: YAMLMap, name: string, resolve: Resolve): YAMLMap {
  const rest = new YAMLMap();
  rest.range = map.range ?? null;
  rest.items = map.items.filter((pair) => nameOf(pair.key, resolve) !== name);
  return rest;
}

/** The order is that of `lower`. What stands twice in either stands twice in the result, for check.ts to find. */
function merge(lower: YAMLMap, upper: YAMLMap, resolve: Resolve): YAMLMap {
  const merged = new YAMLMap();
  merged.range = upper.range ?? null;
  const above = new Map<string, Pair>();
  const again: Pair[] = [];
  for (const pair of upper.items) {
    const name = nameOf(pair.key, resolve);
    if (name === null || above.has(name)) again.push(pair);
    else above.set(name, pair);
  }
  for (const pair of lower.items) {
    const name = nameOf(pair.key, resolve);
    const over = name === null ? undefined : above.get(name);
    if (over === undefined) {
      merged.items.push(pair);
      continue;
    }
    above.delete(name as string);
    merged.items.push(new Pair(over.key, mergeValue(pair.value, over.value, resolve)));
  }
  merged.items.push(...above.values(), ...again);
  return merged;
}

function mergeValue(lower: unknown, upper: unknown, resolve: Resolve): unknown {
  const [below, above] = [resolve(lower), resolve(upper)];
  if (!isMap(below)) return upper;
  if (isMap(above)) return merge(below, above, resolve);
  // A section whose lines are all commented out says nothing.
  return above === null || (isScalar(above) && above.value === null) ? lower : upper;
}

/** Moves all ranges. What an alias stands for is in the same tree, so it moves once. */
function shift(node: unknown, by: number): void {
  if (isPair(node)) {
    shift(node.key, by);
    shift(node.value, by);
    return;
  }
  if (node === null || node === undefined) return;
  const { range } = node as ParsedNode;
  if (range) (node as ParsedNode).range = [range[0] + by, range[1] + by, range[2] + by];
  if (isCollection(node)) for (const item of node.items) shift(item, by);
}
