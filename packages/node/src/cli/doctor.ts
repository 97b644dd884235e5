/**
 * `zeroth doctor [FILE]`: what is wrong with this machine, for a node with that configuration.
 *
 * Guarantees: changes nothing, leaves nothing behind; exit code 0 without failures (warnings do not count), 3 when the
 * configuration has problems, 4 for all other failures; the form of --json is in docs/operations.md and only grows.
 */
import type { CheckResult, CheckStatus } from '../doctor/check.ts';
import type { Diagnosis } from '../doctor/doctor.ts';
import { diagnose } from '../doctor/doctor.ts';
import { openManager } from '../service/open.ts';
import type { CommandContext, DescribeCommand } from './command.ts';
import { EXIT } from './exit.ts';
import { onInterrupt } from './signals.ts';
import { colourOn, paint } from './terminal.ts';
import { examples } from './tool/help.ts';

const COLOURS = { ok: 'green', warning: 'yellow', failure: 'red' } as const;
/** Milliseconds that checks which took too long have to clean up behind themselves. */
const LAST_WITHIN = 1500;
const STATUS_WIDTH = 9;
const ID_WIDTH = 14;

export const describe: DescribeCommand = (command, context) => {
  command
    .argument('[FILE]', 'configuration; none: the embedded default')
    .option('-j, --json', 'print one JSON object: ok, checks')
    .addHelpText(
      'after',
      `${examples([
        'zeroth doctor zeroth.yaml                             before the first start, and when something is odd',
        'sudo -u zeroth zeroth doctor /etc/zeroth/zeroth.yaml  as the account of the service',
        'zeroth doctor --json zeroth.yaml | jq \'.checks[] | select(.status != "ok")\'',
      ])}

Exit code: 0 no failure (there may be warnings), 3 the configuration has problems, 4 other failures.`,
    )
    .action((file: string | undefined) =>
      doctor(file ?? null, command.opts<{ json?: boolean }>().json === true, context),
    );
};

async function doctor(file: string | null, json: boolean, { terminal, exit }: CommandContext): Promise<void> {
  const shows = terminal.errIsTerminal && !json;
  const interrupts = onInterrupt();
  try {
    const diagnosis = await diagnose({
      file,
      environment: process.env,
      openManager: () => openManager(process.platform, { plan: false }),
      signal: interrupts.signal,
      progress: (done, of) => {
        if (shows) terminal.status(`${done} of ${of} checks`);
      },
    });
    if (shows) terminal.status('');
    void terminal.out(json ? jsonOf(diagnosis) : screenOf(diagnosis, colourOn(process.stdout, process.env)));
    const failed = diagnosis.configRefused ? EXIT.config : EXIT.start;
    if (diagnosis.hangs) killLater(terminal);
    exit(interrupts.signal.aborted ? interrupts.exitCode() : diagnosis.ok ? EXIT.ok : failed);
  } finally {
    interrupts.dispose();
  }
}

/** A thread that waits for a dead disk holds up every other end of a process, also `process.exit`. */
function killLater(terminal: CommandContext['terminal']): void {
  setTimeout(() => {
    terminal.err('warning: a call of the system does not come back, ending by force');
    process.kill(process.pid, 'SIGKILL');
  }, LAST_WITHIN).unref();
}

function jsonOf({ ok, results }: Diagnosis): string {
  const checks = results.map(({ id, status, message, hint, figures }) => {
    return { ...figures, id, status, message, hint };
  });
  return `${JSON.stringify({ ok, checks: checks.map(inOrder) }, null, 2)}\n`;
}

/** What every check has comes first. */
function inOrder({ id, status, message, hint, ...figures }: Omit<CheckResult, 'figures'>): object {
  return { id, status, message, hint, ...figures };
}

function screenOf({ results }: Diagnosis, colour: boolean): string {
  const lines = results.flatMap(({ id, status, message, hint }) => {
    const line = `${paint(status.padEnd(STATUS_WIDTH), COLOURS[status], colour)}${id.padEnd(ID_WIDTH)}${message}`;
    return hint === null ? [line] : [line, `${' '.repeat(STATUS_WIDTH + ID_WIDTH)}-> ${hint}`];
  });
  const count = (wanted: CheckStatus): number => results.filter(({ status }) => status === wanted).length;
  const [failures, warnings] = [count('failure'), count('warning')];
  const verdict =
    failures + warnings === 0
      ? 'all is well'
      : [words(failures, 'failure'), words(warnings, 'warning')].filter((text) => text !== '').join(', ');
  return `${lines.join('\n')}\n${verdict}\n`;
}

function words(count: number, noun: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'}`;
}
