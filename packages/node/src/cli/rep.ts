/**
 * `zeroth rep`: answers requests (RFC 28, REP) with themselves or with a fixed reply, and prints them.
 *
 * Guarantees: every request that is printed was answered; with --count it ends after the last reply has left.
 */
import { Reply } from '@zeroth/zmq';
import type { DescribeCommand } from './command.ts';
import { encoderOf } from './tool/codec.ts';
import { frameFromText } from './tool/frames.ts';
import { addOperands, examples } from './tool/help.ts';
import { splitOperands } from './tool/operands.ts';
import type { ReceiveOptions } from './tool/options.ts';
import { addCommon, addReceiving, addReporting, ENCODE_WORDS, readOptions } from './tool/options.ts';
import { Output } from './tool/output.ts';
import { sizeOf } from './tool/send.ts';
import type { ToolRun } from './tool/tool.ts';
import { isTimeout, runTool, seconds } from './tool/tool.ts';

const LINGER = 5000;

interface RepOptions {
  readonly echo: boolean;
  readonly encode: string | null;
}

export const describe: DescribeCommand = (command, context) => {
  addOperands(command, 'ENDPOINT... [FRAME...]', [
    ['FRAME', 'the frames of the reply (hex with --hex); none: echo the request'],
  ]);
  addCommon(command, {
    count: 'stop after N requests',
    timeout: 'give up (exit code 5) when no request arrives for this long',
    timeoutDefault: null,
  });
  command.option('--echo', 'reply with the request (the default without FRAME)');
  addReceiving(command);
  command.option('--encode <CODEC>', ENCODE_WORDS);
  addReporting(command, 'print requests, bytes and rate at the end');
  command.addHelpText(
    'after',
    examples([
      'zeroth rep tcp://127.0.0.1:5558            a worker behind a node: prints and echoes requests',
      'zeroth rep --bind tcp://*:5557 pong        a server that always says pong',
      'zeroth rep --bind tcp://*:5557 ok -n 1     answers once and ends',
    ]),
  );
  command.action(async () => {
    const { endpoints, rest } = splitOperands(command.args, context.literal, 'rep');
    const options = readOptions<ReceiveOptions & RepOptions>(command);
    const encode = await encoderOf(options.encode);
    const frames = rest.map((frame) => frameFromText(frame, options.hex));
    const reply = frames.length === 0 ? [] : encode(frames);
    const fixed = options.echo || reply.length === 0 ? null : reply;
    const socket = new Reply({ receiveTimeout: options.timeout ?? -1 });
    const work = async (run: ToolRun): Promise<void> => {
      const output = await Output.open(options, context.terminal);
      try {
        for (let left = options.count ?? Number.POSITIVE_INFINITY; left > 0; left--) {
          const request = await receiveRequest(socket, options, run);
          await socket.send(fixed ?? request);
          run.timing.add(1, sizeOf(request));
          await output.print([request]);
        }
      } finally {
        await output.close();
      }
    };
    await runTool({ context, options, socket, endpoints, verb: 'answered', linger: LINGER, work });
  });
};

async function receiveRequest(socket: Reply, options: ReceiveOptions, run: ToolRun): Promise<Buffer[]> {
  try {
    return await socket.receive({ signal: run.signal });
  } catch (error) {
    if (!isTimeout(error) || socket.closed) throw error;
    throw run.timeout(
      `no request arrived for ${seconds(options.timeout)}`,
      'is somebody asking? --verbose shows who is connected',
    );
  }
}
