/**
 * The JSON Schema of `zeroth.yaml`, for editors: completion, descriptions, and most of the checks.
 *
 * Guarantees: draft-07, which YAML editors know best; made from the specification alone; whatever the loader accepts
 * without a tag or an alias, the schema accepts too (the reverse does not hold: ranges of durations and rules over several
 * keys are beyond it).
 */

import type { AnySectionSpec, LeafSpec, Spec } from './spec/kinds.ts';
import { SPEC } from './spec/table.ts';
import { DURATION_UNIT_NAMES, SIZE_UNIT_NAMES } from './units.ts';

export type JsonSchema = { readonly [keyword: string]: unknown };

/** The text of `zeroth schema` is `JSON.stringify(jsonSchema(), null, 2)`. */
export function jsonSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'zeroth.yaml',
    ...section(SPEC),
    // An empty file is refused, other than an empty section.
    type: 'object',
  };
}

function of(spec: Spec): JsonSchema {
  if (spec.type === 'section') return section(spec);
  if (spec.type === 'entries') {
    return {
      description: spec.description,
      type: spec.required ? 'object' : ['object', 'null'],
      propertyNames: { pattern: spec.namePattern.source },
      additionalProperties: section(spec.entry),
      maxProperties: spec.maxEntries,
    };
  }
  const { description } = spec;
  return { description, ...leaf(spec), ...(spec.default === null ? {} : { default: spec.default }) };
}

function section(spec: AnySectionSpec): JsonSchema {
  const keys = Object.entries(spec.keys);
  const required = keys.filter(([, key]) => key.required).map(([name]) => name);
  const mayBeEmpty = required.length === 0 && spec.atLeastOneOf.length === 0;
  return {
    description: spec.description,
    // A section whose lines are all commented out is null in YAML.
    type: mayBeEmpty ? ['object', 'null'] : 'object',
    properties: Object.fromEntries(keys.map(([name, key]) => [name, of(key)])),
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
    ...(spec.atLeastOneOf.length > 0
      ? { anyOf: spec.atLeastOneOf.map((name) => ({ required: [name] })) }
      : {}),
  };
}

/** Empty is a value where nothing is the default. */
function orEmpty(spec: LeafSpec, source: string): string {
  return spec.default === '' ? `^$|${source}` : source;
}

function leaf(spec: LeafSpec): JsonSchema {
  switch (spec.type) {
    case 'text':
      return {
        type: 'string',
        ...(spec.default === '' ? {} : { minLength: 1 }),
        maxLength: spec.maxLength,
        ...(spec.pattern === null ? {} : { pattern: orEmpty(spec, spec.pattern.source) }),
      };
    case 'path':
      return { type: 'string', ...(spec.default === '' ? {} : { minLength: 1 }) };
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
      return { type: 'integer', minimum: spec.min, maximum: spec.max };
    case 'duration':
      return {
        type: 'string',
        pattern: `^[0-9]+(${DURATION_UNIT_NAMES.join('|')})$`,
        examples: [spec.min, spec.max],
      };
    case 'size':
      return {
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'string', pattern: `^[0-9]+(${SIZE_UNIT_NAMES.join('|')})?$` },
        ],
      };
    case 'choice':
      return { enum: Object.keys(spec.choices), enumDescriptions: Object.values(spec.choices) };
    case 'endpoints': {
      const one = { type: 'string', pattern: '^(tcp|ws|ipc|inproc)://[^\\s]+$' };
      return { anyOf: [one, { type: 'array', items: one, minItems: 1, maxItems: spec.maxItems }] };
    }
  }
}
