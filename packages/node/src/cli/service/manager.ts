/**
 * What the subcommands of `zeroth service` share: the manager, the name, the plan.
 *
 * Guarantees: a plan is performed as a whole, or shown as a whole.
 */
import type { Command } from 'commander';
import { Option } from 'commander';
import { printable } from '../../config/problem.ts';
import { commandLine } from '../../service/command.ts';
import type { ServiceManager, Step } from '../../service/manager.ts';
import { openManager } from '../../service/open.ts';
import { ownCommand } from '../../service/self.ts';
import { checkName, DEFAULT_NAME } from '../../service/spec.ts';
import { performSteps } from '../../service/steps.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

export interface PlanOptions {
  readonly name: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addName(command: Command): void {
  command.option('--name <NAME>', 'name of the service', DEFAULT_NAME);
}

export function addPlan(command: Command): void {
  command
    .addOption(new Option('--dry-run', 'print every file and call, and change nothing'))
    .option('-j, --json', 'print JSON');
}

/** The manager of this system. @throws ZerothError SERVICE_UNSUPPORTED, USAGE for a name that is none. */
export async function managerFor(name: string | null, dryRun = false): Promise<ServiceManager> {
  if (name !== null) checkName(name);
  return await openManager(process.platform, { plan: dryRun });
}

/** Shows the plan, or performs it. @throws CliError SERVICE_ELEVATION, ZerothError of a step. */
export async function carryOut(
  steps: readonly Step[],
  {
    terminal,
    dryRun,
    json,
  }: { readonly terminal: Terminal; readonly dryRun: boolean; readonly json: boolean },
): Promise<void> {
  if (dryRun) {
    await terminal.out(json ? `${JSON.stringify({ steps: steps.map(viewOf) }, null, 2)}\n` : planText(steps));
    return;
  }
  await performSteps(steps, ({ what }) => {
    if (!json) terminal.err(`  ${printable(what)}`);
  });
}

/** @throws CliError SERVICE_ELEVATION with the line to type. */
export function mustBeElevated(manager: ServiceManager): void {
  const how = manager.elevation();
  if (how === null) return;
  const words = [...ownCommand(), ...withoutSecrets(process.argv.slice(2))];
  const line = manager.system === 'windows' ? words.map(windowsWord).join(' ') : `sudo ${commandLine(words)}`;
  throw new CliError('SERVICE_ELEVATION', 'installing and controlling services needs an administrator', {
    exitCode: EXIT.start,
    hint: `${how}: ${line}`,
  });
}

/** The values of --env do not belong into an error, which may end in the log of a build. */
function withoutSecrets(words: readonly string[]): string[] {
  const end = words.indexOf('--');
  return words.map((word, at) => {
    if (end !== -1 && at > end) return word;
    return word.startsWith('--env=') || words[at - 1] === '--env'
      ? word.replace(/^((?:--env=)?[^=]*=).*$/s, '$1...')
      : word;
  });
}

function windowsWord(word: string): string {
  return /^[\w\\/:.,=-]+$/.test(word) ? word : `"${word.replaceAll('"', '\\"')}"`;
}

function viewOf({ what, content }: Step): object {
  return { what, ...(content === undefined ? {} : { content }) };
}

function planText(steps: readonly Step[]): string {
  return steps
    .map(({ what, content }) => {
      const lines = content === undefined ? '' : `${content.replace(/^(?=.)/gm, '    ').trimEnd()}\n`;
      return `${printable(what)}\n${lines}`;
    })
    .join('');
}
