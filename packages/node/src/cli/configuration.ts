/**
 * `zeroth config show|diff|history|rollback`: the configuration of a running node.
 *
 * Guarantees: secrets are never shown; only rollback changes anything.
 */
import type { Command } from 'commander';
import { printable } from '../config/problem.ts';
import type { CommandContext, DescribeCommand } from './command.ts';
import type { ChangeView } from './config/changes.ts';
import { change, changeLines, explained } from './config/changes.ts';
import { usageError } from './errors.ts';
import { EXIT } from './exit.ts';
import { addRemote, remoteOf } from './remote.ts';
import { actorWords } from './status/screen.ts';
import type { ActorView, Status } from './status/types.ts';
import { table, timeWords } from './stream/table.ts';
import { colourOn } from './terminal.ts';
import { examples } from './tool/help.ts';

export const describe: DescribeCommand = (command, context) => {
  command.addHelpText(
    'after',
    examples([
      'zeroth config show            every key with its value, as it runs',
      'zeroth config diff            what a reload would change',
      'zeroth config history         versions that ran here',
      'zeroth config rollback        back to the version before',
      'zeroth config rollback 12     back to version 12',
    ]),
  );
  const add = (name: string, summary: string, describeOne: DescribeCommand): void => {
    const one = command.command(name).summary(summary).description(`${summary}.`);
    addRemote(one);
    one.option('-j, --json', 'print JSON');
    describeOne(one, context);
  };
  add('show', 'Show every key with its value, as it runs', describeShow);
  add('diff', 'Show what a reload would change; exit code 9 if anything', describeDiff);
  add('history', 'List the versions that ran', describeHistory);
  add('rollback', 'Go back to a version', describeRollback);
};

function isJson(command: Command): boolean {
  return command.opts<{ json?: boolean }>().json === true;
}

const describeShow: DescribeCommand = (command, { terminal, exit }) => {
  command
    .argument('[KEY]', 'only what begins so')
    .addHelpText('after', examples(['zeroth config show', 'zeroth config show routes.orders']))
    .action(async (prefix: string | undefined) => {
      const node = await remoteOf(command);
      const answer = await node.get<{
        config: Status['config'];
        values: readonly { key: string; value: string; reloadable: boolean }[];
      }>('/v1/config');
      const fits = (key: string): boolean =>
        prefix === undefined ||
        key === prefix ||
        key.startsWith(`${prefix}.`) ||
        key.startsWith(`${prefix}[`);
      const values = answer.values.filter(({ key }) => fits(key));
      if (isJson(command)) void terminal.out(`${JSON.stringify({ ...answer, values }, null, 2)}\n`);
      else if (values.length === 0)
        throw usageError(`no key begins with ${prefix}`, 'zeroth config show lists all');
      else {
        const { version, origin } = answer.config;
        void terminal.out(
          `# version ${version} from ${printable(origin)}\n${values.map(({ key, value }) => `${printable(key)}: ${printable(value)}\n`).join('')}`,
        );
      }
      exit(EXIT.ok);
    });
};

const describeDiff: DescribeCommand = (command, { terminal, exit }) => {
  command
    .addHelpText(
      'after',
      `${examples(['zeroth config diff', 'zeroth config diff && echo "nothing to do"'])}

Exit code: 0 no differences, 9 differences, 3 the file would be refused.`,
    )
    .action(async () => {
      const node = await remoteOf(command);
      let changes: readonly ChangeView[];
      try {
        changes = (await node.get<{ changes: readonly ChangeView[] }>('/v1/config/diff')).changes;
      } catch (error) {
        throw explained(error, isJson(command), (text) => terminal.err(text));
      }
      if (isJson(command)) void terminal.out(`${JSON.stringify({ changes }, null, 2)}\n`);
      else if (changes.length === 0) void terminal.out('no differences\n');
      else {
        void terminal.out(changeLines(changes, colourOn(process.stdout, process.env)));
        terminal.err('zeroth reload applies this');
      }
      exit(changes.length === 0 ? EXIT.ok : EXIT.differs);
    });
};

interface Version {
  readonly version: number;
  readonly at: string;
  readonly by: ActorView;
  readonly origin: string;
  readonly digest: string;
  readonly current: boolean;
}

const describeHistory: DescribeCommand = (command, { terminal, exit }) => {
  command.addHelpText('after', examples(['zeroth config history'])).action(async () => {
    const node = await remoteOf(command);
    const { versions } = await node.get<{ versions: readonly Version[] }>('/v1/config/history');
    if (isJson(command)) void terminal.out(`${JSON.stringify({ versions }, null, 2)}\n`);
    else {
      const rows = versions.map(({ version, at, by, origin, digest, current }) => [
        `${version}${current ? ' *' : ''}`,
        timeWords(Date.parse(at)),
        actorWords(by),
        printable(origin),
        printable(digest).slice(0, 12),
      ]);
      void terminal.out(table(['VERSION', 'SINCE', 'BY', 'FROM', 'DIGEST'], rows, new Set()));
    }
    exit(EXIT.ok);
  });
};

const describeRollback: DescribeCommand = (command, context: CommandContext) => {
  command
    .argument('[VERSION]', 'of zeroth config history; none: the one before the current one')
    .addHelpText(
      'after',
      `${examples(['zeroth config rollback', 'zeroth config rollback 12'])}

The file is not changed: the next change of it counts again, and so does the next start.`,
    )
    .action(async (text: string | undefined) => {
      const version = text === undefined ? undefined : Number(text);
      if (version !== undefined && !(Number.isSafeInteger(version) && version >= 1))
        throw usageError(
          `a version is a whole number from 1 on, not ${text}`,
          'zeroth config history lists them',
        );
      const body = version === undefined ? {} : { version };
      const request = { method: 'POST', path: '/v1/config/rollback', body };
      const settings = { json: isJson(command), done: 'rolled back' };
      await change(await remoteOf(command), request, settings, context);
    });
};
