/**
 * What is wrong with a configuration, for people and for programs.
 *
 * Guarantees: imports nothing; a code never changes its meaning; docs/errors.md has a heading for each code;
 * no text in a problem holds the value of a secret key.
 */

export const PROBLEM_CODES = [
  // The file
  'CONFIG_FILE_NOT_FOUND',
  'CONFIG_FILE_UNREADABLE',
  'CONFIG_FILE_NOT_A_FILE',
  'CONFIG_FILE_TOO_LARGE',
  'CONFIG_NOT_UTF8',
  // YAML
  'CONFIG_SYNTAX',
  'CONFIG_EMPTY',
  'CONFIG_NOT_A_MAPPING',
  'CONFIG_DUPLICATE_KEY',
  'CONFIG_ALIAS_CYCLE',
  'CONFIG_TOO_MANY_ALIASES',
  'CONFIG_TOO_DEEP',
  // One key
  'CONFIG_UNKNOWN_KEY',
  'CONFIG_MISSING_KEY',
  'CONFIG_WRONG_TYPE',
  'CONFIG_BAD_VALUE',
  'CONFIG_BAD_UNIT',
  'CONFIG_OUT_OF_RANGE',
  'CONFIG_BAD_NAME',
  'CONFIG_BAD_ENDPOINT',
  'CONFIG_TOO_MANY',
  // Several keys together
  'CONFIG_CONFLICT',
  'CONFIG_ENDPOINT_TWICE',
  'CONFIG_ROUTE_LOOP',
  // A running node
  'CONFIG_NOT_RELOADABLE',
  // Warnings
  'CONFIG_NO_ROUTES',
  'CONFIG_NO_STREAMS',
  'CONFIG_NO_SESSIONS',
  'CONFIG_INPROC_UNBOUND',
  'CONFIG_YAML_WARNING',
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** A line of the file, without secrets, and the part of it that is meant. */
export interface Excerpt {
  readonly text: string;
  /** 0-based, in UTF-16 code units of `text`. */
  readonly start: number;
  readonly length: number;
}

export interface Problem {
  readonly code: ProblemCode;
  /** As it was given to `loadConfig`. */
  readonly file: string;
  /** 1-based; 0 when the problem is not at one place. */
  readonly line: number;
  /** 1-based; 0 when the problem is not at one place. */
  readonly column: number;
  /** `routes.orders.frontend.bind[1]`; empty for the file as a whole. */
  readonly key: string;
  /** As it stands in the file, shortened; `[redacted]` for secrets; `null` when no value is concerned. */
  readonly value: string | null;
  readonly message: string;
  /** What may stand there. */
  readonly allowed: readonly string[];
  /** What was probably meant. */
  readonly suggestion: string | null;
  readonly excerpt: Excerpt | null;
}

/** Control characters would let a file write to the terminal of whoever checks it. */
export function printable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (c) => (c === '\t' ? ' ' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** At most `length` characters, with an ellipsis where some are left out. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** `['routes', 'a.b', 'bind', 0]` -> `routes["a.b"].bind[0]` */
export function keyText(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z0-9_-]{1,64}$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(printable(shorten(part, 64)))}]`;
  }
  return text;
}
