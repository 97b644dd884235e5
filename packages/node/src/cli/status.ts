/**
 * `zeroth status`: how a running node does, on one screen.
 *
 * Guarantees: exit code 0 when it is up, 7 when it is degraded, 8 when it is down, 4 when no node answers.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CommandContext, DescribeCommand } from './command.ts';
import { EXIT } from './exit.ts';
import { addRemote, remoteOf } from './remote.ts';
import { type CensusAnswer, censusLines } from './status/census.ts';
import { figuresOf } from './status/figures.ts';
import { screenOf } from './status/screen.ts';
import type { Status } from './status/types.ts';
import { colourOn } from './terminal.ts';
import { examples } from './tool/help.ts';

/** Milliseconds between the two looks that rates are made of. */
const APART = 500;

const CODES = { up: EXIT.ok, degraded: EXIT.degraded, down: EXIT.down } as const;

export const describe: DescribeCommand = (command, context) => {
  addRemote(command);
  command
    .option('-j, --json', 'print what /v1/status answers')
    .option(
      '--debug',
      'also what the process has open, when it was ready and now: what grows and stays leaks',
    )
    .option(
      '--heap',
      'with --debug: count all timers, too, which stops the node for a tenth of a second or more',
    )
    .addHelpText(
      'after',
      `${examples([
        'zeroth status                                  the node of this user on this machine',
        'zeroth status --node plant-7                   where several run',
        'zeroth status --url http://10.0.0.5:5580 --token-file admin.token',
        'zeroth status --json | jq .health.components',
        'zeroth status --debug                          handles, timers, listeners, memory',
      ])}

Exit code: 0 up, 7 degraded, 8 down, 4 no node answers. zeroth top shows it live.`,
    )
    .action(() => status(command, context));
};

async function status(command: Command, { terminal, exit }: CommandContext): Promise<void> {
  const node = await remoteOf(command);
  const look = (): Promise<Status> => node.look<Status>('/v1/status');
  const { json, debug, heap } = command.opts<{ json?: boolean; debug?: boolean; heap?: boolean }>();
  const first = await look();
  const path = heap === true ? '/v1/census?heap=true' : '/v1/census';
  const census = debug === true || heap === true ? await node.look<CensusAnswer>(path) : null;
  if (json === true) {
    void terminal.out(`${JSON.stringify(census === null ? first : { ...first, census }, null, 2)}\n`);
    exit(CODES[first.health.status]);
    return;
  }
  await wait(APART);
  const second = await look();
  const colour = colourOn(process.stdout, process.env);
  const lines = screenOf(second, figuresOf(second, first), colour);
  if (census !== null) lines.push('', ...censusLines(census, colour));
  void terminal.out(`${lines.join('\n')}\n`);
  exit(CODES[second.health.status]);
}
