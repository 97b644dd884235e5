/**
 * Sending, one message after the other, at the pace that was asked for.
 *
 * Guarantees: a message counts as sent when a peer's queue has taken it; waiting for that ends with --timeout or Ctrl-C.
 */
import type { Socket, Writable } from '@zeroth/zmq';
import type { InputPlan } from './input.ts';
import { readInput } from './input.ts';
import type { SendOptions } from './options.ts';
import { Pace } from './pace.ts';
import type { ToolRun } from './tool.ts';
import { isTimeout, seconds } from './tool.ts';

/** Sends everything in the plan. `ready` is awaited before the first message. */
export async function sendAll(
  run: ToolRun,
  socket: Socket & Writable,
  plan: InputPlan,
  options: SendOptions,
  ready: (first: readonly Buffer[]) => Promise<void> = async () => {},
): Promise<void> {
  const pace = new Pace(options.interval);
  if (plan.lines && process.stdin.isTTY) {
    run.notice('reading', 'reading messages from the terminal, one on each line; Ctrl-D ends');
  }
  let first = true;
  for await (const frames of readInput(plan, run.signal)) {
    if (first) await ready(frames);
    first = false;
    await pace.due(run.signal);
    if (run.signal.aborted) return;
    run.timing.start();
    await sendOne(run, socket, frames, options);
    run.timing.add(1, sizeOf(frames));
  }
}

/** Sends one message, or throws the error for a timeout. */
export async function sendOne(
  run: ToolRun,
  socket: Socket & Writable,
  frames: Buffer[],
  options: Pick<SendOptions, 'bind' | 'timeout'>,
): Promise<void> {
  try {
    await socket.send(frames, { signal: run.signal });
  } catch (error) {
    if (!isTimeout(error)) throw error;
    const reader = options.bind
      ? 'is somebody connected and reading?'
      : 'is somebody listening there and reading?';
    throw run.timeout(
      `no peer took the message within ${seconds(options.timeout)}`,
      `${reader} --timeout 0 waits for ever`,
    );
  }
}

export function sizeOf(frames: readonly Buffer[]): number {
  return frames.reduce((sum, frame) => sum + frame.length, 0);
}
