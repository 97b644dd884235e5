/**
 * `zeroth service logs`: what a service has written, where its system keeps that.
 *
 * Guarantees: lines come out one by one and wait for their reader; Ctrl-C ends --follow with exit code 0.
 */
import type { Command } from 'commander';
import { printable } from '../../config/problem.ts';
import type { CommandContext } from '../command.ts';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import { onInterrupt } from '../signals.ts';
import { addName, managerFor } from './manager.ts';

const LINES = 50;
const MAX_LINES = 1_000_000;

export function describeLogs(command: Command, { terminal, exit }: CommandContext): void {
  const logs = command
    .command('logs')
    .summary('print the log of a service')
    .description('Print the log of a service, where its system keeps it.');
  addName(logs);
  logs
    .option('-n, --lines <COUNT>', 'the last so many lines', String(LINES))
    .option('-f, --follow', 'go on with what is written from now on');
  logs.action(async () => {
    const { name, lines, follow = false } = logs.opts<{ name: string; lines: string; follow?: boolean }>();
    const count = Number(lines);
    if (!/^\d{1,7}$/.test(lines) || count > MAX_LINES)
      throw usageError(`--lines takes 0 to ${MAX_LINES}, not ${printable(lines)}`);
    const manager = await managerFor(name);
    const interrupts = onInterrupt();
    try {
      const signal = AbortSignal.any([interrupts.signal, terminal.gone]);
      for await (const line of manager.logs(name, { lines: count, follow, signal }))
        await terminal.out(`${terminal.outIsTerminal ? printable(line) : line}\n`);
    } finally {
      interrupts.dispose();
    }
    exit(EXIT.ok);
  });
}
