/**
 * Receiving and printing, in batches.
 *
 * Guarantees: stops after exactly --count messages; ends with the timeout error when nothing arrived for --timeout.
 */
import type { Readable, Socket } from '@zeroth/zmq';
import type { Terminal } from '../terminal.ts';
import type { CommonOptions } from './options.ts';
import type { OutputOptions } from './output.ts';
import { Output } from './output.ts';
import { sizeOf } from './send.ts';
import type { ToolRun } from './tool.ts';
import { isTimeout, seconds } from './tool.ts';

const BATCH = 1000;

type Receiver = Socket & Readable & { receiveBatch(max?: number): Promise<Buffer[][]> };

export async function receiveAll(
  run: ToolRun,
  socket: Receiver,
  options: CommonOptions & OutputOptions,
  terminal: Terminal,
): Promise<void> {
  const output = await Output.open(options, terminal);
  try {
    let left = options.count ?? Number.POSITIVE_INFINITY;
    while (left > 0 && !run.signal.aborted) {
      const batch = await receiveSome(run, socket, Math.min(BATCH, left), options);
      left -= batch.length;
      run.timing.add(
        batch.length,
        batch.reduce((sum, frames) => sum + sizeOf(frames), 0),
      );
      await output.print(batch);
    }
  } finally {
    await output.close();
  }
}

async function receiveSome(
  run: ToolRun,
  socket: Receiver,
  max: number,
  options: CommonOptions,
): Promise<Buffer[][]> {
  try {
    return await socket.receiveBatch(max);
  } catch (error) {
    // A closed socket ends a wait with the same code; only an open one timed out.
    if (!isTimeout(error) || socket.closed) throw error;
    throw run.timeout(
      `nothing arrived for ${seconds(options.timeout)}`,
      'is somebody sending? --verbose shows who is connected',
    );
  }
}
