/**
 * What a change of the configuration did, and what stood in its way, for a person.
 *
 * Guarantees: nothing from outside writes control characters to the terminal.
 */
import { formatProblems } from '../../config/format.ts';
import { printable } from '../../config/problem.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { RemoteNode } from '../remote.ts';
import { RefusedError } from '../remote.ts';
import { colourOn, paint } from '../terminal.ts';

export interface ChangeView {
  readonly key: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before: string | null;
  readonly after: string | null;
  readonly reloadable: boolean;
}

export interface ReloadView {
  readonly version: number;
  readonly changes: readonly ChangeView[];
  readonly applied: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
    readonly restart: readonly string[];
    readonly elapsedMs: number;
  } | null;
  readonly warnings: readonly string[];
}

/** `~ routes.orders.timeout: 5s -> 3s`, `+ …`, `- …`: a line for each. */
export function changeLines(changes: readonly ChangeView[], colour: boolean): string {
  return changes
    .map(({ key, kind, before, after, reloadable }) => {
      const late = reloadable ? '' : '  (counts from the next start)';
      const name = printable(key);
      if (kind === 'added')
        return `${paint(`+ ${name}: ${printable(after ?? '')}`, 'green', colour)}${late}\n`;
      if (kind === 'removed')
        return `${paint(`- ${name}: ${printable(before ?? '')}`, 'red', colour)}${late}\n`;
      return `${paint('~', 'yellow', colour)} ${name}: ${printable(before ?? '')} -> ${printable(after ?? '')}${late}\n`;
    })
    .join('');
}

/** Sends a change, prints what it did, and sets the exit code. `done` is the first line: `reloaded`. */
export async function change(
  node: RemoteNode,
  request: { readonly method: string; readonly path: string; readonly body?: object },
  { json, done }: { readonly json: boolean; readonly done: string },
  { terminal, exit }: CommandContext,
): Promise<void> {
  let report: ReloadView;
  try {
    report = await node.call<ReloadView>(request.method, request.path, request.body);
  } catch (error) {
    throw explained(error, json, (text) => terminal.err(text));
  }
  exit(EXIT.ok);
  if (json) {
    void terminal.out(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  for (const warning of report.warnings) terminal.err(`warning: ${printable(warning)}`);
  const { applied, changes, version } = report;
  if (changes.length === 0) {
    void terminal.out(`${done}: nothing changes, version ${version} goes on\n`);
    return;
  }
  const time = applied === null ? '' : ` in ${applied.elapsedMs} ms`;
  void terminal.out(
    `${done}: version ${version}${time}\n${changeLines(changes, colourOn(process.stdout, process.env))}`,
  );
  const restart = applied?.restart ?? [];
  if (restart.length > 0)
    terminal.err(`these count from the next start: ${restart.map(printable).join(', ')}`);
}

/** Prints the problems of a refused configuration, with their lines; the error that is left says how many. */
export function explained(error: unknown, json: boolean, print: (text: string) => void): unknown {
  if (!(error instanceof RefusedError) || error.problems.length === 0 || error.code !== 'CONFIG_INVALID')
    return error;
  const { problems } = error;
  if (json) return Object.assign(error, { details: { problems } });
  print(formatProblems(problems, { color: colourOn(process.stderr, process.env) }).trimEnd());
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new CliError('CONFIG_INVALID', `refused because of ${count}, see above; the node runs as before`, {
    exitCode: EXIT.config,
    hint: 'docs/config.md describes every key',
  });
}
