/** What a value has to be before an option takes it: of the right kind, in its range, as the table in options.ts says. */
import { z85Decode, z85Encode } from '../bytes/z85.ts';
import { ZmqError } from '../errors.ts';
import { INT_MAX, OPTIONS, type OptionName, type OptionSpec, type OptionValues } from './options.ts';

/**
 * The value as it is kept.
 * @throws TypeError in the words of zeromq.js for a wrong type, RangeError for a number out of its range.
 */
export function checkOption(name: OptionName, value: unknown): OptionValues[OptionName] {
  const spec = OPTIONS[name];
  switch (spec.kind) {
    case 'boolean':
      if (typeof value !== 'boolean') throw new TypeError('Option value must be a boolean');
      return value;
    case 'number':
      return checkNumber(name, spec, value);
    case 'string':
      if (value === null) return null;
      if (typeof value === 'string') return checkLength(name, value);
      if (value instanceof Uint8Array) return checkLength(name, textOf(value));
      throw new TypeError('Option value must be a string or buffer');
    case 'key':
      return checkKey(name, value);
    case 'verbosity':
      if (value === null || value === 'allSubs' || value === 'allSubsUnsubs') return value;
      throw new TypeError(
        `Option verbosity must be null, "allSubs" or "allSubsUnsubs", not ${String(value)}`,
      );
  }
}

/** RFC 28: a routing id has at most 255 octets. */
const ROUTING_ID_MAX = 255;

/** RFC 24: a user name, and a password, have a length in one octet. RFC 27: a domain has at most as many. */
const TEXT_MAX = 255;
const SHORT_TEXTS: ReadonlySet<OptionName> = new Set(['plainUsername', 'plainPassword', 'zapDomain']);

/** A key of CURVE, as text. What is wrong with it is told, the value never. */
function checkKey(name: OptionName, value: unknown): string | null {
  if (value === null) return null;
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new TypeError('Option value must be a string or buffer');
  }
  if (typeof value !== 'string' && value.length === 32) return z85Encode(value);
  const text = typeof value === 'string' ? value : Buffer.from(value).toString('latin1');
  if (text.length === 40 && z85Decode(text) !== null) return text;
  throw new ZmqError('EINVAL', { detail: `${name} is a key of 40 characters of Z85, or 32 octets` });
}

/** As text where that is the same; octets that are no UTF-8 stay octets, whatever the type says. */
function textOf(octets: Uint8Array): string {
  const copy = Buffer.from(octets);
  const text = copy.toString();
  return Buffer.from(text).equals(copy) ? text : (copy as unknown as string);
}

function checkLength(name: OptionName, value: string): string {
  if (name === 'routingId' && Buffer.byteLength(value) > ROUTING_ID_MAX) {
    throw new ZmqError('EINVAL', { detail: `routingId has at most ${ROUTING_ID_MAX} octets` });
  }
  if (SHORT_TEXTS.has(name) && Buffer.byteLength(value) > TEXT_MAX) {
    throw new ZmqError('EINVAL', { detail: `${name} has at most ${TEXT_MAX} octets` });
  }
  if (name === 'routingId' && Buffer.from(value)[0] === 0) {
    throw new ZmqError('EINVAL', {
      detail: 'a routingId does not begin with a zero octet: those are made by ROUTER',
    });
  }
  return value;
}

function checkNumber(name: OptionName, spec: OptionSpec, value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('Option value must be a number');
  const { min = -1, max = INT_MAX } = spec;
  const whole = Number.isInteger(value) || name === 'reconnectJitter';
  // Written so that NaN fails as well.
  if (!whole || !(value >= min && value <= max)) {
    throw new RangeError(`Option ${name} must be a number from ${min} to ${max}, not ${value}`);
  }
  return value;
}
