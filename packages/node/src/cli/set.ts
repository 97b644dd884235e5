/**
 * `zeroth set KEY VALUE`: a key of a running node, at once.
 *
 * Guarantees: checked like the file; above the file until it is unset, its time is over, or the node ends; in the audit.
 */

import { formatDuration } from '../config/units.ts';
import type { DescribeCommand } from './command.ts';
import { change } from './config/changes.ts';
import { usageError } from './errors.ts';
import { addRemote, remoteOf } from './remote.ts';
import { examples } from './tool/help.ts';
import { duration } from './tool/options.ts';

interface SetOptions {
  readonly for?: number;
  readonly json?: boolean;
}

export const describe: DescribeCommand = (command, context) => {
  addRemote(command);
  command
    .argument('<KEY>', 'as in the file, with dots')
    .argument('[VALUE]', 'as in the file; after -- if it begins with a dash')
    .addOption(duration('--for <TIME>', 'take it back after this time', null))
    .option('-j, --json', 'one JSON object: version, changes, applied, warnings')
    .addHelpText(
      'after',
      `${examples([
        'zeroth set routes.orders.timeout 3s',
        'zeroth set log.level debug --for 10m',
        'zeroth unset log.level',
      ])}

The file is not changed: write it there too if it is to stay. zeroth status lists what is set.`,
    )
    .action(async (key: string, given: string | undefined) => {
      const { for: time, json = false } = command.opts<SetOptions>();
      const values = [...(given === undefined ? [] : [given]), ...(context.literal ?? [])];
      const [value] = values;
      if (value === undefined || values.length > 1)
        throw usageError('set takes one key and one value', 'zeroth set KEY VALUE');
      if (time === 0)
        throw usageError('--for takes a time above 0', 'without --for it stays until zeroth unset');
      const body = { value, ...(time === undefined ? {} : { for: formatDuration(time) }) };
      const request = { method: 'PUT', path: `/v1/config/values/${encodeURIComponent(key)}`, body };
      const until = time === undefined ? `until zeroth unset ${key}` : `for ${formatDuration(time)}`;
      await change(await remoteOf(command), request, { json, done: `set ${until}` }, context);
    });
};
