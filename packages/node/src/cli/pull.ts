/**
 * `zeroth pull`: reads messages from a pipeline (RFC 30, PULL) and prints them.
 *
 * Guarantees: prints every message it took, until it is ended; with --count it takes few more than it prints.
 */
import { Pull } from '@zeroth/zmq';
import type { DescribeCommand } from './command.ts';
import { usageError } from './errors.ts';
import { addOperands, examples } from './tool/help.ts';
import { splitOperands } from './tool/operands.ts';
import type { ReceiveOptions } from './tool/options.ts';
import { addCommon, addReceiving, addReporting, readOptions } from './tool/options.ts';
import { receiveAll } from './tool/receive.ts';
import { runTool } from './tool/tool.ts';

const HIGH_WATER_MARK = 1000;

export const describe: DescribeCommand = (command, context) => {
  addOperands(command, 'ENDPOINT...', []);
  addCommon(command, {
    count: 'stop after N messages',
    timeout: 'give up (exit code 5) when nothing arrives for this long',
    timeoutDefault: null,
  });
  addReceiving(command);
  addReporting(command, 'print messages, bytes and rate at the end');
  command.addHelpText(
    'after',
    `${examples([
      'zeroth pull tcp://127.0.0.1:5561                    print what arrives, frames separated by tabs',
      'zeroth pull --bind tcp://*:6000 --json              be the consumer that others connect to',
      'zeroth pull tcp://127.0.0.1:5561 -n 1 --raw > file  the bytes of one message',
    ])}

A PULL is sent messages ahead of what it prints: those are lost when it ends.`,
  );
  command.action(async () => {
    const { endpoints, rest } = splitOperands(command.args, context.literal, 'pull');
    if (rest.length > 0)
      throw usageError(`pull takes endpoints only, not ${rest[0]}`, 'zeroth push sends messages');
    const options = readOptions<ReceiveOptions>(command);
    const receiveHighWaterMark = Math.min(HIGH_WATER_MARK, options.count ?? HIGH_WATER_MARK);
    const socket = new Pull({ receiveTimeout: options.timeout ?? -1, receiveHighWaterMark });
    await runTool({
      context,
      options,
      socket,
      endpoints,
      verb: 'received',
      linger: null,
      work: (run) => receiveAll(run, socket, options, context.terminal),
    });
  });
};
