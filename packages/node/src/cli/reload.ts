/**
 * `zeroth reload`: the node reads its file and its source, and applies what they say.
 *
 * Guarantees: all of it or nothing; exit code 0 when it was applied, 3 when it is refused (every problem with its line), 4
 * when the node could not take it.
 */
import type { DescribeCommand } from './command.ts';
import { change } from './config/changes.ts';
import { addRemote, remoteOf } from './remote.ts';
import { examples } from './tool/help.ts';

export const describe: DescribeCommand = (command, context) => {
  addRemote(command);
  command
    .option('-j, --json', 'one JSON object: version, changes, applied, warnings')
    .addHelpText(
      'after',
      `${examples(['zeroth config diff      what it would change', 'zeroth reload', 'zeroth reload --node plant-7'])}

Routes that did not change keep their connections. A configuration that is refused changes nothing.`,
    )
    .action(async () => {
      const json = command.opts<{ json?: boolean }>().json === true;
      const request = { method: 'POST', path: '/v1/config/reload' };
      await change(await remoteOf(command), request, { json, done: 'reloaded' }, context);
    });
};
