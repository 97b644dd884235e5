/**
 * The part of JSON Schema that the control API is described with, and the check of what comes in against it.
 *
 * Guarantees: what {@link check} accepts is what docs/openapi.json says; it never throws, and looks at own properties only.
 */

export interface Schema {
  readonly type?:
    | 'object'
    | 'array'
    | 'string'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'null'
    | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly $ref?: string;
}

/** Null: it fits. Otherwise why not, beginning with where. */
export function check(value: unknown, schema: Schema, where: string): string | null {
  if (schema.anyOf !== undefined) {
    const problems = schema.anyOf.map((one) => check(value, one, where));
    return problems.includes(null) ? null : (problems[0] ?? null);
  }
  switch (schema.type) {
    case 'object':
      return checkObject(value, schema, where);
    case 'string':
      return checkText(value, schema, where);
    case 'integer':
      if (!Number.isSafeInteger(value)) return `${where} is not a whole number`;
      return checkRange(value as number, schema, where);
    case 'boolean':
      return typeof value === 'boolean' ? null : `${where} is not true or false`;
    case 'null':
      return value === null ? null : `${where} is not null`;
    default:
      return null;
  }
}

function checkObject(value: unknown, schema: Schema, where: string): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${where} is not an object`;
  const { properties = {}, required = [] } = schema;
  for (const name of required) if (!Object.hasOwn(value, name)) return `${where}.${name} is missing`;
  for (const [name, member] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known === undefined)
      return `${where} has an unknown member; allowed: ${Object.keys(properties).join(', ') || 'none'}`;
    const problem = check(member, known, `${where}.${name}`);
    if (problem !== null) return problem;
  }
  return null;
}

function checkText(value: unknown, schema: Schema, where: string): string | null {
  if (typeof value !== 'string') return `${where} is not a string`;
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, enum: choices } = schema;
  if (value.length < minLength || value.length > maxLength)
    return `${where} has ${value.length} characters; allowed: ${minLength} to ${maxLength}`;
  if (choices !== undefined && !choices.includes(value))
    return `${where} is not one of ${choices.join(', ')}`;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value))
    return `${where} does not fit ${pattern}`;
  return null;
}

function checkRange(value: number, { minimum, maximum }: Schema, where: string): string | null {
  if (minimum !== undefined && value < minimum) return `${where} is below ${minimum}`;
  if (maximum !== undefined && value > maximum) return `${where} is above ${maximum}`;
  return null;
}
