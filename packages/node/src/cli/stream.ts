/**
 * `zeroth stream ls|info|read|verify|purge`: looks into the durable streams of a data folder.
 *
 * Guarantees: all but purge only read, and take no lock: a node may be writing meanwhile.
 */
import type { DescribeCommand } from './command.ts';
import { describeInfo } from './stream/info.ts';
import { describeLs } from './stream/ls.ts';
import { describePurge } from './stream/purge.ts';
import { describeRead } from './stream/read.ts';
import { describeVerify } from './stream/verify.ts';
import { examples } from './tool/help.ts';

export const describe: DescribeCommand = (command, context) => {
  command.addHelpText(
    'after',
    `${examples([
      'zeroth stream ls                               the streams of ./zeroth.yaml, else of ./data',
      'zeroth stream ls --data /var/lib/zeroth        those of another data folder',
      'zeroth stream info events                      its segments, producers, readers and their lag',
      'zeroth stream read events --from 10m -n 100    what came in during the last ten minutes',
      'zeroth stream verify                           read everything, check every checksum',
      'zeroth stream purge events --before 7d --yes   remove what is older than a week',
    ])}

zeroth stream COMMAND --help has the options. All but purge only read: they work while a node runs.`,
  );
  const add = (name: string, summary: string, describeOne: DescribeCommand): void => {
    describeOne(command.command(name).summary(summary).description(`${summary}.`), context);
  };
  add('ls', 'List the streams of a data folder', describeLs);
  add('info', 'Show what there is to know of one stream', describeInfo);
  add('read', 'Print records of a stream', describeRead);
  add('verify', 'Read everything and check it', describeVerify);
  add('purge', 'Remove the oldest records of a stream', describePurge);
};
