/**
 * `--filter`: conditions on a decoded message and its topic, all of which have to hold.
 *
 * Guarantees: a field that is not there meets no condition but `!=`; whole numbers of any size are compared exactly; a
 * REGEX that does not come to an end ends in an error.
 */
import { createContext, Script } from 'node:vm';
import { usageError } from '../errors.ts';

type Operator = '=' | '!=' | '>' | '<' | '~';

export interface Filter {
  /** `topic`, or the way to a field: `order.items.0.price`. */
  readonly field: string;
  readonly operator: Operator;
  readonly text: string;
  readonly test: ((found: string) => boolean) | null;
}

const FORMS = 'FIELD=VALUE, FIELD!=VALUE, FIELD>NUMBER, FIELD<NUMBER, FIELD~REGEX or topic=PREFIX';

/** @throws CliError USAGE. */
export function parseFilter(expression: string): Filter {
  const [, field, operator, text] = /^([^=!<>~\s]+)\s*(!=|=|>|<|~)\s*(.*)$/su.exec(expression) ?? [];
  if (field === undefined || operator === undefined || text === undefined)
    throw usageError(`--filter takes ${FORMS}, not ${expression}`);
  if ((operator === '>' || operator === '<') && (text === '' || Number.isNaN(Number(text))))
    throw usageError(`--filter ${expression}: ${text} is no number`);
  return { field, operator: operator as Operator, text, test: operator === '~' ? testOf(text) : null };
}

/** The prefix that the topic has to begin with: what the node can look at itself. */
export function prefixOf(filters: readonly Filter[]): string {
  const prefixes = filters.filter(isPrefix).map(({ text }) => text);
  return prefixes.reduce((longest, each) => (each.length > longest.length ? each : longest), '');
}

export function passes(filters: readonly Filter[], topic: string, value: unknown): boolean {
  return filters.every((filter) => {
    if (isPrefix(filter)) return topic.startsWith(filter.text);
    return holds(filter, filter.field === 'topic' ? topic : fieldOf(value, filter.field));
  });
}

function isPrefix({ field, operator }: Filter): boolean {
  return field === 'topic' && operator === '=';
}

function holds({ operator, text, test }: Filter, found: unknown): boolean {
  if (found === undefined) return operator === '!=';
  const given = typeof found === 'object' ? JSON.stringify(found) : String(found);
  switch (operator) {
    case '=':
      return same(given, text);
    case '!=':
      return !same(given, text);
    case '>':
      return order(given, text) === 1;
    case '<':
      return order(given, text) === -1;
    default:
      return test?.(given) === true;
  }
}

function same(given: string, text: string): boolean {
  return given === text || order(given, text) === 0;
}

/** Null: one of them is no number. */
function order(a: string, b: string): number | null {
  const whole = /^-?\d{1,100}$/;
  if (whole.test(a) && whole.test(b)) return sign(BigInt(a), BigInt(b));
  if (a.trim() === '' || b.trim() === '' || Number.isNaN(Number(a)) || Number.isNaN(Number(b))) return null;
  return sign(Number(a), Number(b));
}

function sign<T extends number | bigint>(a: T, b: T): number {
  if (a === b) return 0;
  return a > b ? 1 : -1;
}

function fieldOf(value: unknown, path: string): unknown {
  let found = value;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

/** Milliseconds of a REGEX for one message. */
const PATIENCE = 1000;

/** In a script: nothing else can be stopped, not even by Ctrl-C, and (a+)+ takes years for some messages. */
function testOf(text: string): (found: string) => boolean {
  const given = createContext({ regex: regexOf(text), found: '' });
  const script = new Script('regex.test(found)');
  return (found) => {
    given.found = found;
    try {
      return script.runInContext(given, { timeout: PATIENCE }) === true;
    } catch {
      throw usageError(
        `--filter: ${text} has looked at one message for ${PATIENCE} ms`,
        'write it without a repetition in a repetition',
      );
    }
  };
}

function regexOf(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    throw usageError(`--filter: ${(error as Error).message}`);
  }
}
