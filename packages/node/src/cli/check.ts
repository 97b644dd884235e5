/**
 * `zeroth check FILE`: everything that is wrong in a configuration file, or in a text with `nodes` for a configuration centre.
 *
 * Guarantees: opens nothing but the file; exit code 0 when `zeroth run` would accept it, 3 otherwise; warnings do not
 * change the exit code.
 */
import { formatProblems } from '../config/format.ts';
import { loadLayers, nodesOf } from '../config/layers.ts';
import { contextOf, loadConfig, refused } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { readSource } from '../config/source.ts';
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
  const { good, problems, warnings } = load(file);
  const ok = good !== null;
  if (json) {
    void terminal.out(`${JSON.stringify({ ok, file, problems, warnings }, null, 2)}\n`);
    return ok ? EXIT.ok : EXIT.config;
  }
  const color = colourOn(process.stdout, process.env);
  void terminal.out(formatProblems(problems, { color }));
  void terminal.out(formatProblems(warnings, { color, label: 'warning: ' }));
  const also = warnings.length === 0 ? '' : `, ${plural(warnings.length, 'warning')}`;
  const verdict = good === null ? plural(problems.length, 'problem') : `ok, ${good}`;
  void terminal.out(`${file}: ${verdict}${also}\n`);
  return ok ? EXIT.ok : EXIT.config;
}

interface Checked {
  /** What is in it; null: there are problems. */
  readonly good: string | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

function load(file: string): Checked {
  // Once: it may be a pipe.
  const source = readSource(file);
  if (!source.ok) return { good: null, ...refused(file, source) };
  const { text } = source;
  const context = contextOf({ path: file });
  const nodes = nodesOf({ name: file, text });
  if (nodes === null) {
    const { config, problems, warnings } = loadConfig({ text, source: file }, context);
    return { good: config === null ? null : contents(config), problems, warnings };
  }
  // What is wrong for one is often wrong for all.
  const problems = new Map<string, Problem>();
  const warnings = new Map<string, Problem>();
  const own = (name: string | null): string =>
    name === null ? '{}' : `node: { name: ${JSON.stringify(name)} }`;
  for (const name of nodes.length === 0 ? [null] : nodes) {
    const layers = {
      centre: { name: file, text },
      file: { name: `node ${name}`, text: own(name) },
      sets: [],
    };
    const loaded = loadLayers(layers, name ?? '', context);
    for (const each of loaded.problems) problems.set(JSON.stringify(each), each);
    for (const each of loaded.warnings) warnings.set(JSON.stringify(each), each);
  }
  const good = problems.size === 0 ? `for a configuration centre, ${plural(nodes.length, 'node')}` : null;
  return { good, problems: [...problems.values()], warnings: [...warnings.values()] };
}

function contents(config: Config): string {
  const streams = streamsOf(config).length;
  return `${plural(config.routes.length, 'route')}${streams === 0 ? '' : `, ${plural(streams, 'stream')}`}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
