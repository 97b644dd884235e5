/**
 * `zeroth req`: sends requests (RFC 28, REQ), one at a time, and prints the replies.
 *
 * Guarantees: a reply is printed before the next request is sent; no reply in time ends it with exit code 5.
 */
import { Request } from '@zeroth/zmq';
import type { DescribeCommand } from './command.ts';
import { addOperands, examples } from './tool/help.ts';
import { planInput, readInput } from './tool/input.ts';
import { splitOperands } from './tool/operands.ts';
import type { SendOptions } from './tool/options.ts';
import { addCommon, addReporting, addSending, DECODE_WORDS, readOptions } from './tool/options.ts';
import { Output } from './tool/output.ts';
import { Pace } from './tool/pace.ts';
import { sendOne, sizeOf } from './tool/send.ts';
import type { ToolRun } from './tool/tool.ts';
import { isTimeout, runTool, seconds } from './tool/tool.ts';

interface ReqOptions extends Omit<SendOptions, 'linger'> {
  readonly routingId?: string;
  readonly decode: string | null;
}

export const describe: DescribeCommand = (command, context) => {
  addOperands(command, 'ENDPOINT... [MESSAGE...]', [
    ['MESSAGE', 'one request each; after -- everything is a MESSAGE'],
  ]);
  addCommon(command, {
    count: 'requests to send in all: MESSAGEs are repeated',
    timeout: 'give up (exit code 5) without a reply; 0 waits for ever',
    timeoutDefault: '5s',
  });
  addSending(command);
  command.option('--decode <CODEC>', DECODE_WORDS);
  command.option('--routing-id <TEXT>', 'the routing id that a ROUTER sees');
  addReporting(command, 'print round trip times (p50, p90, p99, max) at the end');
  command.addHelpText(
    'after',
    examples([
      'zeroth req tcp://127.0.0.1:5557 ping                      one request, prints the reply',
      'zeroth req tcp://127.0.0.1:5557 ping -n 1000 --timing -q  a thousand, with round trip times',
      'zeroth req --json tcp://127.0.0.1:5557 ping               the reply and its time as JSON',
    ]),
  );
  command.action(async () => {
    const { endpoints, rest } = splitOperands(command.args, context.literal, 'req');
    const options = readOptions<ReqOptions>(command);
    const wait = options.timeout ?? -1;
    const id = options.routingId === undefined ? {} : { routingId: options.routingId };
    const socket = new Request({ sendTimeout: wait, receiveTimeout: wait, immediate: true, ...id });
    const plan = planInput(rest, options);
    const work = async (run: ToolRun): Promise<void> => {
      const output = await Output.open(
        { json: options.json, hex: options.hex, raw: false, file: null, decode: options.decode },
        context.terminal,
      );
      const pace = new Pace(options.interval);
      for await (const frames of readInput(plan, run.signal)) {
        await pace.due(run.signal);
        const began = performance.now();
        await sendOne(run, socket, frames, options);
        const reply = await receiveReply(socket, options, run);
        const took = performance.now() - began;
        run.timing.roundTrip(took);
        run.timing.add(1, sizeOf(frames) + sizeOf(reply));
        await output.print([reply], () => ({ roundTrip: Number(took.toFixed(3)) }));
      }
    };
    // Nothing is queued after a reply, and nobody waits for the request of a timeout.
    await runTool({ context, options, socket, endpoints, verb: 'exchanged', linger: null, work });
  });
};

async function receiveReply(socket: Request, options: ReqOptions, run: ToolRun): Promise<Buffer[]> {
  try {
    return await socket.receive({ signal: run.signal });
  } catch (error) {
    if (!isTimeout(error) || socket.closed) throw error;
    throw run.timeout(
      `no reply within ${seconds(options.timeout)}`,
      'is a REP behind that endpoint? --timeout gives it more time',
    );
  }
}
