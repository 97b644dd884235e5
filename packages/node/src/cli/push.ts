/**
 * `zeroth push`: sends messages into a pipeline (RFC 30, PUSH).
 *
 * Guarantees: exit code 0 says that every message was handed to the operating system, and that no peer was seen to cut
 * one off.
 */
import { Push } from '@zeroth/zmq';
import type { DescribeCommand } from './command.ts';
import { addOperands, examples } from './tool/help.ts';
import { planInput } from './tool/input.ts';
import { splitOperands } from './tool/operands.ts';
import type { SendOptions } from './tool/options.ts';
import { addCommon, addLinger, addReporting, addSending, readOptions } from './tool/options.ts';
import { sendAll } from './tool/send.ts';
import { runTool } from './tool/tool.ts';

export const describe: DescribeCommand = (command, context) => {
  addOperands(command, 'ENDPOINT... [MESSAGE...]', [
    ['MESSAGE', 'one message each; after -- everything is a MESSAGE'],
  ]);
  addCommon(command, {
    count: 'messages to send in all: MESSAGEs are repeated',
    timeout: 'give up when no peer takes a message; 0 waits for ever',
    timeoutDefault: '5s',
  });
  addSending(command);
  addLinger(command);
  addReporting(command, 'print messages, bytes and rate at the end');
  command.addHelpText(
    'after',
    examples([
      'zeroth push tcp://127.0.0.1:5560 hello world        two messages',
      'zeroth push tcp://127.0.0.1:5560 -F key value       one message of two frames',
      'zeroth push tcp://127.0.0.1:5560 -n 1000 -r 100 x   1000 messages, 100 a second',
      'tail -f app.log | zeroth push tcp://127.0.0.1:5560  each line a message',
    ]),
  );
  command.action(async () => {
    const { endpoints, rest } = splitOperands(command.args, context.literal, 'push');
    const options = readOptions<SendOptions>(command);
    const plan = planInput(rest, options);
    const socket = new Push({ sendTimeout: options.timeout ?? -1, immediate: true });
    await runTool({
      context,
      options,
      socket,
      endpoints,
      verb: 'sent',
      linger: options.linger,
      work: (run) => sendAll(run, socket, plan, options),
    });
  });
};
