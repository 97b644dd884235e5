/**
 * Collects what is wrong with a text, or with several that make one configuration, and turns it into problems: offsets
 * become files, lines and columns, lines become excerpts, secrets become `…`.
 *
 * Guarantees: problems come out in the order of the text; a masked range is in no excerpt, whichever problem
 * the excerpt belongs to; excerpts are short and free of control characters.
 */

import type { LineCounter } from 'yaml';
import type { Excerpt, Problem, ProblemCode } from './problem.ts';
import { keyText, printable } from './problem.ts';

/** Offsets into the text, the end not included. */
export type Range = readonly [start: number, end: number];

export type KeyPath = readonly (string | number)[];

export interface Finding {
  readonly code: ProblemCode;
  readonly at: Range | null;
  readonly path: KeyPath;
  readonly message: string;
  /** Shown unless `source` is masked. */
  readonly value?: string;
  /** Where the value stands, if not at `at`: that may be an alias. */
  readonly source?: Range | null;
  readonly allowed?: readonly string[];
  readonly suggestion?: string | null;
}

/** One of the texts, which stand one after the other. */
export interface Piece {
  readonly file: string;
  /** Offset of its first character. */
  readonly start: number;
  /** Null: it is no file, and has no lines to speak of. */
  readonly lines: LineCounter | null;
}

/** Nobody reads more, and a large file could make a hundred thousand. */
const MAX_PROBLEMS = 1000;
const EXCERPT_WIDTH = 120;
const EXCERPT_BEFORE = 70;

export class Report {
  readonly text: string;
  readonly #pieces: readonly Piece[];
  readonly #errors: Finding[] = [];
  readonly #warnings: Finding[] = [];
  #masked: Range[] = [];
  #excerpts = true;

  /** At least one piece, in their order. */
  constructor(text: string, pieces: readonly Piece[]) {
    this.text = text;
    this.#pieces = pieces;
  }

  /** What another report has to hide, and its warnings; its text stands in this one from `start` on. */
  adopt(other: Report, start: number): void {
    const shifted = (range: Range): Range => [range[0] + start, range[1] + start];
    for (const range of other.#masked) this.#masked.push(shifted(range));
    for (const warning of other.#warnings)
      this.warning({ ...warning, at: warning.at === null ? null : shifted(warning.at) });
  }

  error(finding: Finding): void {
    add(this.#errors, finding);
  }

  warning(finding: Finding): void {
    add(this.#warnings, finding);
  }

  /** Nothing in this range is shown in any excerpt. */
  mask(range: Range): void {
    this.#masked.push(range);
  }

  /** For a text whose structure is not known, so that nobody can say where the secrets are. */
  hideExcerpts(): void {
    this.#excerpts = false;
  }

  get failed(): boolean {
    return this.#errors.length > 0;
  }

  /** `line 5` for people who look at `from`; with the file if that is another one. */
  where(range: Range, from: Range | null): string {
    const { file, line } = this.#place(range[0]);
    const same = from !== null && this.#place(from[0]).file === file;
    if (line === 0) return file;
    return same ? `line ${line}` : `${file}, line ${line}`;
  }

  problems(): readonly Problem[] {
    return this.#finish(this.#errors);
  }

  warnings(): readonly Problem[] {
    return this.#finish(this.#warnings);
  }

  #finish(findings: readonly Finding[]): readonly Problem[] {
    this.#masked = merge(this.#masked);
    const last = this.text.length;
    const sorted = findings.toSorted((a, b) => (a.at?.[0] ?? last) - (b.at?.[0] ?? last));
    return Object.freeze(sorted.map((finding) => this.#problem(finding)));
  }

  #problem(finding: Finding): Problem {
    const { file, line, column } =
      finding.at === null ? { file: this.#all(), line: 0, column: 0 } : this.#place(finding.at[0]);
    const hidden = finding.value !== undefined && this.#isMasked(finding.source ?? finding.at);
    return Object.freeze({
      code: finding.code,
      file,
      line,
      column,
      key: keyText(finding.path),
      value: hidden ? '[redacted]' : (finding.value ?? null),
      // Messages and suggestions may hold parts of the value.
      message: hidden ? 'the value is not valid; it is secret and not shown' : finding.message,
      allowed: Object.freeze([...(finding.allowed ?? [])]),
      suggestion: hidden ? null : (finding.suggestion ?? null),
      excerpt:
        finding.at === null || line === 0 || !this.#excerpts ? null : this.#excerpt(finding.at, column),
    });
  }

  #place(offset: number): { file: string; line: number; column: number } {
    const piece = this.#pieces.findLast(({ start }) => start <= offset) ?? (this.#pieces[0] as Piece);
    if (piece.lines === null) return { file: piece.file, line: 0, column: 0 };
    const { line, col } = piece.lines.linePos(offset - piece.start);
    return { file: piece.file, line, column: col };
  }

  /** The texts that are files. */
  #all(): string {
    const files = this.#pieces.filter(({ lines }) => lines !== null);
    return files.map(({ file }) => file).join(' + ');
  }

  #excerpt(at: Range, column: number): Excerpt | null {
    const lineStart = at[0] - (column - 1);
    // A long line is cut around the place, before any work is done on it.
    const head = this.text.slice(lineStart, lineStart + EXCERPT_WIDTH + 1);
    const fits = head.length <= EXCERPT_WIDTH || head.includes('\n');
    const from = fits ? lineStart : Math.max(lineStart, at[0] - EXCERPT_BEFORE);
    const newline = this.text.slice(from, from + EXCERPT_WIDTH).indexOf('\n', at[0] - from);
    const to = newline === -1 ? Math.min(this.text.length, from + EXCERPT_WIDTH) : from + newline;
    const cut = newline === -1 && to < this.text.length && this.text[to] !== '\n';
    const before = (from > lineStart ? '…' : '') + this.#visible(from, at[0]);
    const marked = this.#visible(at[0], Math.max(at[0], Math.min(at[1], to)));
    const after = this.#visible(Math.max(at[0], Math.min(at[1], to)), to) + (cut ? '…' : '');
    const text = before + `${marked}${after}`.trimEnd();
    if (text.trim() === '') return null;
    return Object.freeze({ text, start: before.length, length: Math.max(1, marked.trimEnd().length) });
  }

  #isMasked(range: Range | null): boolean {
    if (range === null) return false;
    const next = this.#masked[firstAfter(this.#masked, range[0])];
    return next !== undefined && next[0] <= range[1];
  }

  #visible(from: number, to: number): string {
    let text = '';
    let at = from;
    for (let i = firstAfter(this.#masked, from); i < this.#masked.length; i++) {
      const [start, end] = this.#masked[i] as Range;
      if (start >= to) break;
      text += `${printable(this.text.slice(at, Math.max(at, start)))}…`;
      at = Math.min(to, end);
    }
    return text + printable(this.text.slice(at, to));
  }
}

function add(findings: Finding[], finding: Finding): void {
  if (findings.length < MAX_PROBLEMS) findings.push(finding);
  else if (findings.length === MAX_PROBLEMS) {
    const message = `there are more than ${MAX_PROBLEMS} problems; the others are not shown`;
    findings.push({ code: 'CONFIG_TOO_MANY', at: null, path: [], message });
  }
}

/** Sorted, and without overlaps, so that they can be searched. */
function merge(ranges: readonly Range[]): Range[] {
  const merged: [number, number][] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

/** Index of the first range that ends after the offset. */
function firstAfter(ranges: readonly Range[], offset: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as Range)[1] <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
