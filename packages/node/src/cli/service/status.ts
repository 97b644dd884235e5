/**
 * `zeroth service status`: one service, or all that `zeroth service install` made.
 *
 * Guarantees: changes nothing, needs no administrator; the exit code of one service says whether it runs; variables of its
 * environment are not shown.
 */
import type { Command } from 'commander';
import { printable } from '../../config/problem.ts';
import type { ServiceStatus } from '../../service/manager.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit.ts';
import { isoOf, table, timeWords } from '../stream/table.ts';
import { examples } from '../tool/help.ts';
import { managerFor } from './manager.ts';

const RIGHT: ReadonlySet<number> = new Set([3]);

export function describeStatus(command: Command, { terminal, exit }: CommandContext): void {
  const status = command
    .command('status')
    .summary('show one service, or all')
    .description('Show one service, or without --name all that are installed here.')
    .option('--name <NAME>', 'name of the service')
    .option('-j, --json', 'print JSON')
    .addHelpText(
      'after',
      `${examples([
        'zeroth service status',
        'zeroth service status --name edge',
        'zeroth service status --name edge --json | jq .state',
      ])}

Exit code with --name: 0 it runs or is paused, 8 it does not, 4 there is none of that name. zeroth status says how the
node itself does.`,
    );
  status.action(async () => {
    const { name, json = false } = status.opts<{ name?: string; json?: boolean }>();
    const manager = await managerFor(name ?? null);
    if (name === undefined) {
      const all = await manager.list();
      if (json) void terminal.out(`${JSON.stringify({ services: all.map(statusView) }, null, 2)}\n`);
      else void terminal.out(all.length === 0 ? 'no service is installed\n' : listText(all));
      exit(EXIT.ok);
      return;
    }
    const one = await manager.status(name);
    void terminal.out(json ? `${JSON.stringify(statusView(one), null, 2)}\n` : statusText(one));
    exit(one.state === 'running' || one.state === 'paused' ? EXIT.ok : EXIT.down);
  });
}

/** For JSON. */
export function statusView(status: ServiceStatus): object {
  return { ...status, since: isoOf(status.since) };
}

function statusText({
  name,
  displayName,
  state,
  start,
  pid,
  since,
  exitCode,
  command,
  dataDir = null,
  text,
}: ServiceStatus): string {
  const rows: readonly (readonly [string, string | null])[] = [
    ['service', `${name} (${displayName})`],
    ['state', state],
    ['says', text === state ? null : text],
    ['since', since === null ? null : timeWords(since)],
    ['process', pid === null ? null : String(pid)],
    ['exit code', exitCode === null ? null : String(exitCode)],
    ['start', start],
    ['command', command],
    ['data', dataDir],
  ];
  return rows
    .flatMap(([key, value]) => (value === null ? [] : [`${key.padEnd(10)} ${printable(value)}\n`]))
    .join('');
}

function listText(all: readonly ServiceStatus[]): string {
  const rows = all.map(({ name, state, start, pid, since, displayName }) => [
    name,
    state,
    start,
    pid === null ? '-' : String(pid),
    timeWords(since),
    printable(displayName),
  ]);
  return table(['NAME', 'STATE', 'START', 'PID', 'SINCE', 'DISPLAY NAME'], rows, RIGHT);
}
