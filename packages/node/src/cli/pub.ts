/**
 * `zeroth pub`: publishes messages (RFC 29, PUB).
 *
 * Guarantees: waits for a subscriber of the first message before sending it, so that a late joiner misses nothing, and
 * says so when nobody came; a slow subscriber slows it down instead of losing messages.
 */
import { XPublisher } from '@zeroth/zmq';
import type { DescribeCommand } from './command.ts';
import { usageError } from './errors.ts';
import { frameFromText, frameToText } from './tool/frames.ts';
import { addOperands, examples } from './tool/help.ts';
import { planInput } from './tool/input.ts';
import { splitOperands } from './tool/operands.ts';
import type { SendOptions } from './tool/options.ts';
import { addCommon, addLinger, addReporting, addSending, duration, readOptions } from './tool/options.ts';
import { sendAll } from './tool/send.ts';
import { SubscriberWatch } from './tool/subscribers.ts';
import type { ToolRun } from './tool/tool.ts';
import { runTool, seconds } from './tool/tool.ts';

interface PubOptions extends SendOptions {
  readonly wait: number;
}

export const describe: DescribeCommand = (command, context) => {
  addOperands(command, 'ENDPOINT... TOPIC [MESSAGE...]', [
    ['TOPIC', 'the first frame of each message; subscribers ask for its prefixes'],
    ['MESSAGE', 'the second frame, one message each; after -- nothing is an option'],
  ]);
  addCommon(command, {
    count: 'messages to send in all: MESSAGEs are repeated',
    timeout: 'give up when nobody is there or reads; 0 waits for ever',
    timeoutDefault: '5s',
  });
  command.addOption(duration('-w, --wait <TIME>', 'wait for a subscriber first; 0 sends at once', '1s'));
  addSending(command);
  addLinger(command);
  addReporting(command, 'print messages, bytes and rate at the end');
  command.addHelpText(
    'after',
    examples([
      'zeroth pub tcp://127.0.0.1:5555 sensor/1 21.5           two frames: topic and value',
      'zeroth pub tcp://127.0.0.1:5555 -F "sensor/1 21.5"      one frame',
      'zeroth pub --bind tcp://*:5555 clock -n 60 -i 1s tick   subscribers connect here',
    ]),
  );
  command.action(async () => {
    const { endpoints, rest } = splitOperands(command.args, context.literal, 'pub');
    const options = readOptions<PubOptions>(command);
    const { topic, messages } = splitTopic(rest, options);
    const plan = planInput(messages, options, topic);
    // XPUB: a PUB that sees its subscriptions. noDrop: at the high-water mark it waits, as a person expects of a tool.
    const socket = new XPublisher({ sendTimeout: options.timeout ?? -1, noDrop: true });
    await runTool({
      context,
      options,
      socket,
      endpoints,
      verb: 'sent',
      linger: options.linger,
      work: async (run) => {
        const watch = new SubscriberWatch(socket);
        await sendAll(run, socket, plan, options, async (first) => {
          if (options.wait === 0) return;
          const found = await watch.waitFor(first[0] as Buffer, options.wait, options.timeout, run.signal);
          if (found === 'no peer') throw noPeer(run, options);
          if (found === 'no subscriber') {
            const name = frameToText(first[0] as Buffer);
            const text = `nobody has subscribed to "${name}" within ${seconds(options.wait)}: what nobody subscribes to is dropped`;
            run.notice('no-subscriber', text, { topic: name });
          }
        });
      },
    });
  });
};

function splitTopic(
  rest: readonly string[],
  options: PubOptions,
): { topic: Buffer | null; messages: readonly string[] } {
  if (options.frames || (options.json && rest.length === 0)) return { topic: null, messages: rest };
  const [topic, ...messages] = rest;
  if (topic === undefined) {
    throw usageError(
      'pub needs a topic',
      'zeroth pub ENDPOINT TOPIC MESSAGE, or --frames FRAME... for other forms',
    );
  }
  if (options.json && (options.stdin || (messages.length === 0 && options.file === null))) {
    throw usageError('with --json the lines of standard input have all frames: leave out the topic');
  }
  return { topic: frameFromText(topic, options.hex), messages };
}

function noPeer(run: ToolRun, options: PubOptions): Error {
  const reader = options.bind ? 'nobody connected' : 'nothing answers there';
  return run.timeout(
    `${reader} within ${seconds(options.timeout)}`,
    'zeroth sub ENDPOINT is a subscriber; --wait 0 sends anyway',
  );
}
