/**
 * `zeroth top`: a running node, live.
 *
 * Guarantees: the terminal is as it was after every end: q, Ctrl-C, a signal, a node that is gone, a fault of ours.
 * Without a terminal it prints one screen for each interval.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CommandContext, DescribeCommand } from './command.ts';
import { usageError } from './errors.ts';
import { EXIT } from './exit.ts';
import { addRemote, remoteOf } from './remote.ts';
import { onInterrupt } from './signals.ts';
import { figuresOf } from './status/figures.ts';
import { FullScreen } from './status/full-screen.ts';
import { screenOf } from './status/screen.ts';
import type { Status } from './status/types.ts';
import { colourOn } from './terminal.ts';
import { examples } from './tool/help.ts';
import { duration, whole } from './tool/options.ts';

interface TopOptions {
  readonly interval: number;
  readonly count?: number;
  readonly json?: boolean;
}

/** Milliseconds. */
const FASTEST = 100;

export const describe: DescribeCommand = (command, context) => {
  addRemote(command);
  command
    .addOption(duration('-i, --interval <TIME>', 'between two looks', '1s'))
    .option('-n, --count <N>', 'end after so many looks', whole)
    .option('-j, --json', 'a JSON object for each look: time, status, routes, streams')
    .addHelpText(
      'after',
      `${examples(['zeroth top', 'zeroth top --interval 5s', 'zeroth top --json -n 10 | jq .routes'])}

q and Ctrl-C end it. Without a terminal it prints a screen for each interval.`,
    )
    .action(() => top(command, context));
};

async function top(command: Command, context: CommandContext): Promise<void> {
  const { interval, count = Number.POSITIVE_INFINITY, json = false } = command.opts<TopOptions>();
  if (interval < FASTEST) throw usageError(`--interval is ${FASTEST}ms or more`);
  const node = await remoteOf(command);
  const { terminal } = context;
  const full = terminal.outIsTerminal && process.stdin.isTTY === true && !json;
  const interrupts = onInterrupt();
  const screen = full ? new FullScreen() : null;
  const ends = [interrupts.signal, terminal.gone];
  // A look at a node that hangs ends as well.
  const ended = AbortSignal.any(screen === null ? ends : [...ends, screen.over]);
  try {
    let before: Status | null = null;
    for (let looks = 0; looks < count && !ended.aborted; looks++) {
      if (looks > 0) await wait(interval, undefined, { signal: ended });
      const status: Status = await node.look<Status>('/v1/status', ended);
      const figures = figuresOf(status, before);
      before = status;
      if (screen !== null) screen.show(screenOf(status, figures, colourOn(process.stdout, process.env)));
      else if (json)
        await terminal.out(
          `${JSON.stringify({ time: status.time, node: status.node.name, status: status.health.status, ...figures })}\n`,
        );
      else await terminal.out(`${screenOf(status, figures, false).join('\n')}\n\n`);
    }
  } catch (error) {
    if (!ended.aborted) throw error;
  } finally {
    screen?.close();
    interrupts.dispose();
  }
  context.exit(EXIT.ok);
}
