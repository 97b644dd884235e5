/**
 * ENDPOINT... [MESSAGE...]: where the endpoints end and the messages begin.
 *
 * Guarantees: the leading arguments of the form `tcp://…`, `ws://…` or `ipc://…` are endpoints, the rest are not; after a lone
 * `--` nothing is an endpoint or an option.
 */
import { checkEndpoint } from '../../config/endpoint.ts';
import { usageError } from '../errors.ts';

export interface Operands {
  readonly endpoints: readonly string[];
  readonly rest: readonly string[];
}

/** The port of each tool on the default configuration. */
const PORTS: Readonly<Record<string, number>> = {
  pub: 5555,
  sub: 5556,
  req: 5557,
  rep: 5558,
  push: 5560,
  pull: 5561,
};

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

export function splitOperands(
  operands: readonly string[],
  literal: readonly string[] | null,
  tool: string,
): Operands {
  let count = 0;
  while (count < operands.length && SCHEME.test(operands[count] as string)) count++;
  const endpoints = operands.slice(0, count);
  if (endpoints.length === 0) throw noEndpoint(operands[0], tool);
  for (const endpoint of endpoints) {
    if (endpoint.startsWith('inproc://')) {
      throw usageError(
        `${endpoint} can't be reached from a tool: inproc stays inside one process`,
        'use tcp://, ws:// or ipc://',
      );
    }
  }
  return { endpoints, rest: [...operands.slice(count), ...(literal ?? [])] };
}

function noEndpoint(first: string | undefined, tool: string): Error {
  const endpoint = `tcp://127.0.0.1:${PORTS[tool] ?? 5560}`;
  const example = `zeroth ${tool} ${endpoint}`;
  if (first === undefined) return usageError(`${tool} needs an endpoint`, `for example: ${example}`);
  const guess = guessOf(first);
  const hint = guess === null ? `for example: ${example}` : `did you mean ${guess}?`;
  return usageError(`the first argument is an endpoint such as ${endpoint}, not ${first}`, hint);
}

function guessOf(text: string): string | null {
  if (/^\d{1,5}$/.test(text)) return `tcp://127.0.0.1:${text}`;
  // Without a port or a slash it is more likely a message.
  if (!/[:/]/.test(text)) return null;
  const checked = checkEndpoint(text, 'connect');
  const suggestion = checked.ok ? null : checked.suggestion;
  return suggestion?.startsWith('inproc:') === true ? null : suggestion;
}
