/**
 * ENDPOINT... [MESSAGE...]: where the endpoints end and the messages begin.
 *
 * Guarantees: the leading arguments of the form `tcp://…` or `ipc://…` are endpoints, the rest are not; after a lone
 * `--` nothing is an endpoint or an option.
 */
import { usageError } from '../errors.ts';

export interface Operands {
  readonly endpoints: readonly string[];
  readonly rest: readonly string[];
}

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
        'use tcp:// or ipc://',
      );
    }
  }
  return { endpoints, rest: [...operands.slice(count), ...(literal ?? [])] };
}

function noEndpoint(first: string | undefined, tool: string): Error {
  const example = `zeroth ${tool} tcp://127.0.0.1:5560`;
  if (first === undefined) return usageError(`${tool} needs an endpoint`, `for example: ${example}`);
  const guess = /^\d{1,5}$/.test(first)
    ? `tcp://127.0.0.1:${first}`
    : /:\d{1,5}$/.test(first)
      ? `tcp://${first}`
      : null;
  const hint = guess === null ? `for example: ${example}` : `did you mean ${guess}?`;
  return usageError(`the first argument is an endpoint such as tcp://127.0.0.1:5560, not ${first}`, hint);
}
