/**
 * YAML text -> nodes that know where they stand.
 *
 * Guarantees: never throws; every alias is resolved to the node it stands for, and none stands for a node around
 * itself; the work of walking the result, aliases expanded, is bounded by {@link MAX_EXPANDED} nodes
 * beyond the text itself, and its depth by {@link MAX_DEPTH}.
 */

import type { Alias, Document, LineCounter, Node, YAMLError } from 'yaml';
import { Composer, CST, isAlias, isCollection, isPair, isScalar, Lexer, Parser } from 'yaml';
import { nearest } from './nearest.ts';
import type { Range, Report } from './report.ts';
import type { SecretNames } from './unknown.ts';

export const MAX_DEPTH = 64;
/** Of the parser: it stacks a block collection and its item. */
const MAX_STACK = 2 * MAX_DEPTH + 2;
const MAX_EXPANDED = 100_000;
/** What follows the first errors of syntax is mostly made by them. */
const MAX_SYNTAX_PROBLEMS = 10;

export interface ParsedText {
  readonly root: Node | null;
  /** Follows aliases. */
  resolve(node: unknown): Node | null;
}

export function rangeOf(node: unknown): Range | null {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  return range === null || range === undefined ? null : [range[0] as number, range[1] as number];
}

/** `null`: there is no usable structure; the report says why. */
export function parseText(
  text: string,
  lines: LineCounter,
  report: Report,
  secrets: SecretNames,
): ParsedText | null {
  // Without structure nobody knows which part of the text is the value of a secret key.
  const mayHoldSecrets = secrets.in(text);
  const document = compose(text, lines, report, secrets);
  if (document === null) {
    if (mayHoldSecrets) report.hideExcerpts();
    return null;
  }
  const faults = [...document.errors, ...document.warnings.filter((w) => w.code === 'TAG_RESOLVE_FAILED')];
  if (faults.length > 0) {
    if (mayHoldSecrets) report.hideExcerpts();
    // More on the same line is mostly made by the first.
    const perLine = new Map(faults.toReversed().map((fault) => [lines.linePos(fault.pos[0]).line, fault]));
    const first = [...perLine.values()].reverse().slice(0, MAX_SYNTAX_PROBLEMS);
    for (const fault of first) syntaxProblem(fault, report, mayHoldSecrets);
    return null;
  }
  for (const warning of document.warnings) {
    report.warning({
      code: 'CONFIG_YAML_WARNING',
      at: warning.pos,
      path: [],
      message: printableMessage(warning),
    });
  }
  const targets = new Map<Alias, Node>();
  if (document.contents !== null && !scan(document.contents, targets, report, secrets)) {
    if (mayHoldSecrets) report.hideExcerpts();
    return null;
  }
  const resolve = (node: unknown): Node | null => {
    let at = (node ?? null) as Node | null;
    while (isAlias(at)) at = targets.get(at) ?? null;
    return at;
  };
  return { root: document.contents, resolve };
}

/**
 * The library's own `parseDocument`, with the depth checked while it is built. Unchecked, its composer recurses until the
 * stack ends, and a regular expression compiled at the end of the stack ends the process.
 */
function compose(text: string, lines: LineCounter, report: Report, secrets: SecretNames): Document | null {
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({
    version: '1.2',
    // Explicit, so that a %YAML 1.1 line does not turn `no` into false.
    schema: 'core',
    // Quadratic in the library; check.ts does it, and knows the place of the first one.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
  });
  const documents: Document[] = [];
  const take = (token: CST.Token): boolean => {
    if (token.type === 'document' && started) {
      const at = [token.offset, token.offset] as const;
      const message = 'a second document; one file holds one document, without a "---" line between';
      report.error({ code: 'CONFIG_SYNTAX', at, path: [], message });
      return false;
    }
    started ||= token.type === 'document';
    documents.push(...composer.next(token));
    return true;
  };
  let started = false;
  lines.addNewLine(0);
  let before = '';
  for (const lexeme of new Lexer().lex(text)) {
    // A key that is commented out may be as secret as one that is not.
    if (lexeme.startsWith('#') && before !== CST.SCALAR && secrets.in(lexeme)) {
      report.mask([parser.offset, parser.offset + lexeme.length]);
    }
    before = lexeme;
    for (const token of parser.next(lexeme)) if (!take(token)) return null;
    if (parser.stack.length > MAX_STACK) {
      tooDeep(report, [parser.offset, parser.offset]);
      return null;
    }
  }
  for (const token of parser.end()) if (!take(token)) return null;
  documents.push(...composer.end(true, text.length));
  return documents[0] ?? null;
}

function printableMessage(fault: YAMLError): string {
  return fault.message.replace(/\s+/g, ' ').slice(0, 200);
}

function syntaxProblem(fault: YAMLError, report: Report, mayHoldSecrets: boolean): void {
  const lineStart = fault.pos[0] === 0 ? 0 : report.text.lastIndexOf('\n', fault.pos[0] - 1) + 1;
  const line = report.text.slice(lineStart, lineStart + 400).split('\n', 1)[0] as string;
  report.error({
    code: 'CONFIG_SYNTAX',
    at: fault.pos,
    path: [],
    message:
      (mayHoldSecrets ? `not well-formed YAML (${fault.code})` : printableMessage(fault)) +
      adviceFor(fault, line),
  });
}

/** What people run into with endpoints in YAML, and with editors. */
function adviceFor(fault: YAMLError, line: string): string {
  if (fault.code === 'TAB_AS_INDENT') return '; indent with spaces';
  if (/:\/\/[^"'\s]*\[/.test(line)) return '; an endpoint with brackets needs quotes: "tcp://[::1]:5555"';
  return '';
}

function tooDeep(report: Report, at: Range | null): void {
  report.error({
    code: 'CONFIG_TOO_DEEP',
    at,
    path: [],
    message: `nested more than ${MAX_DEPTH} levels deep`,
    allowed: [`at most ${MAX_DEPTH} levels`],
  });
}

/**
 * Finds what each alias stands for, in the order of the text, and counts what they expand to. Masks what may be secret,
 * also where the specification does not lead.
 */
function scan(root: Node, targets: Map<Alias, Node>, report: Report, secrets: SecretNames): boolean {
  const anchors = new Map<string, Node>();
  /** Nodes, aliases expanded. Missing while the node is being walked. */
  const sizes = new Map<Node, number>();
  let expanded = 0;
  let good = true;

  const alias = (node: Alias): number => {
    const at = rangeOf(node);
    const target = anchors.get(node.source);
    if (target === undefined) {
      report.error({
        code: 'CONFIG_SYNTAX',
        at,
        path: [],
        message: 'an alias to an anchor that is not defined before; a text that begins with "*" needs quotes',
        suggestion: aliasHint(node.source, [...anchors.keys()].slice(0, 100)),
      });
      good = false;
      return 1;
    }
    const size = sizes.get(target);
    if (size === undefined) {
      report.error({
        code: 'CONFIG_ALIAS_CYCLE',
        at,
        path: [],
        message: 'the alias stands for a node that contains it',
      });
      good = false;
      return 1;
    }
    targets.set(node, target);
    expanded += size;
    if (expanded > MAX_EXPANDED && expanded - size <= MAX_EXPANDED) {
      report.error({
        code: 'CONFIG_TOO_MANY_ALIASES',
        at,
        path: [],
        message: `the aliases up to here expand to more than ${MAX_EXPANDED} nodes`,
        allowed: [`at most ${MAX_EXPANDED} nodes`],
      });
      good = false;
    }
    return size;
  };

  const walk = (node: unknown, depth: number): number => {
    if (depth > MAX_DEPTH) {
      if (good) tooDeep(report, rangeOf(node));
      good = false;
      return 1;
    }
    if (isAlias(node)) return alias(node);
    if (isPair(node)) {
      const size = walk(node.key, depth) + walk(node.value, depth);
      if (isScalar(node.key) && secrets.has(String(node.key.value))) {
        const value = node.value as Node | null;
        for (const hidden of [value, isAlias(value) ? targets.get(value) : null]) {
          const range = rangeOf(hidden);
          if (range !== null) report.mask(range);
        }
      }
      return size;
    }
    if (!isCollection(node) && !isScalar(node)) return 1;
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    let size = 1;
    if (isCollection(node)) for (const item of node.items) size += walk(item, depth + 1);
    if (node.anchor !== undefined) sizes.set(node, size);
    return size;
  };
  walk(root, 0);
  return good;
}

function aliasHint(source: string, anchors: readonly string[]): string | null {
  if (/^:\d+$/.test(source)) return `"tcp://*${source}"`;
  return nearest(source, anchors);
}
