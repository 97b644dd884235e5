/**
 * `zeroth service`: the node, or another program, as a service of Windows, systemd or launchd.
 *
 * Guarantees: nothing is changed before everything is checked; what can't be done as this user is refused with the command
 * that can; `--dry-run` changes nothing.
 */
import type { Command } from 'commander';
import type { CommandContext, DescribeCommand } from './command.ts';
import { describeControls } from './service/control.ts';
import { describeInstall } from './service/install.ts';
import { describeLogs } from './service/logs.ts';
import { describeStatus } from './service/status.ts';
import { examples } from './tool/help.ts';

export const describe: DescribeCommand = (command: Command, context: CommandContext) => {
  command.addHelpText(
    'after',
    `${examples([
      'sudo zeroth service install /etc/zeroth/zeroth.yaml     it runs from the next boot on',
      'sudo zeroth service start                               and now',
      'zeroth service status                                   all that are installed here',
      'zeroth service logs --follow                            what it says',
      'sudo zeroth service install edge.yaml --name edge       a second one, with a name of its own',
      'sudo zeroth service install --name app -- node app.js   a program with zeroth/service in it',
    ])}

On Windows: in a terminal that was opened as administrator, without sudo. docs/service.md has more.`,
  );
  describeInstall(command, context);
  describeControls(command, context);
  describeStatus(command, context);
  describeLogs(command, context);
};
