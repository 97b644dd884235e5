/**
 * One value against its specification.
 *
 * Guarantees: pure but for computed defaults; a value that passes is normalised (milliseconds, bytes, absolute path).
 */

import { resolve } from 'node:path';
import type { Endpoint } from './endpoint.ts';
import { checkEndpoint, ENDPOINT_FORMS } from './endpoint.ts';
import { nearest } from './nearest.ts';
import type { ProblemCode } from './problem.ts';
import type { EndpointsSpec, LeafSpec, LoadContext, Spec } from './spec/kinds.ts';
import { parseDuration, parseSize } from './units.ts';

/** A scalar as YAML read it, and what the user typed: `0x10` and not 16. */
export interface Scalar {
  readonly value: unknown;
  /** Without quotes. */
  readonly text: string;
  readonly quoted: boolean;
}

export type LeafResult =
  | { readonly ok: true; readonly value: string | number | boolean }
  | {
      readonly ok: false;
      readonly code: ProblemCode;
      readonly message: string;
      readonly suggestion: string | null;
    };

type Single = Exclude<LeafSpec, EndpointsSpec>;

/** "expected ..." */
export const EXPECTED: Readonly<Record<Spec['type'], string>> = {
  text: 'a text',
  path: 'a path',
  boolean: 'true or false',
  integer: 'a whole number',
  duration: 'a duration',
  size: 'a size',
  choice: 'one of the allowed words',
  endpoints: 'an endpoint or a list of endpoints',
  section: 'a mapping of keys',
  entries: 'a mapping of names',
};

/** What may stand there, in a few words each. */
export function allowedValues(spec: LeafSpec): readonly string[] {
  switch (spec.type) {
    case 'text':
      return [spec.pattern?.allowed ?? `1 to ${spec.maxLength} characters`];
    case 'path':
      return ['a path'];
    case 'boolean':
      return ['true', 'false'];
    case 'choice':
      return Object.keys(spec.choices);
    case 'endpoints':
      return ENDPOINT_FORMS[spec.role];
    case 'integer':
    case 'duration':
    case 'size':
      return [`${spec.min} to ${spec.max}`];
  }
}

const NO_VALUE = 'the key has no value; without the key it has its default';

const fail = (code: ProblemCode, message: string, suggestion: string | null = null): LeafResult => ({
  ok: false,
  code,
  message,
  suggestion,
});

function wrongType(spec: Single, { value, quoted }: Scalar, suggestion: string | null = null): LeafResult {
  const message = `expected ${EXPECTED[spec.type]}${quoted && suggestion !== null ? ', without quotes' : ''}`;
  return fail('CONFIG_WRONG_TYPE', value === null ? NO_VALUE : message, suggestion);
}

function inRange(spec: { readonly min: number; readonly max: number }, value: number): LeafResult {
  return value >= spec.min && value <= spec.max
    ? { ok: true, value }
    : fail('CONFIG_OUT_OF_RANGE', value < spec.min ? 'the value is too small' : 'the value is too large');
}

function exact(parse: typeof parseSize, text: string): number {
  const parsed = parse(text);
  if (!parsed.ok) throw new TypeError(`the specification holds "${text}": ${parsed.message}`);
  return parsed.value;
}

function measured(parse: typeof parseSize, spec: { min: string; max: string }, text: string): LeafResult {
  const parsed = parse(text);
  if (!parsed.ok) return fail('CONFIG_BAD_UNIT', parsed.message, parsed.suggestion);
  return inRange({ min: exact(parse, spec.min), max: exact(parse, spec.max) }, parsed.value);
}

export function checkLeaf(spec: Single, scalar: Scalar, context: LoadContext): LeafResult {
  const { value, text } = scalar;
  switch (spec.type) {
    case 'text': {
      if (typeof value !== 'string') return wrongType(spec, scalar, value === null ? null : `"${text}"`);
      // Empty is a value where nothing is the default.
      if (value === '' && spec.default === '') return { ok: true, value };
      const fits = value.length > 0 && value.length <= spec.maxLength;
      if (spec.pattern === null)
        return fits ? { ok: true, value } : fail('CONFIG_OUT_OF_RANGE', 'the length is not allowed');
      return fits && new RegExp(spec.pattern.source).test(value)
        ? { ok: true, value }
        : fail('CONFIG_BAD_VALUE', 'the text has a character that is not allowed, or is empty or too long');
    }
    case 'path':
      if (typeof value !== 'string') return wrongType(spec, scalar, value === null ? null : `"${text}"`);
      if (value === '' && spec.default === '') return { ok: true, value };
      if (value.length === 0 || value.includes('\0')) return fail('CONFIG_BAD_VALUE', 'not a path');
      return { ok: true, value: resolve(context.baseDir, value) };
    case 'boolean': {
      if (typeof value === 'boolean') return { ok: true, value };
      // YAML 1.1 took these for booleans; 1.2 does not.
      const meant = /^(yes|on|true|1)$/i.test(text)
        ? 'true'
        : /^(no|off|false|0)$/i.test(text)
          ? 'false'
          : null;
      return wrongType(spec, scalar, meant);
    }
    case 'choice': {
      if (typeof value !== 'string') return wrongType(spec, scalar);
      if (Object.hasOwn(spec.choices, value)) return { ok: true, value };
      return fail(
        'CONFIG_BAD_VALUE',
        'not one of the allowed words',
        nearest(value, Object.keys(spec.choices)),
      );
    }
    case 'integer': {
      if (typeof value === 'number' && Number.isInteger(value)) return inRange(spec, value);
      const digits = typeof value === 'string' && /^\d{1,15}$/.test(value.replace(/[_,']/g, ''));
      return wrongType(spec, scalar, digits ? value.replace(/[_,']/g, '') : null);
    }
    case 'duration':
      if (typeof value === 'number') return measured(parseDuration, spec, text);
      return typeof value === 'string' ? measured(parseDuration, spec, value) : wrongType(spec, scalar);
    case 'size':
      if (typeof value === 'number') {
        return measured(parseSize, spec, Number.isSafeInteger(value) && value >= 0 ? String(value) : text);
      }
      return typeof value === 'string' ? measured(parseSize, spec, value) : wrongType(spec, scalar);
  }
}

export type EndpointResult =
  | { readonly ok: true; readonly text: string; readonly endpoint: Endpoint }
  | {
      readonly ok: false;
      readonly code: ProblemCode;
      readonly message: string;
      readonly suggestion: string | null;
    };

export function checkEndpointLeaf(spec: EndpointsSpec, { value, text }: Scalar): EndpointResult {
  if (typeof value !== 'string') {
    const port =
      typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65536 ? value : null;
    const host = spec.role === 'bind' ? '*' : '127.0.0.1';
    return {
      ok: false,
      code: 'CONFIG_WRONG_TYPE',
      message: value === null ? 'the key has no value' : `expected ${EXPECTED.endpoints}`,
      suggestion: port === null ? null : `tcp://${host}:${text}`,
    };
  }
  const checked = checkEndpoint(value, spec.role);
  if (checked.ok) return { ok: true, text: value, endpoint: checked.endpoint };
  return { ok: false, code: 'CONFIG_BAD_ENDPOINT', message: checked.message, suggestion: checked.suggestion };
}

/** What a key that is not in the file has. */
export function defaultOf(spec: LeafSpec, context: LoadContext): unknown {
  if (spec.required) return undefined;
  if (spec.type === 'endpoints') return Object.freeze([]);
  if (spec.type === 'text' && spec.computed !== null) return spec.computed.of(context);
  if (spec.default === null) return undefined;
  const result = checkLeaf(spec, { value: spec.default, text: String(spec.default), quoted: false }, context);
  if (!result.ok) throw new TypeError(`the specification has a default that it refuses: ${result.message}`);
  return result.value;
}
