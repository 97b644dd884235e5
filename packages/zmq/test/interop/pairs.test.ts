/** Every pair of socket types that may talk, ours on one side and libzmq on the other, either side binding. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AssignedPair, exchange, pairs } from '../support/exchange.ts';
import { assignments } from '../support/libs.ts';
import { KIB, MIB, payload } from '../support/payload.ts';
import { link, scope } from '../support/scope.ts';
import { basicWires } from '../support/transports.ts';

const SIZES = [0, 1, 2, 127, 128, 254, 255, 256, 257, 8191, 8192, 65_535, 65_536, 65_537, 256 * KIB];
/** With what a frame on the wire looks like at its extremes: no frame, one octet, the long form, many frames. */
const SHAPES: readonly (readonly string[])[] = [
  ['x'],
  ['', 'x'],
  ['x', ''],
  ['', '', ''],
  ['a', '', 'b', '', 'c'],
  Array.from({ length: 300 }, (_, index) => (index % 4 === 0 ? '' : `frame ${index}`)),
];

for (const transport of basicWires) {
  for (const [first, second] of assignments) {
    for (const [left, right] of pairs) {
      for (const leftBinds of [true, false]) {
        const names = `${left} of ${first.name} ${leftBinds ? 'binds' : 'connects'}, ${right} of ${second.name}`;
        describe(`${names}, over ${transport.name}`, { timeout: 30_000 }, () => {
          const open = async (t: Parameters<typeof scope>[0]): Promise<AssignedPair> => {
            const s = scope(t, transport);
            const pair: AssignedPair = {
              leftName: left,
              rightName: right,
              left: s.open(first.sockets[left]),
              right: s.open(second.sockets[right]),
            };
            if (right === 'Subscriber') pair.right.subscribe('');
            await (leftBinds
              ? link(transport, pair.left, pair.right)
              : link(transport, pair.right, pair.left));
            return pair;
          };

          it('messages of every shape and size', async (t) => {
            const pair = await open(t);
            await exchange(
              pair,
              SHAPES.map((parts) => parts.map((part) => Buffer.from(part))),
            );
            await exchange(
              pair,
              SIZES.map((size) => [payload(size, size)]),
            );
            await exchange(
              pair,
              SIZES.map((size) => [Buffer.from('head'), payload(size, size + 1), payload(size % 300, 3)]),
            );
          });

          it('a thousand messages in a row', async (t) => {
            const pair = await open(t);
            await exchange(
              pair,
              Array.from({ length: 1000 }, (_, index) => [
                Buffer.from(String(index)),
                payload(index % 200, index),
              ]),
            );
          });
        });
      }
    }
  }

  for (const [first, second] of assignments) {
    it(`1 MiB and 16 MiB from ${first.name} to ${second.name} over ${transport.name}`, {
      timeout: 60_000,
    }, async (t) => {
      const s = scope(t, transport);
      const pair: AssignedPair = {
        leftName: 'Push',
        rightName: 'Pull',
        left: s.open(first.sockets.Push),
        right: s.open(second.sockets.Pull),
      };
      await link(transport, pair.right, pair.left);
      const large = payload(16 * MIB, 16);
      await exchange(pair, [
        [payload(MIB, 1)],
        [payload(MIB - 1, 2), payload(MIB + 1, 3)],
        [large],
        [Buffer.from('small'), large, Buffer.alloc(0), payload(3 * MIB, 4)],
      ]);
      assert.equal(pair.right.readable, false);
    });
  }
}
