/**
 * One command line out of a program and its arguments, as CommandLineToArgvW and the C runtime take it apart again.
 *
 * Guarantees: the program is always quoted (an unquoted "C:\Program Files\..." starts C:\Program.exe where there is one);
 * each argument comes out as it went in, whatever quotes and backslashes it has.
 */

import { ZerothError } from '../../errors.ts';

export function commandLine([program, ...rest]: readonly [program: string, ...arguments_: string[]]): string {
  // The first is read by another rule: up to the next quote, whatever stands before it.
  if (program.includes('"'))
    throw new ZerothError('SERVICE_FAILED', `no program can be called ${program}: there is a quote in it`);
  return [`"${program}"`, ...rest.map(quoteArgument)].join(' ');
}

/** Backslashes count only before a quote: doubled there, and before the quote at the end. */
export function quoteArgument(argument: string): string {
  if (argument !== '' && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}
