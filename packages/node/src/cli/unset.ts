/**
 * `zeroth unset KEY`: takes back what `zeroth set` did.
 *
 * Guarantees: the key has the value of the file or the source again, at once.
 */
import type { DescribeCommand } from './command.ts';
import { change } from './config/changes.ts';
import { addRemote, remoteOf } from './remote.ts';
import { examples } from './tool/help.ts';

export const describe: DescribeCommand = (command, context) => {
  addRemote(command);
  command
    .argument('<KEY>', 'as it was set')
    .option('-j, --json', 'one JSON object: version, changes, applied, warnings')
    .addHelpText('after', examples(['zeroth unset routes.orders.timeout']))
    .action(async (key: string) => {
      const json = command.opts<{ json?: boolean }>().json === true;
      const request = { method: 'DELETE', path: `/v1/config/values/${encodeURIComponent(key)}` };
      await change(await remoteOf(command), request, { json, done: `unset ${key}` }, context);
    });
};
