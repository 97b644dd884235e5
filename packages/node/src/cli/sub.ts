/**
 * `zeroth sub`: subscribes (RFC 29, SUB) and prints what arrives.
 *
 * Guarantees: without a TOPIC everything arrives; a TOPIC is a prefix of the first frame, as ZeroMQ has it.
 */
import { Subscriber } from '@zeroth/zmq';
import type { DescribeCommand } from './command.ts';
import { frameFromText } from './tool/frames.ts';
import { addOperands, examples } from './tool/help.ts';
import { splitOperands } from './tool/operands.ts';
import type { ReceiveOptions } from './tool/options.ts';
import { addCommon, addReceiving, addReporting, readOptions } from './tool/options.ts';
import { receiveAll } from './tool/receive.ts';
import { runTool } from './tool/tool.ts';

export const describe: DescribeCommand = (command, context) => {
  addOperands(command, 'ENDPOINT... [TOPIC...]', [
    ['TOPIC', 'prefixes of the first frame (hex with --hex); none: everything'],
  ]);
  addCommon(command, {
    count: 'stop after N messages',
    timeout: 'give up (exit code 5) when nothing arrives for this long',
    timeoutDefault: null,
  });
  addReceiving(command);
  addReporting(command, 'print messages, bytes and rate at the end');
  command.addHelpText(
    'after',
    examples([
      'zeroth sub tcp://127.0.0.1:5556                      everything, frames separated by tabs',
      'zeroth sub tcp://127.0.0.1:5556 sensor/ alarm/       two topics',
      'zeroth sub --json tcp://127.0.0.1:5556 | jq .frames  for programs',
      'zeroth sub --bind tcp://*:5556 -n 10 -t 5s           ten messages, or exit code 5',
    ]),
  );
  command.action(async () => {
    const { endpoints, rest } = splitOperands(command.args, context.literal, 'sub');
    const options = readOptions<ReceiveOptions>(command);
    const topics = rest.map((topic) => frameFromText(topic, options.hex));
    const socket = new Subscriber({ receiveTimeout: options.timeout ?? -1 });
    socket.subscribe(...(topics.length === 0 ? [Buffer.alloc(0)] : topics));
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
