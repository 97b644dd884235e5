/**
 * `zeroth check FILE`: everything that is wrong in a configuration file.
 *
 * Guarantees: opens nothing but the file; exit code 0 when `zeroth run` would accept it, 3 otherwise; warnings do not
 * change the exit code.
 */
import { formatProblems } from '../config/format.ts';
import { loadConfig } from '../config/load.ts';
import { streamsOf } from '../config/streams.ts';
import type { Config } from '../config/types.ts';
import type { CommandContext, DescribeCommand } from './command.ts';
import { EXIT } from './exit.ts';
import { colourOn } from './terminal.ts';
import { examples } from './tool/help.ts';

export const describe: DescribeCommand = (command, context) => {
  command
    .argument('<FILE>', 'configuration file')
    .option('-j, --json', 'print one JSON object: ok, file, problems, warnings')
    .addHelpText(
      'after',
      examples(['zeroth check zeroth.yaml', 'zeroth check --json zeroth.yaml | jq .problems']),
    )
    .action((file: string) =>
      context.exit(check(file, command.opts<{ json?: boolean }>().json === true, context)),
    );
};

function check(file: string, json: boolean, { terminal }: CommandContext): number {
  const { config, problems, warnings } = loadConfig({ path: file });
  const ok = config !== null;
  if (json) {
    void terminal.out(`${JSON.stringify({ ok, file, problems, warnings }, null, 2)}\n`);
    return ok ? EXIT.ok : EXIT.config;
  }
  const color = colourOn(process.stdout, process.env);
  void terminal.out(formatProblems(problems, { color }));
  void terminal.out(formatProblems(warnings, { color, label: 'warning: ' }));
  const also = warnings.length === 0 ? '' : `, ${plural(warnings.length, 'warning')}`;
  const verdict = config === null ? plural(problems.length, 'problem') : `ok, ${contents(config)}`;
  void terminal.out(`${file}: ${verdict}${also}\n`);
  return ok ? EXIT.ok : EXIT.config;
}

function contents(config: Config): string {
  const streams = streamsOf(config).length;
  return `${plural(config.routes.length, 'route')}${streams === 0 ? '' : `, ${plural(streams, 'stream')}`}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
