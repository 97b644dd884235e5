/** What the tests of the draft sockets share: messages of one frame, with a number beside them. */
import assert from 'node:assert/strict';
import { KIB, payload } from '../support/payload.ts';
import { fresh } from './common.ts';
import type { CellSocket } from './matrix.ts';

export const BODIES: readonly Buffer[] = [0, 1, 255, 256, 8 * KIB, 64 * KIB].map((size) =>
  payload(size, size),
);

export interface Addressed {
  readonly body: Buffer;
  readonly routingId: number;
}

export async function addressed(socket: CellSocket): Promise<Addressed> {
  const [body, { routingId }] = (await socket.receive()) as unknown as [Buffer, { routingId: number }];
  return { body, routingId };
}

/** One way; nothing else comes. */
export async function passesOne(
  from: CellSocket,
  to: CellSocket,
  beside?: { routingId: number },
): Promise<void> {
  for (const body of BODIES) {
    const [copy] = fresh([body]) as [Buffer];
    // libzmq's binding counts its arguments.
    await (beside === undefined ? from.send(copy) : from.send(copy, beside));
    const [got] = (await to.receive()) as [Buffer];
    assert.ok(got.equals(body), `${body.length} octets`);
  }
}
